/**
 * The request to APNs, as far as it is the same for all users of a language: the payload, and what its headers say about it.
 * Beside `aps` stand the developer's extras and `lethe`, an object with what iOS has no field for, under the names of the
 * push API: for the client SDK, and for apps that read it themselves.
 */

import { fault, type Refusal } from '@lethe/protocol/fault.ts'
import { given } from '@lethe/protocol/given.ts'
import type { Badge, FreeObject, MessageContent } from '@lethe/protocol/push.ts'
import { assert } from '../../kernel/assert.ts'
import type { RenderInput } from '../channel.ts'
import { apsOf, type Fields, SILENT_APS } from './aps.ts'

export interface RenderedApns {
  readonly msgId: number
  /** JSON in UTF-8. */
  readonly payload: Buffer
  readonly pushType: 'alert' | 'background'
  /** At most 64 printable characters of ASCII. */
  readonly collapseId: string
  /** That of tokens whose own is not known. */
  readonly environment: 'production' | 'sandbox'
  readonly refusal: Refusal | undefined
}

/** Raised by a change that an older SDK would misread. */
export const FIELDS_VERSION = 1

/**
 * For users of iOS. Every push has a collapse id, that of the message if no other is asked for: one that is sent twice, since
 * an answer was lost, shows once, and a later one can take its place.
 */
export function renderApns(input: RenderInput): RenderedApns {
  const { msgId, push, collapseId } = input
  const { name, aps, pushType, extras, fields } = contentOf(input)
  const lethe = { v: FIELDS_VERSION, msg_id: String(msgId), ...fields }
  const payload = Buffer.from(JSON.stringify({ aps, ...extras, lethe }))
  return {
    msgId,
    payload,
    pushType,
    collapseId,
    environment: push.options.apnsProduction === false ? 'sandbox' : 'production',
    refusal: refusalOfExtras(extras, name) ?? refusalOfSize(payload, name),
  }
}

interface Content {
  /** The parameter of the push that it was made from. */
  readonly name: string
  readonly aps: Fields
  readonly pushType: 'alert' | 'background'
  readonly extras: FreeObject | undefined
  readonly fields: Fields
}

function contentOf(input: RenderInput): Content {
  const { content } = input.push
  const override = { override_msg_id: input.overriddenMsgId ?? undefined }
  if (content.kind === 'message') return customMessage(content, override)
  const { ios } = content
  assert(ios !== undefined, 'a push has a notification for each of its platforms')
  const fields = given<Fields>({ kind: 'notification', ...override, badge: changeOf(ios.badge) })
  return { name: 'notification.ios', ...apsOf(input, ios), extras: ios.extras, fields }
}

/** For the app's own code, which iOS wakes in the background when it sees fit. */
function customMessage({ content, title, contentType, extras }: MessageContent, override: Fields): Content {
  const fields = {
    kind: 'message',
    content,
    ...given<Fields>({ title, content_type: contentType, ...override }),
  }
  return { name: 'message', aps: SILENT_APS, pushType: 'background', extras, fields }
}

/** As it was sent: an extension of the app may add it up. */
function changeOf(badge: Badge | undefined): string | undefined {
  if (badge === undefined || 'set' in badge) return undefined
  return badge.change > 0 ? `+${badge.change}` : String(badge.change)
}

function refusalOfExtras(extras: FreeObject | undefined, name: string): Refusal | undefined {
  if (!RESERVED.some((key) => Object.hasOwn(extras ?? {}, key))) return undefined
  return fault('parameterInvalid', `${name}.extras: the key aps belongs to Apple, and lethe to Lethe`)
}

function refusalOfSize({ length }: Buffer, name: string): Refusal | undefined {
  if (length <= PAYLOAD_BYTES_MAX) return undefined
  return fault('contentTooLarge', `${name}: ${length} bytes for APNs of at most ${PAYLOAD_BYTES_MAX}`)
}

const RESERVED = ['aps', 'lethe']

/** Apple, "Generating a remote notification": 4 KB. */
const PAYLOAD_BYTES_MAX = 4096
