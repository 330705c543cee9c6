/** Waits for a condition instead of for luck. */

import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 20

/** Resolves with the first truthy answer. Fails with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`in vain waited for: ${what}`)
    await sleep(POLL_MS)
  }
}
