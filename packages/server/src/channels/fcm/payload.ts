/**
 * The request to FCM. Everything but the token and the time to live is the same for all users of a platform and a language,
 * so it is written as JSON once, and a send only joins the pieces.
 */

import { fault, type Refusal } from '@lethe/protocol/fault.ts'
import { given } from '@lethe/protocol/given.ts'
import type { FreeObject, MessageContent } from '@lethe/protocol/push.ts'
import { utf8Bytes } from '@lethe/protocol/utf8.ts'
import { assert } from '../../kernel/assert.ts'
import type { Token } from '../../kernel/personal.ts'
import type { RenderInput } from '../channel.ts'
import { androidCustomMessage, androidNotification } from './android-message.ts'
import { type Data, dataOf, refusalOfExtras } from './data.ts'
import { webNotification } from './web-message.ts'

/** The JSON of a request, cut where the token and the seconds of its life belong. */
export interface RenderedFcm {
  readonly beforeToken: string
  readonly beforeTtl: string
  readonly afterTtl: Buffer
  readonly refusal: Refusal | undefined
}

/** For users of Android and the web, whom alone FCM reaches here. */
export function renderFcm(input: RenderInput): RenderedFcm {
  const { name, extras, notification, data, config } = contentOf(input)
  // Token and time to live come first, before any text of the push, so that the first two slots are theirs.
  const message =
    input.platform === 'web'
      ? { token: SLOT, webpush: { headers: { TTL: SLOT }, ...config }, data }
      : { token: SLOT, android: { ttl: `${SLOT}s`, ...config }, data }
  const [beforeToken = '', beforeTtl = '', ...rest] = JSON.stringify({ message }).split(SLOT)
  return {
    beforeToken,
    beforeTtl,
    afterTtl: Buffer.from(rest.join(SLOT)),
    refusal: refusalOfExtras(extras, `${name}.extras`) ?? refusalOfSize(name, data, notification),
  }
}

/** The body of one request. `ttlSeconds` is 0 to 2,419,200 (four weeks), FCM's most; a push of the API lives 15 days. */
export function fcmBody(rendered: RenderedFcm, token: Token, ttlSeconds: number): Uint8Array {
  const tokenText = JSON.stringify(token).slice(1, -1)
  const start = `${rendered.beforeToken}${tokenText}${rendered.beforeTtl}${ttlSeconds}`
  return Buffer.concat([Buffer.from(start), rendered.afterTtl])
}

interface Content {
  /** The parameter of the push that it was made from. */
  readonly name: string
  readonly extras: FreeObject | undefined
  readonly notification: Readonly<Record<string, unknown>>
  readonly data: Data
  readonly config: Readonly<Record<string, unknown>>
}

function contentOf(input: RenderInput): Content {
  const { platform, msgId, push } = input
  assert(platform === 'android' || platform === 'web', 'FCM reaches Android and the web')
  const { content } = push
  if (content.kind === 'message') return customMessage(input, content)
  const block = content[platform]
  assert(block !== undefined, 'a push has a notification for each of its platforms')
  const { extras } = block
  const {
    config,
    notification = {},
    fields,
  } = 'buttons' in block ? webNotification(input, block) : androidNotification(input, block)
  return {
    name: `notification.${platform}`,
    extras,
    notification,
    config,
    data: dataOf({ msgId, extras, fields }),
  }
}

function customMessage(input: RenderInput, { content, title, contentType, extras }: MessageContent): Content {
  const fields = {
    kind: 'message',
    content,
    ...given<Readonly<Record<string, unknown>>>({
      title,
      content_type: contentType,
      override_msg_id: input.overriddenMsgId ?? undefined,
    }),
  }
  return {
    name: 'message',
    extras,
    notification: {},
    config: input.platform === 'web' ? {} : androidCustomMessage(input),
    data: dataOf({ msgId: input.msgId, extras, fields }),
  }
}

function refusalOfSize(
  name: string,
  data: Data,
  notification: Readonly<Record<string, unknown>>,
): Refusal | undefined {
  const bytes = bytesOf(data) + bytesOf(notification)
  if (bytes <= PAYLOAD_BYTES_MAX) return undefined
  return fault('contentTooLarge', `${name}: ${bytes} bytes for FCM of at most ${PAYLOAD_BYTES_MAX}`)
}

/** Keys and values, as Google's page of error codes counts them. */
function bytesOf(record: Readonly<Record<string, unknown>>): number {
  return Object.entries(record).reduce(
    (sum, [key, value]) =>
      sum + utf8Bytes(key) + utf8Bytes(typeof value === 'string' ? value : JSON.stringify(value)),
    0,
  )
}

/** FCM: bytes of the keys and values of one message. */
const PAYLOAD_BYTES_MAX = 4096

/** Never escaped in JSON. */
const SLOT = '@'
