// Randomness that a seed repeats: the same seed throws the same numbers in the same order.

export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** At least 0, below 1 (mulberry32: 32 bits of state are plenty for choosing calls). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<Item>(items: readonly [Item, ...Item[]] | readonly Item[]): Item {
    const item = items[this.whole(0, items.length - 1)]
    if (item === undefined) throw new Error('There is nothing to pick from.')
    return item
  }

  /** Each item with this probability, in their order. */
  some<Item>(items: readonly Item[], probability: number): Item[] {
    return items.filter(() => this.chance(probability))
  }

  /** One of the choices, each as often as its weight says. */
  weighted<Item>(choices: readonly (readonly [number, Item])[]): Item {
    const total = choices.reduce((sum, [weight]) => sum + weight, 0)
    let at = this.fraction() * total
    for (const [weight, item] of choices) {
      at -= weight
      if (at < 0) return item
    }
    throw new Error('There is nothing to choose from.')
  }

  /** Dice of their own for somebody who throws at the same time as others. */
  fork(): Dice {
    return new Dice(this.whole(0, 2 ** 32 - 1))
  }
}
