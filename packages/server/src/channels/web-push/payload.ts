/** What a push becomes for the push services of browsers: the bytes to encrypt, and what the headers say about them. */

import { createHash } from 'node:crypto'
import { fault, type Refusal } from '@lethe/protocol/fault.ts'
import type { PushOptions } from '@lethe/protocol/push.ts'
import { webMessageOf } from '@lethe/protocol/web-message.ts'
import type { RenderInput } from '../channel.ts'
import { PLAINTEXT_BYTES_MAX } from './encryption.ts'
import type { WebPushVendor } from './vendors.ts'

export interface RenderedWebPush {
  readonly msgId: number
  /** The message in UTF-8, as it is for all who get it: each gets it with an event token of its own. */
  readonly message: Uint8Array
  readonly urgency: 'normal' | 'high'
  /** 32 characters of base64url (RFC 8030 section 5.4). */
  readonly topic: string
  /** Whether it stands in for an earlier message. */
  readonly isOverride: boolean
}

export function renderWebPush(input: RenderInput): RenderedWebPush {
  const { msgId, push, collapseId, overriddenMsgId } = input
  return {
    msgId,
    message: new TextEncoder().encode(JSON.stringify(webMessageOf(input))),
    urgency: urgencyOf(push.options),
    topic: createHash('sha256').update(collapseId).digest('base64url').slice(0, TOPIC_CHARACTERS),
    isOverride: overriddenMsgId !== null,
  }
}

/** What is encrypted for one user: the message with the token as its last key. In memory of its own. */
export function plaintextFor({ message }: RenderedWebPush, eventToken: string): Uint8Array<ArrayBuffer> {
  const end = `${TOKEN_KEY}${eventToken}"}`
  const start = message.length - '}'.length
  const plaintext = new Uint8Array(start + end.length)
  plaintext.set(message)
  Buffer.from(plaintext.buffer).write(end, start, 'latin1')
  return plaintext
}

export function refusalOfSize({ message }: RenderedWebPush): Refusal | undefined {
  if (message.length <= MESSAGE_BYTES_MAX) return undefined
  const words = `the message for browsers: ${message.length} bytes of at most ${MESSAGE_BYTES_MAX}`
  return fault('contentTooLarge', words)
}

/**
 * A later message under the same topic takes the place of one that was not delivered yet, so that a send that is repeated
 * after a crash arrives once. Google's service keeps four such messages for a browser that is offline, and of more it drops
 * any; a push there goes under a topic only where it overrides another, and the browser shows one notification in any case,
 * since both carry the same tag. (https://firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types)
 */
export function topicFor({ topic, isOverride }: RenderedWebPush, vendor: WebPushVendor): string | undefined {
  return vendor !== 'chrome' || isOverride ? topic : undefined
}

/** A phone that sleeps is woken for messages of the system, and for those that are worth nothing later (RFC 8030 section 5.3). */
function urgencyOf({ classification, timeToLiveSeconds }: PushOptions): 'normal' | 'high' {
  return classification === 'system' || timeToLiveSeconds === 0 ? 'high' : 'normal'
}

const TOPIC_CHARACTERS = 32

const TOKEN_KEY = ',"event_token":"'
/** Of base64url: 16 bytes. */
const TOKEN_CHARACTERS = 22
/** What is left when the token has its place. */
const MESSAGE_BYTES_MAX = PLAINTEXT_BYTES_MAX - (TOKEN_KEY.length + TOKEN_CHARACTERS + '"'.length)
