/**
 * Requests to the outside: https alone, HTTP/2 where the other side speaks it and HTTP/1.1 with kept connections where it
 * does not. Addresses are checked when they are dialled, redirects are not followed, everything has a time-out. What was
 * not processed for certain (a refused stream, a stream above the last one of a GOAWAY, a connection that never opened) is
 * tried again on another connection, after the gate was asked again.
 */

export interface Outbound {
  /** @throws OutboundError and nothing else. An answer of any status is an answer. */
  request(request: OutboundRequest): Promise<OutboundResponse>
  close(): Promise<void>
}

export interface OutboundRequest {
  /** `https://host` or `https://host:port`. */
  readonly origin: string
  /** Requests of different groups share no connection: Apple, for one, takes credentials of one team only on each. */
  readonly group?: string
  readonly method: 'POST' | 'GET'
  /** With the query. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Asked when a stream is free, each time before the request is written; false: OutboundError `refusedByGate`. Absent: no question. */
  readonly confirm?: () => Promise<boolean>
  /**
   * Asked as bytes leave, until all have: whether what `confirm` said still stands; `hasBegun`: some of the request has left
   * before. When it does not, the connection is ended, and with it all that is under way on it. Absent: it always stands.
   */
  readonly holds?: (hasBegun: boolean) => boolean
  readonly signal: AbortSignal
}

export interface OutboundResponse {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** At most 64 KiB; what is longer is cut off. */
  readonly body: Buffer
}

export type OutboundFailure =
  /** The gate said no; nothing was written. */
  | 'refusedByGate'
  /** The address is private, loopback or link-local, or the url is not one that may be called. */
  | 'addressRefused'
  /** The name could not be resolved, the connection or the TLS session not be opened. Nothing was written. */
  | 'unreachable'
  /** Written, and the connection was lost before the answer. */
  | 'lost'
  /** The other side refused the stream again and again. Nothing was processed. */
  | 'refusedStream'
  /** The signal aborted. */
  | 'deadline'
  | 'closed'

export class OutboundError extends Error {
  readonly failure: OutboundFailure
  constructor(failure: OutboundFailure, message: string) {
    super(message)
    this.name = 'OutboundError'
    this.failure = failure
  }
}

/** Bytes of an answer that are kept; vendors' are far shorter. Ours. */
export const RESPONSE_BYTES_MAX = 64 * 1024

/** Whether the other side has taken the request, even if the rest of its answer is lost. */
export function isTaken(status: number): boolean {
  return status >= 200 && status < 300
}
