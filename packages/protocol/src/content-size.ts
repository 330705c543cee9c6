/**
 * How long a push may be. What one platform gets is measured as it came: as the JSON, without spaces, of the platform's
 * block with the alert for all platforms in it, in the longest of its languages. What a channel makes of it may be longer
 * than its vendor takes; the channel knows that.
 */
import { fault, type Refusal } from './fault.ts'
import type { MessageBody } from './message.schemas.ts'
import type { NotificationBody } from './notification.schemas.ts'
import type { Platform } from './platform.ts'
import type { LanguageText } from './push.ts'
import { contentBytesMax, webNotificationBytesMax } from './push-limits.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'
import { utf8Bytes } from './utf8.ts'

type Block = NonNullable<NotificationBody[Platform]>

export type NotificationSizes = {
  readonly notification: NotificationBody
  readonly options: PushOptionsBody
  readonly languages: readonly LanguageText[]
  /** The platforms that get it. */
  readonly platforms: readonly Platform[]
  /** Whether the web was named, or only meant among all. */
  readonly isWebNamed: boolean
  readonly where: string
}

/**
 * The web's stricter limit is for pushes that are made for the web: those that name it or have a block for it. An alert
 * for all platforms may be as long as anywhere.
 */
export function refusalOfNotificationSize(input: NotificationSizes): Refusal | undefined {
  for (const platform of input.platforms) {
    const refusal = refusalOfBlockSize(input, platform)
    if (refusal) return refusal
  }
  return undefined
}

export function refusalOfMessageSize(message: MessageBody, where: string): Refusal | undefined {
  return tooLong(`${where}message`, jsonBytes(message), contentBytesMax)
}

function refusalOfBlockSize(input: NotificationSizes, platform: Platform): Refusal | undefined {
  const { notification, options, languages, isWebNamed, where } = input
  const block: Block = { alert: notification.alert, ...notification[platform] } as Block
  const translated = languages.map((text) => jsonBytes(blockIn(block, text)))
  const bytes = Math.max(jsonBytes(block), ...translated)
  const name = `${where}notification.${platform}`
  if (platform !== 'web') return tooLong(name, bytes, contentBytesMax)
  const limit = isWebNamed || notification.web !== undefined ? webNotificationBytesMax : contentBytesMax
  const buttonBytes = options.web_buttons?.length ? jsonBytes(options.web_buttons) : 0
  return (
    tooLong(name, bytes, limit) ?? tooLong(`${name} with its buttons`, bytes + buttonBytes, contentBytesMax)
  )
}

/** The block with the texts of a language where its own stand. */
function blockIn(block: Block, { title, content, iosSubtitle }: LanguageText): object {
  const { alert } = block
  const translated = typeof alert === 'object' && content ? { ...alert, body: content } : (content ?? alert)
  return {
    ...block,
    alert: translated,
    ...(title && { title }),
    ...(iosSubtitle && { subtitle: iosSubtitle }),
  }
}

function tooLong(name: string, bytes: number, limit: number): Refusal | undefined {
  return bytes <= limit ? undefined : fault('contentTooLarge', `${name}: ${bytes} bytes of at most ${limit}`)
}

function jsonBytes(value: object): number {
  return utf8Bytes(JSON.stringify(value))
}
