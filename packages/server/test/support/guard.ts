/** The deletion guard of an app, for tests that are about something else and delete as many as they like. */

import { auditEntry } from '../../src/audit/audit.ts'
import { type GuardSettings, guardUnits } from '../../src/erasure/guard.store.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'

export function switchGuardOff(database: Db, appKey: string): Promise<void> {
  return setGuard(database, appKey, { isOff: true })
}

export async function setGuard(database: Db, appKey: string, settings: GuardSettings): Promise<void> {
  const world = { clock: systemClock(), random: systemRandom }
  const audit = auditEntry(world, { actor: 'operator', appKey, action: 'guard.set' })
  await database.write(guardUnits.setGuard, { appKey, settings, audit })
}
