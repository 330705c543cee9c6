/**
 * What a user's browser gets of a push: the JSON that the service worker reads out of a Web Push, and that comes over our
 * own socket. It is as short as it can be, since a Web Push carries less than 4 KB, and it says in which version it is
 * written, since a worker of an older SDK lives on in the browser until the next visit.
 */
import { given } from './given.ts'
import { alertIn, textFor } from './multi-language.ts'
import type { FreeObject, MessageContent, Push, WebButton, WebNotification } from './push.ts'

/** Raised by a change that an older worker would misread; what it may ignore is added without. */
export const webMessageVersion = 1

export type WebMessage = WebNotificationMessage | WebCustomMessage

/** To be shown. It stands in one language already; what is absent, the worker has its own idea of. */
export type WebNotificationMessage = Common & {
  readonly kind: 'notification'
  readonly body: string
  /** Where a click leads. */
  readonly url?: string
  readonly icon?: string
  readonly image?: string
  /** Never empty. */
  readonly buttons?: readonly WebButton[]
}

/** For the site's own code. */
export type WebCustomMessage = Common & {
  readonly kind: 'message'
  readonly content: string | FreeObject
  readonly content_type?: string
}

type Common = {
  readonly v: typeof webMessageVersion
  /** Decimal, as in the answer to the push. */
  readonly msg_id: string
  /** A notification takes the place of an earlier one with the same tag: the Notification API's word for a collapse id. */
  readonly tag: string
  readonly title?: string
  readonly extras?: FreeObject
  /**
   * Only in a Web Push: with it the worker reports what became of this message, in the place of the device secret. The server
   * appends it for each user to what is rendered once for many.
   */
  readonly event_token?: string
}

export type WebMessageInput = {
  readonly msgId: number
  /** One of its platforms is the web. */
  readonly push: Push
  /** The user's language, a canonical BCP 47 tag; null if unknown. */
  readonly language: string | null
  readonly collapseId: string
}

/** @throws Error if the push is a notification that has nothing for the web. */
export function webMessageOf(input: WebMessageInput): WebMessage {
  const { msgId, push, collapseId } = input
  const common = { v: webMessageVersion, msg_id: String(msgId), tag: collapseId } as const
  if (push.content.kind === 'message') return { ...common, ...customMessage(push.content) }
  if (push.content.web === undefined) throw new Error('this push has no notification for the web')
  return { ...common, ...notification(push.content.web, input) }
}

function customMessage({ content, title, contentType, extras }: MessageContent) {
  const rest = given<Pick<WebCustomMessage, 'title' | 'content_type' | 'extras'>>({
    title,
    content_type: contentType,
    extras,
  })
  return { kind: 'message', content, ...rest } as const
}

function notification(web: WebNotification, { push, language }: WebMessageInput) {
  const text = textFor(push.options.languages, language ?? undefined)
  const { title, body = web.alert.body } = alertIn(web.alert, text)
  return given<Omit<WebNotificationMessage, 'v' | 'msg_id' | 'tag'>>({
    kind: 'notification',
    title,
    body,
    url: web.url,
    icon: web.icon,
    image: web.image,
    buttons: web.buttons.length === 0 ? undefined : web.buttons,
    extras: web.extras,
  })
}
