/** Counts the users of an app for its guard, when it has to know: once at a time, however many wait for it. */

import { DAY_MS } from '../kernel/utc-day.ts'
import type { Db } from '../schema.ts'
import { countUsers, guardUnits, readGuard } from './guard.store.ts'
import { deletedOf, isCensusValid } from './guard.ts'

/** While users are deleted all the time, a census that misses some of them must do (ours). */
const TRIES_MAX = 3

export class Census {
  readonly #database: Db
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(database: Db) {
    this.#database = database
  }

  /** Resolves once there is a valid count of the users of the app; counts them only if there is none. */
  take(appKey: string): Promise<void> {
    const underWay = this.#underWay.get(appKey)
    if (underWay !== undefined) return underWay
    const census = this.#count(appKey).finally(() => this.#underWay.delete(appKey))
    this.#underWay.set(appKey, census)
    return census
  }

  async #count(appKey: string): Promise<void> {
    const database = this.#database
    for (let tries = 1; ; tries++) {
      const now = await database.now()
      const before = await readGuard(database.read, appKey)
      if (isCensusValid(before, now)) return
      const live = await countUsers(database.read, { appKey, registeredBefore: now - DAY_MS })
      const deleted = deletedOf(before, now)
      const after = await readGuard(database.read, appKey)
      // A user who was deleted meanwhile may be in neither figure, and never in both: better too few than too many.
      if (deletedOf(after, now) !== deleted && tries < TRIES_MAX) continue
      const census = { appKey, users: live + deleted, countedAt: now }
      await database.write(guardUnits.keepCensus, census)
      return
    }
  }
}
