/** How many messages a minute go to a project: a bucket of tokens, one for each message, that fills up evenly. */

export interface Rate {
  /** Most messages in any minute, however they come. */
  readonly messagesPerMinute: number
  /** Most messages at one instant; part of those of the minute, and at least 1. */
  readonly burst: number
}

/** Google's quota of a project, and as a burst a sixtieth of it: whoever sends without a pause sends a second's share first. */
export const FCM_RATE: Rate = { messagesPerMinute: 600_000, burst: 10_000 }

/**
 * Gives each message the instant at which it may leave, in the order of asking. A bucket that is full gives `burst` at once,
 * and what follows is spread such that no minute holds more than its quota.
 */
export class RateBucket {
  readonly #msPerMessage: number
  readonly #burstMs: number
  /** When the bucket would be full again, milliseconds of a clock that never jumps. */
  #fullAt = Number.NEGATIVE_INFINITY

  constructor({ messagesPerMinute, burst }: Rate) {
    this.#msPerMessage = MINUTE_MS / (messagesPerMinute - burst)
    this.#burstMs = burst * this.#msPerMessage
  }

  /** Takes a token. Answers how many milliseconds from `nowMs` its message has to wait; 0: none. */
  takeMs(nowMs: number): number {
    this.#fullAt = Math.max(this.#fullAt, nowMs) + this.#msPerMessage
    return Math.max(0, this.#fullAt - this.#burstMs - nowMs)
  }
}

const MINUTE_MS = 60_000
