// The deletion guard in a place: sections delete more than any customer does.
import { auditEntry } from '../../packages/server/src/audit/audit.ts'
import { type GuardSettings, guardUnits } from '../../packages/server/src/erasure/guard.store.ts'
import { appKey, openPlace, type Place } from './place.ts'

/** More deletions than any section makes: the guard counts them and stops nothing. */
export const GUARD_AMPLE = 1_000_000_000

/** Before a server runs there. */
export async function setGuard(place: Place, settings: GuardSettings): Promise<void> {
  const { database, deps } = await openPlace(place)
  const audit = auditEntry(deps, { actor: 'operator', appKey, action: 'guard.set' })
  await database.write(guardUnits.setGuard, { appKey, settings, audit })
  await database.close()
}
