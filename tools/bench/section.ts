// What every section gets, and what several of them do.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../packages/server/src/storage/database.ts'
import { GUARD_AMPLE, setGuard } from './guard-of-place.ts'
import { openPlace, openSession, type Place } from './place.ts'
import type { Result } from './results.ts'
import { loadUsers, type Users } from './users.ts'

export type SectionInput = {
  engine: Engine
  isQuick: boolean
  /** A fresh place for a database. */
  newPlace: () => Promise<Place>
  /** Says what is being done, on the terminal. */
  say: (text: string) => void
}

/** Adds to the results, so that what was measured before a failure is not lost. */
export type Section = (input: SectionInput, add: (result: Omit<Result, 'engine'>) => void) => Promise<void>

/** A fresh place with the app and these users, for the time of `work`. */
export async function withUsers(
  { newPlace, say }: SectionInput,
  groups: readonly Users[],
  work: (place: Place) => Promise<void>,
): Promise<void> {
  const place = await newPlace()
  try {
    const { database, app } = await openPlace(place)
    await database.close()
    await setGuard(place, { minimum: GUARD_AMPLE })
    const count = groups.reduce((sum, group) => sum + group.count, 0)
    say(`loading ${count.toLocaleString('en-GB')} users`)
    await loadUsers(place, app, groups)
    await work(place)
  } finally {
    await place.remove()
  }
}

const drainTimeoutMs = 300_000
const drainPollMs = 250

/** Waits until no erasure is open. Looks rarely unless told otherwise, and only at the index of open ones. */
export async function untilErased(place: Place, pollMs = drainPollMs): Promise<void> {
  const deadline = performance.now() + drainTimeoutMs
  const session = await openSession(place)
  try {
    for (;;) {
      const open = await session.run(OPEN)
      if (open.length === 0) return
      if (performance.now() > deadline)
        throw new Error('Erasures stay open: the server does not work them off.')
      await sleep(pollMs)
    }
  } finally {
    await session.close()
  }
}

const OPEN = `select erasure_id from erasure where state <> 'erased' limit 1`
