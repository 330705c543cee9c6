/** The hard deadline of every send. Sends that begin close together share one: a timer for each would cost more than the send. */

import { setMaxListeners } from 'node:events'
import type { Clock } from '../kernel/clock.ts'
import { SEND_DEADLINE_MS } from './sender.store.ts'

/** Sends that begin within this time share a deadline, which is that of the first. */
const STEP_MS = 100

export class Deadlines {
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  #current: { readonly signal: AbortSignal; readonly madeAt: number } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    // Three hundred of them are under way at most.
    setMaxListeners(0, this.#stopping.signal)
  }

  /** Aborts when the time of a send that begins now is over. */
  next(): AbortSignal {
    const now = this.#clock.monotonic()
    if (this.#current && now - this.#current.madeAt < STEP_MS) return this.#current.signal
    const controller = new AbortController()
    setMaxListeners(0, controller.signal)
    void this.#clock.sleep(SEND_DEADLINE_MS, this.#stopping.signal).then(() => controller.abort())
    this.#current = { signal: controller.signal, madeAt: now }
    return controller.signal
  }

  /** Aborts every send that is under way. */
  stop(): void {
    this.#stopping.abort()
  }
}
