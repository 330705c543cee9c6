// Waiting for a condition instead of for luck.
import { setTimeout as sleep } from 'node:timers/promises'

/** At first, and at most: each answer of a browser costs it some milliseconds. */
const pollMs = { first: 10, most: 100 }

/** The first answer that is truthy. Fails with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (let waitMs = pollMs.first; ; waitMs = Math.min(waitMs * 2, pollMs.most)) {
    const answer = await ask()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`in vain waited for: ${what}`)
    await sleep(waitMs)
  }
}
