/** Listeners by the name of what happens. */

export class Events<Map extends object> {
  readonly #listeners = new globalThis.Map<keyof Map, Set<(detail: never) => void>>()

  /** Answers how to stop listening. */
  on<Name extends keyof Map>(name: Name, listener: (detail: Map[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** A listener that throws keeps no other from hearing of it; its error is thrown from a microtask of its own. */
  emit<Name extends keyof Map>(name: Name, detail: Map[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      void Promise.resolve(detail as never).then(listener)
    }
  }
}
