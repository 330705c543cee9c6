/**
 * Every write unit by name. What an erasure removes is composed here from the erasure rules, since only this file sees
 * all rooms.
 */

import { adminUnits } from './admin/admin.store.ts'
import { appUnits } from './apps/apps.store.ts'
import { changeDevices, changeTagOnDevices, removeAliases, removeTagStep } from './devices/change.store.ts'
import { registerDevices } from './devices/registration.store.ts'
import { acceptErasures } from './erasure/accept.store.ts'
import { addFirstSigningKey } from './erasure/erasure.store.ts'
import { type RemovalStep, removalStep, removeDevices } from './erasure/removal.store.ts'
import { claimSealing, finishErasures } from './erasure/seal.store.ts'
import { deferErasures, lookAgain } from './erasure/verification.store.ts'
import { erasureRules } from './schema.ts'
import type { Unit } from './storage/database.ts'

/** A step for each table whose rows are deleted, the device row last. Tables with other rules are served elsewhere: see `hideDevice` and `lookAgain`. */
export function removalPlan(): RemovalStep[] {
  const ofKind = (kind: string) =>
    Object.entries(erasureRules).flatMap(([table, rule]) => (rule.kind === kind ? [removalStep(table)] : []))
  return [...ofKind('deleteRows'), ...ofKind('lastOfAll')]
}

export function unitsWith(plan: readonly RemovalStep[]) {
  return {
    ...adminUnits,
    ...appUnits,
    registerDevices,
    changeDevices,
    changeTagOnDevices,
    removeTagStep,
    removeAliases,
    acceptErasures,
    removeDevices: removeDevices(plan),
    lookAgain,
    deferErasures,
    claimSealing,
    finishErasures,
    addFirstSigningKey,
  }
}

export const units = unitsWith(removalPlan())

/** For the writer thread, which is told names. */
export function unitsByName(all: object): ReadonlyMap<string, Unit<unknown, unknown>> {
  return new Map(Object.values(all).map((unit) => [unit.name, unit]))
}
