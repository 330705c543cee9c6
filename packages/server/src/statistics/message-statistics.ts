/** Puts the counters of messages into the form in which the API answers them. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { Push } from '@lethe/protocol/push.ts'
import {
  type ChannelCounters,
  channelKeys,
  type KindCounters,
  type MessageStatisticsAnswer,
} from '@lethe/protocol/statistics.schemas.ts'
import type { CountRow, MessageRow } from './read-statistics.store.ts'

/** `counts`: those of this message. */
export function messageStatistics(
  { kind, content }: MessageRow,
  counts: readonly CountRow[],
): MessageStatisticsAnswer[string] {
  const totals = totalOf(counts)
  const subs: Pick<KindCounters, 'sub_android' | 'sub_ios' | 'sub_hmos' | 'sub_web'> = {
    sub_android: subOf('android', counts),
    sub_ios: subOf('ios', counts),
    sub_hmos: subOf('hmos', counts),
    sub_web: subOf('web', counts),
  }
  return {
    ...totals,
    ...(content === null ? {} : { pushContent: pushContent(JSON.parse(content) as Push) }),
    sub: { [kind]: { target: totals.targets, ...totals, click: totals.clicks, ...subs } },
  }
}

/** What a developer knows of the push: its `body`, as far as it is kept. */
function pushContent({ platforms, content }: Push): { platform: string[] } {
  const { kind, ...rest } = content
  const said = { [kind]: rest }
  return { platform: [...platforms], ...said }
}

/** Counters by channel, all channels of the platform; what went through any other stands under the platform's first. */
function subOf<Of extends Platform>(
  platform: Of,
  counts: readonly CountRow[],
): Record<(typeof channelKeys)[Of][number], ChannelCounters> {
  const keys: readonly string[] = channelKeys[platform]
  const ofPlatform = counts.filter((count) => count.platform === platform)
  const byKey = Map.groupBy(ofPlatform, ({ channel }) => (keys.includes(channel) ? channel : keys[0]))
  const entries = keys.map((key) => [key, totalOf(byKey.get(key) ?? [])] as const)
  return Object.fromEntries(entries) as Record<(typeof channelKeys)[Of][number], ChannelCounters>
}

function totalOf(counts: readonly CountRow[]): ChannelCounters {
  const sum = (name: keyof ChannelCounters) => counts.reduce((total, count) => total + count[name], 0)
  return {
    targets: sum('targets'),
    sent: sum('sent'),
    delivered: sum('delivered'),
    impressions: sum('impressions'),
    clicks: sum('clicks'),
  }
}
