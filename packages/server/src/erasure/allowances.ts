/**
 * What a node was given of the budgets of apps, to be spent without asking the database again. It is counted as used from
 * the moment it is set aside: a node that is killed takes it with it, and no budget is ever passed.
 *
 *   set aside -> taken   by a deletion that is about to be written
 *   taken -> spent       it was written, or may have been
 *   taken -> set aside   nobody was deleted: the user was deleted before, or unknown
 *   set aside -> given back   nobody has taken it for a while; the guard then hears what became of all of it
 */

import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import type { Db } from '../schema.ts'
import type { Grant } from './ask-guards.ts'
import { guardUnits } from './guard.store.ts'

export interface AllowancesDeps {
  readonly database: Pick<Db, 'write'>
  readonly clock: Clock
  readonly log: Log
}

/** One deletion that need not ask. */
export interface Allowance {
  readonly pocket: Pocket
}

interface Pocket {
  readonly appKey: string
  readonly slotAt: number
  readonly until: number
  /** All that was set aside at once. */
  readonly total: number
  count: number
}

/** Shorter than what is set aside is good for: the rest is for the write itself. */
const KEPT_MS = 2_000

export class Allowances {
  readonly #deps: AllowancesDeps
  readonly #pockets = new Map<string, Pocket[]>()
  readonly #stopping = new AbortController()
  readonly #returns = new Set<Promise<void>>()

  constructor(deps: AllowancesDeps) {
    this.#deps = deps
  }

  /** Takes one; undefined: there is none, and the guard is to be asked. */
  take(appKey: string): Allowance | undefined {
    const pocket = this.#pockets.get(appKey)?.find(({ count }) => count > 0)
    if (!pocket) return undefined
    pocket.count--
    return { pocket }
  }

  /** Nobody was deleted with it. */
  putBack({ pocket }: Allowance): void {
    if (this.#pockets.get(pocket.appKey)?.includes(pocket)) pocket.count++
    else this.#settle({ ...pocket, total: 0, count: 1 })
  }

  /** Keeps what was set aside, until it is taken or some time has gone by. */
  keep(appKey: string, { count, slotAt, until }: Grant): void {
    if (count === 0) return
    const pocket = { appKey, slotAt, until, total: count, count }
    const pockets = this.#pockets.get(appKey) ?? []
    pockets.push(pocket)
    this.#pockets.set(appKey, pockets)
    const expiry = this.#deps.clock.sleep(KEPT_MS, this.#stopping.signal).then(() => this.#empty(pocket))
    this.#track(expiry)
  }

  /** Gives everything back. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    while (this.#returns.size > 0) await Promise.all(this.#returns)
  }

  #empty(pocket: Pocket): void {
    const left = (this.#pockets.get(pocket.appKey) ?? []).filter((other) => other !== pocket)
    if (left.length > 0) this.#pockets.set(pocket.appKey, left)
    else this.#pockets.delete(pocket.appKey)
    this.#settle(pocket)
  }

  #settle({ appKey, slotAt, total, count }: Pocket): void {
    const settled = { appKey, slotAt, count: total, unused: count }
    this.#track(this.#deps.database.write(guardUnits.settleAllowances, settled))
  }

  /** What cannot be given back stays counted as used until it leaves the window. */
  #track(work: Promise<unknown>): void {
    const tracked = work
      .then(() => {})
      .catch((error: unknown) => this.#deps.log.warn(errorFields(error), 'guard.allowance-lost'))
      .finally(() => this.#returns.delete(tracked))
    this.#returns.add(tracked)
  }
}
