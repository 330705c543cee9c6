/** `aps` of a notification: what iOS itself reads of it. */

import { given } from '@lethe/protocol/given.ts'
import { alertIn, textFor } from '@lethe/protocol/multi-language.ts'
import type { Alert, IosNotification } from '@lethe/protocol/push.ts'
import type { RenderInput } from '../channel.ts'

export type Fields = Readonly<Record<string, unknown>>

/** Wakes the app, and shows and sounds nothing. */
export const SILENT_APS: Fields = { 'content-available': 1 }

/**
 * A change of the badge is left out: Apple takes no other than the number itself. `pushType` says whether there is anything
 * for the user; a notification without goes to the app alone.
 */
export function apsOf(
  { push, language }: Pick<RenderInput, 'push' | 'language'>,
  block: IosNotification,
): { readonly aps: Fields; readonly pushType: 'alert' | 'background' } {
  const alert = alertOf(alertIn(block.alert, textFor(push.options.languages, language ?? undefined)))
  const shown = given<Fields>({
    alert,
    badge: block.badge && 'set' in block.badge ? block.badge.set : undefined,
    sound: soundOf(block.sound),
  })
  if (Object.keys(shown).length === 0) return { aps: SILENT_APS, pushType: 'background' }
  const aps = given<Fields>({
    ...shown,
    'content-available': block.isContentAvailable ? 1 : undefined,
    'mutable-content': block.isMutableContent ? 1 : undefined,
    category: block.category,
    'thread-id': block.threadId,
    'interruption-level': block.interruptionLevel,
  })
  return { aps, pushType: 'alert' }
}

function alertOf(alert: Alert): string | Fields | undefined {
  const texts = given<Fields>({
    title: alert.title,
    'title-loc-key': alert.titleLocKey,
    'title-loc-args': alert.titleLocArgs,
    subtitle: alert.subtitle,
    'subtitle-loc-key': alert.subtitleLocKey,
    'subtitle-loc-args': alert.subtitleLocArgs,
    body: alert.body,
    'loc-key': alert.locKey,
    'loc-args': alert.locArgs,
    'launch-image': alert.launchImage,
  })
  if (!TEXTS.some((name) => name in texts)) return undefined
  return alert.body !== undefined && Object.keys(texts).length === 1 ? alert.body : texts
}

function soundOf(sound: IosNotification['sound']): string | Fields | undefined {
  if (typeof sound !== 'object') return sound
  const { isCritical, name = 'default', volume } = sound
  return given<Fields>({ critical: isCritical ? 1 : 0, name, volume })
}

/** One of them makes an alert. */
const TEXTS = ['title', 'title-loc-key', 'subtitle', 'subtitle-loc-key', 'body', 'loc-key']
