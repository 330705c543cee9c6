/** Token buckets in memory, one for each caller of a kind. Each node counts for itself. */

import type { Clock } from '../kernel/clock.ts'

export interface Rate {
  /** Calls per second in the long run; 0 means: no limit. */
  readonly perSecond: number
  /** Calls at once after a pause. */
  readonly burst: number
}

interface Bucket {
  tokens: number
  filledAt: number
}

/**
 * Buckets of one kind of caller. Their number is bounded: the oldest makes room for a new one, and at worst its owner begins
 * again with a full one.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #bucketsMax: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, bucketsMax = BUCKETS_MAX) {
    this.#clock = clock
    this.#bucketsMax = bucketsMax
  }

  get isEmpty(): boolean {
    return this.#buckets.size === 0
  }

  /** Takes one call. 0: go ahead; else the whole seconds after which another try makes sense. */
  take(caller: string, rate: Rate): number {
    if (rate.perSecond === 0) return 0
    const bucket = this.#filled(caller, rate)
    if (bucket.tokens < 1) return secondsUntilNext(bucket, rate)
    bucket.tokens -= 1
    return 0
  }

  /** Takes up to so many calls at once, and tells how many. */
  takeSome(caller: string, count: number, rate: Rate): number {
    if (rate.perSecond === 0) return count
    const bucket = this.#filled(caller, rate)
    const taken = Math.min(count, Math.floor(bucket.tokens))
    bucket.tokens -= taken
    return taken
  }

  /** Like `take`, but only looks. */
  peek(caller: string, rate: Rate): number {
    if (rate.perSecond === 0 || !this.#buckets.has(caller)) return 0
    const bucket = this.#filled(caller, rate)
    return bucket.tokens < 1 ? secondsUntilNext(bucket, rate) : 0
  }

  #filled(caller: string, rate: Rate): Bucket {
    const now = this.#clock.monotonic()
    const bucket = this.#buckets.get(caller)
    if (!bucket) return this.#add(caller, { tokens: rate.burst, filledAt: now })
    const gained = ((now - bucket.filledAt) / 1000) * rate.perSecond
    bucket.tokens = Math.min(rate.burst, bucket.tokens + gained)
    bucket.filledAt = now
    return bucket
  }

  #add(caller: string, bucket: Bucket): Bucket {
    if (this.#buckets.size >= this.#bucketsMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    this.#buckets.set(caller, bucket)
    return bucket
  }
}

/** Ours: some 10 MB at most, and far more callers than one node serves in a minute. */
const BUCKETS_MAX = 50_000

function secondsUntilNext(bucket: Bucket, rate: Rate): number {
  return Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSecond))
}
