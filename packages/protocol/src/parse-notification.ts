/** `notification` of a push: for each platform its complete notification, or the reason why the push is refused. */
import { fault, type Judged, passed, type Refusal } from './fault.ts'
import { given } from './given.ts'
import type {
  AndroidNotificationBody,
  HmosNotificationBody,
  IosNotificationBody,
  NotificationBody,
} from './notification.schemas.ts'
import { webButtonsOf } from './parse-push-options.ts'
import { type Platform, platforms } from './platform.ts'
import type {
  Alert,
  AndroidNotification,
  Badge,
  CriticalSound,
  HmosNotification,
  IosNotification,
  NotificationContent,
  WebButton,
  WebNotification,
} from './push.ts'
import { channelIdBytesMax } from './push-limits.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'
import { hasDistribution } from './third-party-channel.ts'
import { utf8Bytes } from './utf8.ts'

type AlertBody = NotificationBody['alert']
export type NotificationInput = {
  readonly notification: NotificationBody
  readonly options: PushOptionsBody
  /** `all`, or those that were named: each of these must get something, or the push is refused. */
  readonly wanted: 'all' | readonly Platform[]
  /** What stands before the names of fields: `body.` or nothing, and with the options' own name. */
  readonly where: string
  readonly optionsWhere: string
}

/**
 * A block for a platform that was not named is left out. `all` means every platform that there is a text or a block for.
 * Sizes are not looked at here.
 */
export function parseNotification(input: NotificationInput): Judged<NotificationContent> {
  const { notification, options, where } = input
  const reached = platformsOf(input)
  const refusal =
    refusalOfReach(input, reached) ??
    refusalOfBlocks(notification, reached, `${where}notification`) ??
    refusalOfDistribution(notification, options, where) ??
    refusalOfButtons(input, reached)
  if (refusal) return refusal
  const { alert, android = {}, ios = {}, hmos = {} } = notification
  const has = (platform: Platform) => reached.includes(platform)
  return passed(
    given<NotificationContent>({
      kind: 'notification',
      web: has('web') ? webNotification(notification, webButtonsOf(options)) : undefined,
      android: has('android') ? androidNotification(android, alert) : undefined,
      ios: has('ios') ? iosNotification(ios, alert) : undefined,
      hmos: has('hmos') ? hmosNotification(hmos, alert) : undefined,
    }),
  )
}

/** The platforms that get a notification, in the order of `platforms`. */
export function notifiedPlatforms(content: NotificationContent): Platform[] {
  return platforms.filter((platform) => content[platform] !== undefined)
}

function platformsOf({ notification, wanted }: NotificationInput): Platform[] {
  if (wanted !== 'all') return platforms.filter((platform) => wanted.includes(platform))
  return platforms.filter((platform) => {
    if (notification[platform] !== undefined) return true
    // Browsers show every push, so a text for all that is empty or known to apps only is none on the web.
    return platform === 'web' ? hasText(notification.alert) : notification.alert !== undefined
  })
}

function hasText(alert: AlertBody): boolean {
  return Boolean(typeof alert === 'object' ? alert.body : alert)
}

function refusalOfReach(
  { notification, where }: NotificationInput,
  reached: Platform[],
): Refusal | undefined {
  const name = `${where}notification`
  if (reached.length === 0) return fault('parameterMissing', `${name}.alert is required`)
  const { alert, web, hmos } = notification
  const silent = reached.find((platform) => alert === undefined && notification[platform] === undefined)
  if (silent !== undefined)
    return fault('parameterMissing', `${name}.${silent} is required, or ${name}.alert for every platform`)
  if (reached.includes('web') && !hasText(web?.alert ?? alert))
    return fault('parameterMissing', `${name}.web.alert is required, or ${name}.alert for every platform`)
  if (reached.includes('hmos') && (hmos?.alert ?? alert) === undefined)
    return fault('parameterMissing', `${name}.hmos.alert is required, or ${name}.alert for every platform`)
  return undefined
}

function refusalOfBlocks(
  notification: NotificationBody,
  reached: Platform[],
  name: string,
): Refusal | undefined {
  const { android, ios, hmos } = notification
  const channelBytes = utf8Bytes(android?.channel_id ?? '')
  if (reached.includes('android') && channelBytes > channelIdBytesMax) {
    const reason = `${channelBytes} bytes of at most ${channelIdBytesMax}`
    return fault('parameterInvalid', `${name}.android.channel_id: ${reason}`)
  }
  if (reached.includes('ios') && Object.hasOwn(ios?.extras ?? {}, 'aps'))
    return fault('parameterInvalid', `${name}.ios.extras: the key aps belongs to Apple`)
  if (!reached.includes('hmos')) return undefined
  if (hmos?.push_type) return fault('parameterInvalid', `${name}.hmos.push_type: only 0 is supported yet`)
  if (hmos?.style === 3 && !hmos.inbox_content?.length)
    return fault('parameterMissing', `${name}.hmos.inbox_content is required in style 3`)
  return undefined
}

