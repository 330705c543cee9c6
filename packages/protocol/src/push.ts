/**
 * A push in the form that senders work from: checked, with every platform's content complete and nothing that a sender
 * would have to look up elsewhere in the request. It is plain JSON, so that it can be stored. Its audience stands beside it.
 */
import type { Platform } from './platform.ts'

export type Push = {
  readonly from?: string
  readonly requestId?: string
  readonly customArgs?: string | FreeObject
  /** Those that get something, in the order of `platforms`, each once; never empty. */
  readonly platforms: readonly Platform[]
  readonly content: PushContent
  readonly options: PushOptions
}

export type PushContent = NotificationContent | MessageContent

/** Whatever JSON the developer sent. */
export type FreeObject = Readonly<Record<string, unknown>>

/** There is a notification for each of the push's platforms, and for no other. */
export type NotificationContent = {
  readonly kind: 'notification'
  readonly web?: WebNotification
  readonly android?: AndroidNotification
  readonly ios?: IosNotification
  readonly hmos?: HmosNotification
}

/** `content` is the empty text when only the extras were sent. */
export type MessageContent = {
  readonly kind: 'message'
  readonly content: string | FreeObject
  readonly title?: string
  readonly contentType?: string
  readonly extras?: FreeObject
  readonly isTestMessage?: boolean
  readonly receiptId?: string
}

/**
 * Title and text, the same on every platform: a title of Android, HarmonyOS or the web stands here too. The keys that end
 * in `LocKey` name texts of the app; FCM and APNs both know them. A `body` that is absent or empty shows nothing.
 */
export type Alert = {
  readonly title?: string
  readonly subtitle?: string
  readonly body?: string
  readonly launchImage?: string
  readonly titleLocKey?: string
  readonly titleLocArgs?: readonly string[]
  readonly subtitleLocKey?: string
  readonly subtitleLocArgs?: readonly string[]
  readonly locKey?: string
  readonly locArgs?: readonly string[]
}

/** What becomes of the number on the app's icon. A change may be negative; it is never 0. */
export type Badge = { readonly set: number } | { readonly change: number }

/** The alert of the web always has a body: browsers refuse a push that shows nothing. */
export type WebNotification = {
  readonly alert: Alert & { readonly body: string }
  readonly url?: string
  readonly icon?: string
  readonly image?: string
  readonly extras?: FreeObject
  readonly buttons: readonly WebButton[]
}

export type WebButton = {
  readonly id: string
  readonly text: string
  readonly icon?: string
  readonly url?: string
}

export type AndroidNotification = {
  readonly alert: Alert
  readonly builderId?: number
  readonly channelId?: string
  readonly priority?: number
  readonly category?: string
  readonly style?: number
  readonly bigText?: string
  readonly inbox?: Readonly<Record<string, string>>
  readonly bigPicPath?: string
  readonly extras?: FreeObject
  readonly intentUrl?: string
  readonly largeIcon?: string
  readonly smallIcon?: string
  readonly sound?: string
  readonly badge?: Badge
  readonly badgeClass?: string
  readonly isShownInForeground?: boolean
  readonly groupId?: string
  readonly isFolded?: boolean
}

export type IosNotification = {
  readonly alert: Alert
  readonly sound?: string | CriticalSound
  readonly badge?: Badge
  readonly isContentAvailable?: boolean
  readonly isMutableContent?: boolean
  readonly category?: string
  readonly threadId?: string
  readonly interruptionLevel?: 'active' | 'critical' | 'passive' | 'time-sensitive'
  /** Never with a key `aps`, which is Apple's. */
  readonly extras?: FreeObject
}

export type CriticalSound = { readonly isCritical: boolean; readonly name?: string; readonly volume?: number }

export type HmosNotification = {
  readonly alert: Alert
  readonly category?: string
  readonly largeIcon?: string
  readonly intentUrl?: string
  readonly badge?: Badge
  readonly isTestMessage?: boolean
  readonly receiptId?: string
  readonly extras?: FreeObject
  /** Present in the style with several lines. */
  readonly inboxLines?: readonly string[]
  readonly isShownInForeground?: boolean
}

/** Which way a push takes to a user who has both a vendor's channel and our own socket. */
export type ChannelOrder = 'vendorFirst' | 'socketFirst' | 'socketOnly' | 'vendorOnly'

/** The texts of one language, as BCP 47 writes it. At least one of them is there, and none is empty. */
export type LanguageText = {
  readonly language: string
  readonly title?: string
  readonly content?: string
  readonly iosSubtitle?: string
}

export type PushOptions = {
  /** 0 means: users who are online now. */
  readonly timeToLiveSeconds: number
  readonly overrideMsgId?: number
  readonly apnsProduction?: boolean
  readonly apnsCollapseId?: string
  /** 0 means: at full speed. */
  readonly bigPushMinutes: number
  readonly languages: readonly LanguageText[]
  readonly channelOrder: { readonly android: ChannelOrder; readonly web: ChannelOrder }
  /** The notification channel of what goes through FCM; it wins over the notification's own. */
  readonly fcmChannelId?: string
  readonly classification: 'operational' | 'system'
  readonly cid?: string
}
