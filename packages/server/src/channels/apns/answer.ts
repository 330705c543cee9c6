/** What an answer of APNs means, and what it means when there is none. Apple's errors are a status and a reason in words. */

import { unreachable } from '../../kernel/assert.ts'
import type { Outcome } from '../channel.ts'
import type { OutboundFailure, OutboundResponse } from '../outbound/outbound.ts'
import { retryAfterMs } from '../retry-after.ts'

export type Answer =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  /** The provider token is too old for Apple. */
  | { readonly kind: 'tokenExpired'; readonly reason: string }
  /** Apple would refuse every push in this way: somebody has to mend the key, the team or the topic, or to wait. */
  | { readonly kind: 'senderRefused'; readonly reason: string }

/**
 * Never throws, whatever the body is. `isEnvironmentKnown`: whether the token was sent to the environment that it was
 * registered for. Source of the table: Apple's "Handling notification responses from APNs".
 */
export function readAnswer(
  response: OutboundResponse,
  { isEnvironmentKnown, nowMs }: { isEnvironmentKnown: boolean; nowMs: number },
): Answer {
  const { status } = response
  if (status === 200) return outcome({ kind: 'accepted' })
  const { reason, timestamp } = readError(response)
  if (SENDER_REASONS.has(reason)) return { kind: 'senderRefused', reason }
  switch (reason) {
    case 'ExpiredProviderToken':
      return { kind: 'tokenExpired', reason }
    case 'BadDeviceToken':
      // Apple says the same of a token of the other environment, which is not dead.
      return outcome(
        isEnvironmentKnown ? { kind: 'gone', sinceMs: null, reason } : { kind: 'rejected', reason },
      )
    // A server that stops: the next connection leads to another.
    case 'Shutdown':
    case 'IdleTimeout':
      return outcome({ kind: 'retry', afterMs: null, reason })
    default:
      return byStatus(response, { reason, timestamp, nowMs })
  }
}

/** A push whose answer was lost may have arrived: it is sent again under the same collapse id. */
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

function byStatus(
  { status, headers }: OutboundResponse,
  { reason, timestamp, nowMs }: { reason: string; timestamp: number | null; nowMs: number },
): Answer {
  if (status === 410) return outcome({ kind: 'gone', sinceMs: timestamp, reason })
  if (status === 403) return { kind: 'senderRefused', reason }
  const afterMs = retryAfterMs(headers['retry-after'], { nowMs, maxMs: RETRY_AFTER_MS_MAX })
  if (status === 429) return outcome({ kind: 'retry', afterMs, reason })
  if (status >= 500) return outcome({ kind: 'retry', afterMs: afterMs ?? SERVER_ERROR_MS, reason })
  return outcome({ kind: 'rejected', reason })
}

/** `timestamp`: Apple knows the token dead since then, milliseconds since the epoch; null where it does not say. */
function readError({ status, body }: OutboundResponse): { reason: string; timestamp: number | null } {
  const { reason, timestamp } = parsed(body)
  return {
    // Reasons go into statistics, so nothing else is taken for one.
    reason: typeof reason === 'string' && /^[A-Za-z]{1,64}$/.test(reason) ? reason : `HTTP_${status}`,
    timestamp: typeof timestamp === 'number' && Number.isSafeInteger(timestamp) ? timestamp : null,
  }
}

function parsed(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(body.toString()) }
  } catch {
    return {}
  }
}

function outcome(value: Outcome): Answer {
  return { kind: 'outcome', outcome: value }
}

/** Those of status 403 are such without being named. `DeviceTokenNotForTopic` is not: it can be the one token's fault. */
const SENDER_REASONS: ReadonlySet<string> = new Set([
  'BadTopic',
  'MissingTopic',
  'TopicDisallowed',
  'TooManyProviderTokenUpdates',
])

/** Apple: pushes with an answer of 5xx may be sent again after 15 minutes. */
const SERVER_ERROR_MS = 15 * 60_000

/** Ours: a header that is wrong shall not silence a user for a day. */
const RETRY_AFTER_MS_MAX = 3_600_000