function refusalOfDistribution(
  notification: NotificationBody,
  options: PushOptionsBody,
  where: string,
): Refusal | undefined {
  if (!hasDistribution(options.third_party_channel)) return undefined
  const alerts = [notification.alert, ...platforms.map((platform) => notification[platform]?.alert)]
  const isEmpty = alerts.every((alert) => alert === undefined || alert === '')
  return isEmpty
    ? fault('distributionWithoutAlert', `${where}notification.alert: empty, while a distribution is chosen`)
    : undefined
}

function refusalOfButtons(
  { options, optionsWhere }: NotificationInput,
  reached: Platform[],
): Refusal | undefined {
  if (!options.web_buttons?.length || reached.includes('web')) return undefined
  return fault('parameterInvalid', `${optionsWhere}web_buttons: the push does not go to the web`)
}

function webNotification({ alert, web }: NotificationBody, buttons: WebButton[]): WebNotification {
  const { body = '', ...rest } = alertOf(web?.alert ?? alert, web?.title)
  return given<WebNotification>({
    alert: { ...rest, body },
    url: web?.url,
    icon: web?.icon,
    image: web?.image,
    extras: web?.extras,
    buttons,
  })
}

function androidNotification(block: AndroidNotificationBody, alert: AlertBody): AndroidNotification {
  return given<AndroidNotification>({
    alert: alertOf(block.alert ?? alert, block.title),
    builderId: block.builder_id,
    channelId: block.channel_id,
    priority: block.priority,
    category: block.category,
    style: block.style,
    bigText: block.big_text,
    inbox: block.inbox,
    bigPicPath: block.big_pic_path,
    extras: block.extras,
    intentUrl: block.intent?.url,
    largeIcon: block.large_icon,
    smallIcon: block.small_icon,
    sound: block.sound,
    badge: badgeOf(block),
    badgeClass: block.badge_class,
    isShownInForeground: isForeground(block.display_foreground),
    groupId: block.group_id,
    isFolded: block.is_fold,
  })
}

function iosNotification(block: IosNotificationBody, alert: AlertBody): IosNotification {
  return given<IosNotification>({
    alert: alertOf(block.alert ?? alert),
    sound: typeof block.sound === 'object' ? soundOf(block.sound) : block.sound,
    badge: iosBadgeOf(block.badge),
    isContentAvailable: block['content-available'],
    isMutableContent: block['mutable-content'],
    category: block.category,
    threadId: block['thread-id'],
    interruptionLevel: block['interruption-level'],
    extras: block.extras,
  })
}

function hmosNotification(block: HmosNotificationBody, alert: AlertBody): HmosNotification {
  return given<HmosNotification>({
    alert: alertOf(block.alert ?? alert, block.title),
    category: block.category,
    largeIcon: block.large_icon,
    intentUrl: block.intent?.url,
    badge: badgeOf(block),
    isTestMessage: block.test_message,
    receiptId: block.receipt_id,
    extras: block.extras,
    inboxLines: block.style === 3 ? block.inbox_content : undefined,
    isShownInForeground: isForeground(block.display_foreground),
  })
}

/** A platform's own title stands above that of an alert. */
function alertOf(alert: AlertBody, title?: string): Alert {
  if (typeof alert !== 'object') return given<Alert>({ title, body: alert })
  return given<Alert>({
    title: title || alert.title,
    subtitle: alert.subtitle,
    body: alert.body,
    launchImage: alert['launch-image'],
    titleLocKey: alert['title-loc-key'],
    titleLocArgs: alert['title-loc-args'],
    subtitleLocKey: alert['subtitle-loc-key'],
    subtitleLocArgs: alert['subtitle-loc-args'],
    locKey: alert['loc-key'],
    locArgs: alert['loc-args'],
  })
}

function badgeOf(block: AndroidNotificationBody | HmosNotificationBody): Badge | undefined {
  if (block.badge_set_num !== undefined) return { set: block.badge_set_num }
  return block.badge_add_num ? { change: block.badge_add_num } : undefined
}

/** `5` and `"5"` set, `"+1"` and `"-1"` change, the empty text clears. */
function iosBadgeOf(badge: IosNotificationBody['badge']): Badge | undefined {
  if (badge === undefined) return undefined
  if (typeof badge === 'number' || /^[0-9]*$/.test(badge)) return { set: Number(badge) }
  const change = Number(badge)
  return change === 0 ? undefined : { change }
}

function soundOf({ critical, name, volume }: Exclude<IosNotificationBody['sound'], string | undefined>) {
  return given<CriticalSound>({ isCritical: Boolean(critical), name, volume })
}

function isForeground(word: string | undefined): boolean | undefined {
  return word === undefined ? undefined : word === '1'
}
