/**
 * Places for sends that are under way in one channel. Those of single pushes are given out before those of a push to many,
 * so that somebody who waits for one message does not wait behind a million.
 */

export class Slots {
  #free: number
  readonly #urgent: (() => void)[] = []
  readonly #patient: (() => void)[] = []

  constructor(count: number) {
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

  give(): void {
    const next = this.#urgent.shift() ?? this.#patient.shift()
    if (next) next()
    else this.#free++
  }
}
