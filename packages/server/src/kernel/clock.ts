/** Time, as the rest of the server receives it: nobody else asks the machine what time it is. */

export interface Clock {
  /** Milliseconds since the epoch. May jump when the machine's clock is set. */
  now(): number
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonic(): number
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The machine's own clock. `skewMs` shifts it, for tests of nodes whose clocks disagree. */
export function systemClock(skewMs = 0): Clock {
  return {
    now: () => Date.now() + skewMs,
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const done = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal?.addEventListener('abort', done)
      }),
  }
}
