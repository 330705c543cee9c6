/**
 * Time-outs of many things at the price of one timer: a ring of slots, one for each tick, through which a hand goes. What
 * comes due between two steps of the hand comes due with the second; nothing comes early.
 */

import { assert } from '../../kernel/assert.ts'

/** What can be put into a wheel; it is in one slot at most. */
export interface Timed {
  /** The wheel's own: the tick at which it is due; undefined while it is in no slot. */
  dueTick: number | undefined
  /** It has left the wheel, and may be put in again. */
  onDue(): void
}

/** Slots of the ring, and with that the longest time-out in ticks plus one. Ours: a minute of seconds, and a power of two. */
const SLOTS = 64

export class TimingWheel {
  #tick = 0
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Timed>())

  /** Where the hand stands. */
  get tick(): number {
    return this.#tick
  }

  /** `ticks`: 1 to 63. What is in the wheel already is put off, or brought forward. */
  add(item: Timed, ticks: number): void {
    assert(
      Number.isInteger(ticks) && ticks >= 1 && ticks < SLOTS,
      'a time-out goes round the wheel once at most',
    )
    this.remove(item)
    item.dueTick = this.#tick + ticks
    this.#slotOf(item.dueTick).add(item)
  }

  remove(item: Timed): void {
    if (item.dueTick === undefined) return
    this.#slotOf(item.dueTick).delete(item)
    item.dueTick = undefined
  }

  /** Moves the hand, and takes out what has come due, the earliest first. A tick that is past moves nothing. */
  advance(tick: number): Timed[] {
    const last = Math.min(tick, this.#tick + SLOTS)
    const due: Timed[] = []
    for (let one = this.#tick + 1; one <= last; one++) {
      const slot = this.#slotOf(one)
      for (const item of slot) {
        item.dueTick = undefined
        due.push(item)
      }
      slot.clear()
    }
    this.#tick = Math.max(tick, this.#tick)
    return due
  }

  #slotOf(tick: number): Set<Timed> {
    const slot = this.#slots[tick % SLOTS]
    assert(slot, 'the ring has a slot for every tick')
    return slot
  }
}
