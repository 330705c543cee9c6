/**
 * What a user gets of a push over its own socket. In a browser it is what a Web Push carries. An app gets the texts in the
 * same places, and beside them what only its platform knows, under the names of the push API.
 */
import { given } from './given.ts'
import { alertIn, textFor } from './multi-language.ts'
import type { Platform } from './platform.ts'
import type {
  Alert,
  AndroidNotification,
  Badge,
  FreeObject,
  HmosNotification,
  IosNotification,
  NotificationContent,
} from './push.ts'
import { type WebMessage, type WebMessageInput, webMessageOf, webMessageVersion } from './web-message.ts'

export type SocketMessage = WebMessage | AppNotification

/** A notification for an app. Every key of the platform's notification in the push API may stand in it. */
export type AppNotification = {
  readonly v: typeof webMessageVersion
  readonly msg_id: string
  readonly tag: string
  readonly kind: 'notification'
  readonly title?: string
  readonly body?: string
  readonly extras?: FreeObject
  readonly [field: string]: unknown
}

export type SocketMessageInput = WebMessageInput & {
  /** One of the push's platforms. */
  readonly platform: Platform
}

/** @throws Error if the push is a notification that has nothing for the platform. */
export function socketMessageOf(input: SocketMessageInput): SocketMessage {
  const { msgId, push, language, collapseId, platform } = input
  if (push.content.kind === 'message' || platform === 'web') return webMessageOf(input)
  const { alert, fields } = notificationOf(push.content, platform)
  const text = textFor(push.options.languages, language ?? undefined)
  return {
    v: webMessageVersion,
    msg_id: String(msgId),
    tag: collapseId,
    kind: 'notification',
    ...given<Fields>({ ...textFields(alertIn(alert, text)), ...fields }),
  }
}

type Fields = { readonly [field: string]: unknown }

function notificationOf(
  { android, ios, hmos }: NotificationContent,
  platform: Platform,
): { readonly alert: Alert; readonly fields: Fields } {
  if (platform === 'android' && android) return { alert: android.alert, fields: androidFields(android) }
  if (platform === 'ios' && ios) return { alert: ios.alert, fields: iosFields(ios) }
  if (platform === 'hmos' && hmos) return { alert: hmos.alert, fields: hmosFields(hmos) }
  throw new Error('this push has no notification for the platform')
}

function textFields(alert: Alert): Fields {
  return {
    title: alert.title,
    subtitle: alert.subtitle,
    body: alert.body,
    'title-loc-key': alert.titleLocKey,
    'title-loc-args': alert.titleLocArgs,
    'subtitle-loc-key': alert.subtitleLocKey,
    'subtitle-loc-args': alert.subtitleLocArgs,
    'loc-key': alert.locKey,
    'loc-args': alert.locArgs,
    'launch-image': alert.launchImage,
  }
}

function androidFields(block: AndroidNotification): Fields {
  return {
    builder_id: block.builderId,
    channel_id: block.channelId,
    priority: block.priority,
    category: block.category,
    style: block.style,
    big_text: block.bigText,
    inbox: block.inbox,
    big_pic_path: block.bigPicPath,
    extras: block.extras,
    intent: intentOf(block.intentUrl),
    large_icon: block.largeIcon,
    small_icon: block.smallIcon,
    sound: block.sound,
    ...badgeFields(block.badge),
    badge_class: block.badgeClass,
    display_foreground: foregroundOf(block.isShownInForeground),
    group_id: block.groupId,
    is_fold: block.isFolded,
  }
}

function iosFields(block: IosNotification): Fields {
  const { sound } = block
  return {
    sound:
      typeof sound === 'object'
        ? given<Fields>({ critical: sound.isCritical ? 1 : 0, name: sound.name, volume: sound.volume })
        : sound,
    badge: iosBadgeOf(block.badge),
    'content-available': block.isContentAvailable,
    'mutable-content': block.isMutableContent,
    category: block.category,
    'thread-id': block.threadId,
    'interruption-level': block.interruptionLevel,
    extras: block.extras,
  }
}

function hmosFields(block: HmosNotification): Fields {
  return {
    category: block.category,
    large_icon: block.largeIcon,
    intent: intentOf(block.intentUrl),
    ...badgeFields(block.badge),
    test_message: block.isTestMessage,
    receipt_id: block.receiptId,
    extras: block.extras,
    style: block.inboxLines === undefined ? undefined : INBOX_STYLE,
    inbox_content: block.inboxLines,
    display_foreground: foregroundOf(block.isShownInForeground),
  }
}

/** HarmonyOS: text in many lines (documented). */
const INBOX_STYLE = 3

function badgeFields(badge: Badge | undefined): Fields {
  if (badge === undefined) return {}
  return 'set' in badge ? { badge_set_num: badge.set } : { badge_add_num: badge.change }
}

/** A number sets, a text with a sign changes. */
function iosBadgeOf(badge: Badge | undefined): number | string | undefined {
  if (badge === undefined) return undefined
  if ('set' in badge) return badge.set
  return badge.change > 0 ? `+${badge.change}` : String(badge.change)
}

function intentOf(url: string | undefined): Fields | undefined {
  return url === undefined ? undefined : { url }
}

function foregroundOf(isShown: boolean | undefined): '0' | '1' | undefined {
  if (isShown === undefined) return undefined
  return isShown ? '1' : '0'
}
