/** What is to be done for one key is done in turn, each when the one before has ended; other keys do not wait. */

export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /** Never throws at once; the answer is that of `act`. */
  take<Answer>(key: string, act: () => Promise<Answer>): Promise<Answer> {
    const before = this.#last.get(key)
    const turn = before === undefined ? act() : before.then(act)
    const ended = turn.then(ignore, ignore)
    this.#last.set(key, ended)
    void ended.then(() => {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    })
    return turn
  }

  /** Resolves once everything has ended; nothing more may be begun. */
  async drained(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}

function ignore(): void {}
