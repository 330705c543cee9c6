/** Gathers what became of single sends and writes it in batches: what ends while one is written goes into the next. */

import type { SendResult } from './finish-sends.store.ts'
import { finishForSure, type PushWorkDeps } from './push-work.ts'

/** Results of one write; ours. */
const BATCH_MAX = 1_000

export class Results {
  readonly #deps: PushWorkDeps
  readonly #onWritten: (result: SendResult) => void
  readonly #waiting: SendResult[] = []
  #expectedCount = 0
  #writing: Promise<void> | undefined
  #onIdle = () => {}

  constructor(deps: PushWorkDeps, onWritten: (result: SendResult) => void) {
    this.#deps = deps
    this.#onWritten = onWritten
  }

  /** One more result will come. */
  expect(): void {
    this.#expectedCount++
  }

  add(result: SendResult): void {
    this.#waiting.push(result)
    this.#writing ??= this.#writeAll()
  }

  /** Resolves once everything that is expected has come and is written. */
  async stop(): Promise<void> {
    if (this.#expectedCount === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  async #writeAll(): Promise<void> {
    // What else ends in this turn of the event loop goes into the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const results = this.#waiting.splice(0, BATCH_MAX)
      try {
        await finishForSure(this.#deps, { results, chunk: null })
      } finally {
        this.#expectedCount -= results.length
        for (const result of results) this.#onWritten(result)
      }
    }
    this.#writing = undefined
    if (this.#expectedCount === 0) this.#onIdle()
  }
}
