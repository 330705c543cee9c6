/**
 * Every write unit by name. What an erasure removes is composed here from the erasure rules, since only this file sees
 * all rooms.
 */

import { adminUnits } from './admin/admin.store.ts'
import { appUnits } from './apps/apps.store.ts'
import { channelUnits } from './apps/channel-credentials.store.ts'
import { auditUnits } from './audit/audit.store.ts'
import { changeDevices, changeTagOnDevices, removeAliases, removeTagStep } from './devices/change.store.ts'
import { registerDevices } from './devices/registration.store.ts'
import { acceptErasures } from './erasure/accept.store.ts'
import { confirmDeletions, decideDeletions } from './erasure/bulk/decide.store.ts'
import { addTargets, failPlans, freezePlans, openPlans } from './erasure/bulk/plan.store.ts'
import { advanceDeletions, clearTargets, runDeletions } from './erasure/bulk/run.store.ts'
import { addFirstSigningKey } from './erasure/erasure.store.ts'
import { guardUnits } from './erasure/guard.store.ts'
import {
  beginLedger,
  placeErasures,
  raiseLedgerPosition,
  reportLedgerFile,
} from './erasure/ledger/ledger.store.ts'
import { replayErasures } from './erasure/ledger/replay.store.ts'
import { type Fence, type RemovalStep, removalStep, removeDevices } from './erasure/removal.store.ts'
import { claimSealing, finishErasures, finishWithManifests, readClaimed } from './erasure/seal.store.ts'
import { deferErasures, lookAgainBehind } from './erasure/verification.store.ts'
import { acceptPushes, takeMessageIds } from './push/accept-push.store.ts'
import { claimChunk, claimMessages } from './push/claim.store.ts'
import { clearContents } from './push/content.store.ts'
import { expireMessages } from './push/expire-pending.store.ts'
import { isPastFence, nextFence } from './push/fence.store.ts'
import { finishSends } from './push/finish-sends.store.ts'
import { deleteOldMessages } from './push/old-messages.store.ts'
import { closePresence, openPresence } from './push/presence.store.ts'
import { answerFence, joinSenders, leaveSenders, releaseHolds } from './push/sender.store.ts'
import { withdrawPushes } from './push/withdraw-push.store.ts'
import { erasureRules } from './schema.ts'
import { recordEvents } from './statistics/record-events.store.ts'
import type { Unit } from './storage/database.ts'

/** A step for each table whose rows are deleted, the device row last. Tables with other rules are served elsewhere: see `hideDevice` and `lookAgain`. */
export function removalPlan(): RemovalStep[] {
  const ofKind = (kind: string) =>
    Object.entries(erasureRules).flatMap(([table, rule]) => (rule.kind === kind ? [removalStep(table)] : []))
  return [...ofKind('deleteRows'), ...ofKind('lastOfAll')]
}

/** Sends that began before a deletion are waited for before its second look. */
const fence: Fence = { next: nextFence, isPast: isPastFence }

export function unitsWith(plan: readonly RemovalStep[]) {
  return {
    ...adminUnits,
    ...auditUnits,
    ...appUnits,
    ...channelUnits,
    registerDevices,
    changeDevices,
    changeTagOnDevices,
    removeTagStep,
    removeAliases,
    acceptErasures,
    ...guardUnits,
    removeDevices: removeDevices({ clearContents, steps: plan, fence }),
    lookAgain: lookAgainBehind(fence),
    deferErasures,
    claimSealing,
    readClaimed,
    finishErasures,
    finishWithManifests,
    openPlans,
    addTargets,
    freezePlans,
    failPlans,
    confirmDeletions,
    decideDeletions,
    advanceDeletions,
    runDeletions,
    clearTargets,
    addFirstSigningKey,
    beginLedger,
    reportLedgerFile,
    raiseLedgerPosition,
    placeErasures,
    replayErasures,
    acceptPushes,
    takeMessageIds,
    withdrawPushes,
    expireMessages,
    deleteOldMessages,
    claimChunk,
    claimMessages,
    finishSends,
    openPresence,
    closePresence,
    joinSenders,
    answerFence,
    releaseHolds,
    leaveSenders,
    recordEvents,
  }
}

export const units = unitsWith(removalPlan())

/** For the writer thread, which is told names. */
export function unitsByName(all: object): ReadonlyMap<string, Unit<unknown, unknown>> {
  return new Map(Object.values(all).map((unit) => [unit.name, unit]))
}
