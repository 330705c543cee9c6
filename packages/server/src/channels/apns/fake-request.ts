/** Whether a request is one that Apple would take, by its path, its headers and its payload. */

import type { IncomingHttpHeaders } from 'node:http2'
import type { FakeReason } from './fake-reasons.ts'

export interface FakeRequest {
  readonly token: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Apple's reason for a refusal. `apns-topic` is looked at with the provider token. */
export function violationOf({ token, headers, body }: FakeRequest): FakeReason | undefined {
  const wrong = HEADERS.find(({ name, isRight }) => !isRight(textOf(headers[name])))
  if (wrong) return wrong.reason
  if (headers['apns-push-type'] === 'background' && textOf(headers['apns-priority']) !== '5')
    return 'BadPriority'
  if (!TOKEN.test(token)) return 'BadDeviceToken'
  if (body.length > PAYLOAD_BYTES_MAX) return 'PayloadTooLarge'
  return isPayload(body) ? undefined : 'PayloadEmpty'
}

interface Header {
  readonly name: string
  readonly reason: FakeReason
  isRight(value: string | undefined): boolean
}

/** Apple, "Sending notification requests to APNs". All but the type of push may be absent. */
const HEADERS: readonly Header[] = [
  { name: 'apns-push-type', reason: 'InvalidPushType', isRight: (value) => isOneOf(value, PUSH_TYPES) },
  { name: 'apns-priority', reason: 'BadPriority', isRight: (value = '10') => isOneOf(value, PRIORITIES) },
  {
    name: 'apns-expiration',
    reason: 'BadExpirationDate',
    isRight: (value = '0') => /^\d{1,10}$/.test(value),
  },
  { name: 'apns-collapse-id', reason: 'BadCollapseId', isRight: (value = '') => value.length <= 64 },
  { name: 'apns-id', reason: 'BadMessageId', isRight: (value) => value === undefined || UUID.test(value) },
]

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(',') : value
}

function isOneOf(value: string | undefined, values: readonly string[]): boolean {
  return value !== undefined && values.includes(value)
}

function isPayload(body: Buffer): boolean {
  try {
    const { aps } = JSON.parse(body.toString()) as { aps?: unknown }
    return typeof aps === 'object' && aps !== null && Object.keys(aps).length > 0
  } catch {
    return false
  }
}

const PUSH_TYPES = ['alert', 'background']
const PRIORITIES = ['1', '5', '10']
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Apple: tokens are of variable length, in hex; today's have 64 characters or more. */
const TOKEN = /^([0-9a-f]{2}){32,100}$/i
/** Apple, "Generating a remote notification": 4 KB. */
const PAYLOAD_BYTES_MAX = 4096
