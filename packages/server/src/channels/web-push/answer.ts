/** What the answer of a push service means, and what it means when there is none. */

import type { Outcome } from '../channel.ts'
import type { OutboundError, OutboundResponse } from '../outbound/outbound.ts'
import { retryAfterMs } from '../retry-after.ts'
import type { WebPushVendor } from './vendors.ts'

/** Statuses are those of RFC 8030; what a service does differently stands beside it. A reason never holds its free text. */
export function outcomeOf(
  response: OutboundResponse,
  { vendor, nowMs }: { vendor: WebPushVendor; nowMs: number },
): Outcome {
  const { status } = response
  const reason = reasonOf(response)
  if (status === 200 || status === 201 || status === 202) return { kind: 'accepted', vendor }
  // The subscription expired or was ended (RFC 8030 section 7.3).
  if (status === 404 || status === 410) return { kind: 'gone', sinceMs: null, reason }
  if (isForLater(status)) {
    const afterMs = retryAfterMs(response.headers['retry-after'], { nowMs, maxMs: RETRY_AFTER_MS_MAX })
    return { kind: 'retry', afterMs, reason }
  }
  return { kind: 'rejected', reason }
}

/** Whether the signature was refused, and not because the subscription was made for other keys: another may be taken. */
export function isUnauthorized(response: OutboundResponse): boolean {
  return (response.status === 401 || response.status === 403) && !isKeyMismatch(response)
}

export function outcomeOfFailure({ failure }: OutboundError): Outcome {
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
  }
}

/** 406: Microsoft's service says so, where others say 429, when too many came from one sender. */
function isForLater(status: number): boolean {
  return status === 429 || status === 406 || status >= 500
}

/** The status, and behind it the service's own word for the reason where it has one: free text could name the user. */
function reasonOf(response: OutboundResponse): string {
  const word = isKeyMismatch(response) ? 'other vapid key' : wordOf(response)
  return word === undefined ? `http ${response.status}` : `http ${response.status} ${word}`
}

/** Apple answers `{"reason":"BadJwtToken"}`, Mozilla `{"errno":109,…}`. */
function wordOf({ body }: OutboundResponse): string | undefined {
  const text = body.toString()
  const reason = /"reason"\s*:\s*"([A-Za-z]{1,40})"/.exec(text)?.[1]
  const errno = /"errno"\s*:\s*(\d{1,4})\b/.exec(text)?.[1]
  return reason ?? (errno && `errno ${errno}`)
}

/** In the words of Google, Mozilla, and of Apple and Microsoft: the subscription belongs to other keys than ours. */
function isKeyMismatch({ body }: OutboundResponse): boolean {
  return /do not correspond to the credentials|public key mismatch|VapidPkHashMismatch/i.test(body.toString())
}

/** No push is kept for longer (15 days); it bounds what a service may ask of us. */
const RETRY_AFTER_MS_MAX = 15 * 86_400_000
