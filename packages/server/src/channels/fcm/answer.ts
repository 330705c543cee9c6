/**
 * What an answer of FCM means. Its errors are Google's `Status` with details: `FcmError` names what FCM found, `BadRequest`
 * the fields that it did not like, `QuotaFailure` whose quota was used up.
 */

import { unreachable } from '../../kernel/assert.ts'
import type { Outcome } from '../channel.ts'
import type { OutboundFailure, OutboundResponse } from '../outbound/outbound.ts'
import { retryAfterMs } from '../retry-after.ts'

export type Answer =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  /** The access token is not valid, or no longer. */
  | { readonly kind: 'tokenRefused'; readonly reason: string }
  /** The project has used up its quota. `afterMs`: what FCM asks for, null when it asks for nothing. */
  | { readonly kind: 'projectExhausted'; readonly afterMs: number | null; readonly reason: string }

/**
 * Never throws, whatever the body is. Source of the table: Google's pages "FCM error codes" and "Best practices when sending
 * FCM messages at scale". A quota without `Retry-After` is worth a minute there; other delays are left to the sender.
 */
export function readAnswer(response: OutboundResponse, nowMs: number): Answer {
  if (response.status >= 200 && response.status < 300) return outcome({ kind: 'accepted' })
  const error = readError(response)
  const { reason } = error
  const afterMs = retryAfterMs(response.headers['retry-after'], { nowMs, maxMs: RETRY_AFTER_MS_MAX })
  const retry = outcome({ kind: 'retry', afterMs, reason })
  const rejected = outcome({ kind: 'rejected', reason })
  switch (reason) {
    case 'UNREGISTERED':
      return outcome({ kind: 'gone', sinceMs: null, reason })
    case 'INVALID_ARGUMENT':
      return isAboutToken(error) ? outcome({ kind: 'gone', sinceMs: null, reason }) : rejected
    // The token belongs to another project: this one will never reach it, but the token is not dead.
    case 'SENDER_ID_MISMATCH':
    // The project has no key for the service behind the token (Apple's, or Web Push), which FCM alone would use.
    case 'THIRD_PARTY_AUTH_ERROR':
      return rejected
    case 'UNAUTHENTICATED':
      return { kind: 'tokenRefused', reason }
    case 'QUOTA_EXCEEDED':
    case 'RESOURCE_EXHAUSTED':
      return error.isOfOneDevice
        ? outcome({ kind: 'retry', afterMs: afterMs ?? QUOTA_PAUSE_MS, reason })
        : { kind: 'projectExhausted', afterMs, reason }
    // The operator has to mend something: the role of the account, the API that is switched off, the name of the project.
    // Until the push ends it may still arrive.
    case 'PERMISSION_DENIED':
    case 'NOT_FOUND':
      return retry
    default:
      return response.status >= 500 || response.status === TIMEOUT_STATUS ? retry : rejected
  }
}

/** What it means that there is no answer. A message whose answer was lost may have arrived: it is sent under the same tag. */
export function outcomeOfFailure(failure: OutboundFailure): Outcome {
  switch (failure) {
    case 'refusedByGate':
      return { kind: 'dropped' }
    case 'addressRefused':
      return { kind: 'rejected', reason: failure }
    case 'unreachable':
    case 'lost':
    case 'refusedStream':
    case 'deadline':
    case 'closed':
      return { kind: 'retry', afterMs: null, reason: failure }
    default:
      return unreachable(failure)
  }
}

/** Google: without `Retry-After`, wait a minute or more after an exhausted quota. */
export const QUOTA_PAUSE_MS = 60_000

const TIMEOUT_STATUS = 408

interface FcmFailure {
  /** FCM's own code, else that of the status. */
  readonly reason: string
  readonly message: string
  /** Fields that FCM did not like. */
  readonly fields: readonly string[]
  /** The quota is that of the device that was sent to, not of the project. */
  readonly isOfOneDevice: boolean
}

/**
 * FCM names no field for a token that is malformed: its `message` says so, and nothing else tells it from a message that is
 * too big. Google: such a token will never again be valid.
 */
function isAboutToken({ fields, message }: FcmFailure): boolean {
  return fields.length === 0 ? /\bregistration token\b/i.test(message) : fields.includes('message.token')
}

function readError({ status, body }: OutboundResponse): FcmFailure {
  const error = recordOf(recordOf(parsed(body))['error'])
  const details = recordsOf(error['details'])
  const listed = (key: string) => details.flatMap((detail) => recordsOf(detail[key]))
  const codes = [...details.map(({ errorCode }) => errorCode), error['status'], CODE_OF_STATUS[status]]
  return {
    reason: codes.map(textOf).find((code) => CODE.test(code) && code !== UNSPECIFIED) ?? `HTTP_${status}`,
    message: textOf(error['message']),
    fields: listed('fieldViolations').map(({ field }) => textOf(field)),
    isOfOneDevice: listed('violations').some(({ subject, description }) =>
      /\bdevice\b/i.test(`${textOf(subject)} ${textOf(description)}`),
    ),
  }
}

/** Codes go into statistics, so nothing else is taken for one. */
const CODE = /^[A-Z][A-Z_]{1,63}$/

const UNSPECIFIED = 'UNSPECIFIED_ERROR'

/** What a status means where the body does not say it, as it is when a proxy answers. google.rpc.Code. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Ours: a header that is wrong shall not silence a project for a day. */
const RETRY_AFTER_MS_MAX = 3_600_000

function outcome(value: Outcome): Answer {
  return { kind: 'outcome', outcome: value }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function recordsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(recordOf) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
