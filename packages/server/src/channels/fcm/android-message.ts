/** A push as FCM takes it for an Android app: an `AndroidConfig`, and what has no field there as fields of Lethe's own. */

import { given } from '@lethe/protocol/given.ts'
import { alertIn, textFor } from '@lethe/protocol/multi-language.ts'
import type { Alert, AndroidNotification, Badge } from '@lethe/protocol/push.ts'
import type { RenderInput } from '../channel.ts'

type Fields = Readonly<Record<string, unknown>>

export interface AndroidMessage {
  /** `android` of the message, without its time to live. */
  readonly config: Fields
  /** `android.notification`; absent where nothing is shown. */
  readonly notification?: Fields
  readonly fields: Fields
}

/**
 * FCM shows the notification itself while the app is in the background; without a text there is nothing to show, and the app
 * alone gets the data. A notification goes with high priority, as Google does by default, unless the push ranks it below
 * the usual. `tag` lets it take the place of an earlier one; FCM collapses waiting notifications by itself and ignores keys.
 */
export function androidNotification(input: RenderInput, block: AndroidNotification): AndroidMessage {
  const { options } = input.push
  const alert = alertIn(block.alert, textFor(options.languages, input.language ?? undefined))
  const fields = {
    kind: 'notification',
    tag: input.collapseId,
    override_msg_id: input.overriddenMsgId ?? undefined,
    ...fieldsOf(block),
  }
  if (!alert.body && !alert.locKey) return { config: { priority: 'NORMAL' }, fields }
  const priority = (block.priority ?? 0) < 0 ? 'NORMAL' : 'HIGH'
  const notification = given<Fields>({
    ...texts(alert),
    tag: input.collapseId,
    channel_id: options.fcmChannelId ?? block.channelId,
    notification_priority: block.priority === undefined ? undefined : PRIORITIES[block.priority],
    notification_count: countOf(block.badge),
    icon: isUrl(block.smallIcon) ? undefined : block.smallIcon,
    sound: block.sound,
    image: isUrl(block.bigPicPath) ? block.bigPicPath : undefined,
    click_action: actionOf(block.intentUrl),
  })
  return { config: { priority, notification }, notification, fields }
}

/**
 * For the app's own code: data alone, with normal priority as Google does by default. A collapse key goes only with a
 * message that takes the place of another, since FCM keeps no more than four keys for a device that is away.
 */
export function androidCustomMessage(input: RenderInput): Fields {
  const isReplacing = input.overriddenMsgId !== null
  return { priority: 'NORMAL', ...(isReplacing && { collapse_key: input.collapseId }) }
}

function texts(alert: Alert): Fields {
  return {
    title: alert.title,
    title_loc_key: alert.titleLocKey,
    title_loc_args: alert.titleLocArgs,
    body: alert.body,
    body_loc_key: alert.locKey,
    body_loc_args: alert.locArgs,
  }
}

/** By the names of the push API. What FCM was told already is not repeated. */
function fieldsOf(block: AndroidNotification): Fields {
  const { badge, isShownInForeground, intentUrl } = block
  return {
    builder_id: block.builderId,
    category: block.category,
    style: block.style,
    big_text: block.bigText,
    inbox: block.inbox,
    big_pic_path: isUrl(block.bigPicPath) ? undefined : block.bigPicPath,
    large_icon: block.largeIcon,
    small_icon: isUrl(block.smallIcon) ? block.smallIcon : undefined,
    badge_set_num: countOf(badge) === undefined && badge && 'set' in badge ? badge.set : undefined,
    badge_add_num: badge && 'change' in badge ? badge.change : undefined,
    badge_class: block.badgeClass,
    display_foreground: isShownInForeground === undefined ? undefined : isShownInForeground ? '1' : '0',
    group_id: block.groupId,
    is_fold: block.isFolded,
    intent: intentUrl === undefined ? undefined : { url: intentUrl },
  }
}

/** FCM takes 0 for none given, and knows no difference: both go to the app as fields. */
function countOf(badge: Badge | undefined): number | undefined {
  return badge && 'set' in badge && badge.set > 0 ? badge.set : undefined
}

/** FCM opens an activity by the action of its intent filter: that of an intent url, or the text if it is an action itself. */
function actionOf(intentUrl: string | undefined): string | undefined {
  if (intentUrl === undefined) return undefined
  const action = /^intent:.*#Intent;(?:.*;)?action=([^;]+)/.exec(intentUrl)?.[1]
  return action ?? (ACTION.test(intentUrl) ? intentUrl : undefined)
}

function isUrl(text: string | undefined): boolean {
  return text !== undefined && /^https?:\/\//i.test(text)
}

/** An action looks like a Java name. */
const ACTION = /^[\w.]+$/

/** The API's -2 to 2. */
const PRIORITIES: Readonly<Record<number, string>> = {
  '-2': 'PRIORITY_MIN',
  '-1': 'PRIORITY_LOW',
  0: 'PRIORITY_DEFAULT',
  1: 'PRIORITY_HIGH',
  2: 'PRIORITY_MAX',
}
