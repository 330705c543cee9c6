/**
 * A push as FCM takes it for the web: a `WebpushConfig`. It is for tokens of a site that uses the client library of Firebase;
 * users of Lethe's own web SDK have a Web Push endpoint and are reached through that.
 */

import { given } from '@lethe/protocol/given.ts'
import { alertIn, textFor } from '@lethe/protocol/multi-language.ts'
import type { WebNotification } from '@lethe/protocol/push.ts'
import type { RenderInput } from '../channel.ts'

type Fields = Readonly<Record<string, unknown>>

export interface WebMessage {
  /** `webpush` of the message, without its headers. */
  readonly config: Fields
  /** `webpush.notification`: the options of the browser's `showNotification`. */
  readonly notification: Fields
  readonly fields: Fields
}

/** A click opens the link, which has to be https; other urls and those of the buttons go to the site's own worker. */
export function webNotification(input: RenderInput, block: WebNotification): WebMessage {
  const { title, body } = alertIn(
    block.alert,
    textFor(input.push.options.languages, input.language ?? undefined),
  )
  const isLink = block.url?.startsWith('https://') ?? false
  const notification = given<Fields>({
    title,
    body,
    tag: input.collapseId,
    icon: block.icon,
    image: block.image,
    actions: block.buttons.length === 0 ? undefined : block.buttons.map(actionOf),
  })
  const urls = block.buttons.filter(({ url }) => url !== undefined).map(({ id, url }) => ({ id, url }))
  return {
    config: { notification, ...(isLink && { fcm_options: { link: block.url } }) },
    notification,
    fields: {
      kind: 'notification',
      tag: input.collapseId,
      url: isLink ? undefined : block.url,
      buttons: urls.length === 0 ? undefined : urls,
    },
  }
}

function actionOf({ id, text, icon }: WebNotification['buttons'][number]): Fields {
  return given<Fields>({ action: id, title: text, icon })
}
