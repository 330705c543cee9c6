/** What a message looks like as a notification. */

import { type WebMessage, webMessageVersion } from '@lethe/protocol/web-message.ts'

/** A message as the worker gets it. */
export type PushedMessage = WebMessage & { readonly event_token?: string }

/** Undefined: it is none of ours, or one that this worker is too old for. */
export function parseMessage(text: string | undefined): PushedMessage | undefined {
  try {
    const message = JSON.parse(text ?? '') as PushedMessage
    return message.v === webMessageVersion && typeof message.msg_id === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

/** Chromium's word for the buttons of a notification, which the library of types does not have. */
export type Options = NotificationOptions & {
  readonly image?: string
  readonly actions?: readonly { readonly action: string; readonly title: string; readonly icon?: string }[]
}

/** A message for the site's code is shown only where no page is open to take it: browsers want every push to be seen. */
export function notificationOf(
  message: PushedMessage,
  hostName: string,
): { title: string; options: Options } {
  const { event_token: token, ...shown } = message
  const { tag, title = hostName } = message
  const data = { message: shown, token }
  if (message.kind === 'message') return { title, options: { tag, data } }
  const { body, icon, image, buttons = [] } = message
  const actions = buttons.map(({ id, text, icon: sign }) => ({
    action: id,
    title: text,
    ...(sign !== undefined && { icon: sign }),
  }))
  return {
    title,
    options: {
      body,
      tag,
      data,
      ...(icon !== undefined && { icon }),
      ...(image !== undefined && { image }),
      ...(actions.length > 0 && { actions }),
    },
  }
}

/** Where a click on the notification, or on one of its buttons, leads; undefined: nowhere in particular. */
export function urlOf(message: WebMessage, action: string): string | undefined {
  if (message.kind !== 'notification') return undefined
  return message.buttons?.find(({ id }) => id === action)?.url ?? message.url
}
