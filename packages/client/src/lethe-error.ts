/** The one error that calls of a client end with: what went wrong, in words that a program can decide by. */

export type LetheErrorReason =
  /** The user was deleted for good. Nothing that is known about it is worth keeping. */
  | 'deleted'
  /** The server does not know the id: it never was one of this app. */
  | 'unknown'
  /** The device secret is wrong. */
  | 'unauthorized'
  /** The server will not take this, and repeating does not help; the message says why. */
  | 'refused'
  /** Too many calls; `retryAfterMs` says when to come again. */
  | 'busy'
  /** No answer came: offline, blocked, or too slow. */
  | 'network'
  /** The server cannot do it just now. */
  | 'server'
  /** There is no user to do this for: none is registered, or this browser cannot keep one. */
  | 'unavailable'

export class LetheError extends Error {
  override readonly name = 'LetheError'
  readonly reason: LetheErrorReason
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  /** The number of the error in the API; 0 where the answer had none. */
  readonly code: number
  /** Milliseconds after which the server asks to be called again; null: it did not say. */
  readonly retryAfterMs: number | null

  constructor(
    reason: LetheErrorReason,
    message: string,
    { status = 0, code = 0, retryAfterMs = null }: LetheErrorDetails = {},
  ) {
    super(message)
    this.reason = reason
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

export interface LetheErrorDetails {
  readonly status?: number
  readonly code?: number
  readonly retryAfterMs?: number | null
}

/** Whether it may go better later, without anything having been changed. */
export function isPassing(error: unknown): boolean {
  return error instanceof LetheError && ['busy', 'network', 'server'].includes(error.reason)
}

/** Whether the call ended with this reason. */
export function hasReason(error: unknown, reason: LetheErrorReason): boolean {
  return error instanceof LetheError && error.reason === reason
}
