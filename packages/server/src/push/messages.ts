/** Messages that are being sent, read once and rendered once for each channel, platform and language. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { Push } from '@lethe/protocol/push.ts'
import type { Channel } from '../channels/channel.ts'
import type { Db } from '../schema.ts'
import type { Content } from './push.tables.ts'
import { readPushes } from './recipients.store.ts'

export interface Message {
  readonly msgId: number
  readonly push: Push
  readonly collapseId: string
  readonly overriddenMsgId: number | null
  readonly renderings: Map<string, unknown>
}

/** What one channel sends to a user of this platform and language. */
export function render<Rendered>(
  channel: Channel<Rendered>,
  message: Message,
  { platform, language }: { platform: Platform; language: string | null },
): Rendered {
  const { msgId, push, collapseId, overriddenMsgId, renderings } = message
  const used = push.options.languages.length === 0 ? null : language
  const key = `${channel.name}\n${platform}\n${used ?? ''}`
  const known = renderings.get(key)
  if (known !== undefined) return known as Rendered
  const rendered = channel.render({ msgId, platform, push, language: used, collapseId, overriddenMsgId })
  if (renderings.size < RENDERINGS_MAX) renderings.set(key, rendered)
  return rendered
}

/** Renderings of one message in memory: four platforms in as many languages as are common. Ours. */
const RENDERINGS_MAX = 200

/** Reads messages by id. One that is withdrawn, or whose content is gone, is not there. Nothing is kept: what is said to one user must be forgotten with it. */
export async function readMessages(
  database: Pick<Db, 'read'>,
  msgIds: readonly number[],
): Promise<ReadonlyMap<number, Message>> {
  const rows = await readPushes(database.read, [...new Set(msgIds)])
  return new Map(
    rows.flatMap((row) =>
      row.content === null ? [] : [[row.msg_id, messageOf({ ...row, content: row.content })] as const],
    ),
  )
}

function messageOf(row: {
  msg_id: number
  content: Content
  collapse_id: string
  overridden_msg_id: number | null
}): Message {
  return {
    msgId: row.msg_id,
    push: JSON.parse(row.content) as Push,
    collapseId: row.collapse_id,
    overriddenMsgId: row.overridden_msg_id,
    renderings: new Map(),
  }
}
