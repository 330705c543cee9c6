/**
 * Places for sends that are under way in one channel. Those of single pushes are given out before those of a push to many,
 * so that somebody who waits for one message does not wait behind a million.
 */

export class Slots {
  readonly #count: number
  #free: number
  #onDrained = () => {}
  readonly #urgent: (() => void)[] = []
  readonly #patient: (() => void)[] = []

  constructor(count: number) {
    this.#count = count
    this.#free = count
  }

  /** Resolves once there is a place; `give` gives it back. */
  take(isUrgent: boolean): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--
      return undefined
    }
    return new Promise((resolve) => {
      const queue = isUrgent ? this.#urgent : this.#patient
      queue.push(resolve)
    })
  }

  /** Resolves once nothing is under way; whoever asks gives out no more places. */
  drained(): Promise<void> {
    if (this.#free === this.#count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onDrained = resolve
    })
  }

  give(): void {
    const next = this.#urgent.shift() ?? this.#patient.shift()
    if (next) next()
    else if (++this.#free === this.#count) this.#onDrained()
  }
}
