/** A clock that stands still until a test moves it. */

import type { Clock } from '../../src/kernel/clock.ts'

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

export class FakeClock implements Clock {
  #now: number
  readonly #sleepers = new Set<Sleeper>()

  /** Milliseconds since the epoch. */
  constructor(now = 1_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const sleeper: Sleeper = { until: this.#now + ms, wake: () => this.#wake(sleeper, resolve) }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', sleeper.wake, { once: true })
    })
  }

  /** Milliseconds until the next sleeper wakes; undefined while nobody sleeps. */
  get nextMs(): number | undefined {
    const times = [...this.#sleepers].map(({ until }) => until - this.#now)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** Lets time pass, and those run whose time has come. */
  async advance(ms: number): Promise<void> {
    this.#now += ms
    for (const sleeper of [...this.#sleepers]) if (sleeper.until <= this.#now) sleeper.wake()
    await settled()
  }

  #wake(sleeper: Sleeper, resolve: () => void): void {
    this.#sleepers.delete(sleeper)
    resolve()
  }
}

/** Resolves when everything that waits for nothing outside has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
