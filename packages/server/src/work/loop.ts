/**
 * A loop over durable work: runs while there is more, then sleeps until it is woken or a poll is due. What the work is, and which
 * jobs it takes, is the business of `run`; the rows it works on are the queue, so nothing is lost when the loop is.
 *
 *   running -> running   `run` said that there is more
 *   running -> gathering   `run` was done: for `gatherMs`
 *   gathering -> running   there was a `wake` meanwhile
 *   gathering -> waiting   there was none: until `wake` or for `pollMs`
 *   running -> backing off   `run` threw: twice as long after each failure in a row, up to `BACKOFF_MAX_MS`
 *   any -> stopped   `stop`: the run that is under way finishes first
 */

import type { Clock } from '../kernel/clock.ts'

export interface LoopOptions {
  readonly clock: Clock
  /** Work that nobody announced is found after this time at the latest. */
  readonly pollMs: number
  /** After a run that left nothing to do, calls of `wake` are gathered for this long. */
  readonly gatherMs: number
  run(): Promise<'more' | 'done'>
  onFailure(error: unknown): void
}

export interface Loop {
  /** Runs soon, unless it is running already, in which case it runs once more afterwards. */
  wake(): void
  stop(): Promise<void>
}

const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 10_000

export function startLoop(options: LoopOptions): Loop {
  const stopping = new AbortController()
  let isWoken = true
  let interrupt = new AbortController()
  const wake = () => {
    isWoken = true
    interrupt.abort()
  }
  const rest = async (ms: number) => {
    interrupt = new AbortController()
    if (!isWoken && !stopping.signal.aborted) await options.clock.sleep(ms, interrupt.signal)
  }
  const turn = async (backoffMs: number): Promise<number> => {
    isWoken = false
    try {
      if ((await options.run()) === 'more') return BACKOFF_MIN_MS
      if (options.gatherMs > 0) await options.clock.sleep(options.gatherMs, stopping.signal)
      await rest(options.pollMs)
      return BACKOFF_MIN_MS
    } catch (error) {
      options.onFailure(error)
      isWoken = false
      await rest(backoffMs)
      return Math.min(backoffMs * 2, BACKOFF_MAX_MS)
    }
  }
  const running = (async () => {
    for (let backoffMs = BACKOFF_MIN_MS; !stopping.signal.aborted; ) backoffMs = await turn(backoffMs)
  })()
  return {
    wake,
    stop: () => {
      stopping.abort()
      interrupt.abort()
      return running
    },
  }
}

/** Milliseconds to wait before the next try of a job that failed `attempts` times: doubles up to five minutes. */
export function retryDelayMs(attempts: number): number {
  return Math.min(1_000 * 2 ** Math.min(attempts, 20), 300_000)
}
