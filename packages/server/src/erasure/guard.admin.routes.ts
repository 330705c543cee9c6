/** Operator API, deletion guard: read it, open it for a number of deletions, close it, set it. */

import { AdminAppParams } from '@lethe/protocol/admin.schemas.ts'
import { GuardAnswer, OpenGuardBody, SetGuardBody } from '@lethe/protocol/guard.schemas.ts'
import { auditEntry } from '../audit/audit.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { Address } from '../kernel/personal.ts'
import { answer, type Reply, refuse } from '../kernel/reply.ts'
import type { Census } from './census.ts'
import { type ChangedGuard, type GuardSettings, guardUnits, readGuard } from './guard.store.ts'
import { budgetOf, openingOf, usedOf } from './guard.ts'
import type { GuardWorkDeps } from './guard-work.ts'

export interface AdminGuardDeps extends GuardWorkDeps {
  readonly census: Census
  readonly apps: { find(appKey: string): unknown }
}

export function showGuard(deps: AdminGuardDeps): Operation {
  return operation({
    id: 'showGuard',
    summary: 'Read the deletion guard of an app',
    description: 'Counts the users of the app if they were not counted lately.',
    schema: { params: AdminAppParams, answers: { 200: GuardAnswer } },
    handle: async ({ params }) => {
      if (!(await deps.apps.find(params.app_key))) return refuse('appUnknown')
      return guardReply(deps, params.app_key)
    },
  })
}

export function setGuard(deps: AdminGuardDeps): Operation {
  return operation({
    id: 'setGuard',
    summary: 'Set the deletion guard of an app',
    description:
      'What is absent stays. While it is off nothing is counted; switched on, it stops deletions on every node within five seconds.',
    schema: { params: AdminAppParams, body: SetGuardBody, answers: { 200: GuardAnswer } },
    handle: ({ params, body, address }) =>
      changed(deps, { appKey: params.app_key, event: 'set' }, () =>
        deps.database.write(guardUnits.setGuard, {
          appKey: params.app_key,
          settings: settingsOf(body),
          audit: auditEntry(deps, {
            actor: 'operator',
            address,
            appKey: params.app_key,
            action: 'guard.set',
            figures: Object.fromEntries(Object.entries(body).map(([name, value]) => [name, Number(value)])),
          }),
        }),
      ),
  })
}

export function openGuard(deps: AdminGuardDeps): Operation {
  return operation({
    id: 'openGuard',
    summary: 'Open the deletion guard of an app for a number of deletions',
    description:
      'Exactly so many are let through beside the budget, until the time is over. It replaces what it was opened for before.',
    schema: { params: AdminAppParams, body: OpenGuardBody, answers: { 200: GuardAnswer } },
    handle: ({ params, body, address }) =>
      changed(deps, { appKey: params.app_key, event: 'opened' }, () =>
        deps.database.write(guardUnits.openGuard, {
          appKey: params.app_key,
          deletions: body.deletions,
          forMs: body.seconds * 1_000,
          audit: auditEntry(deps, {
            actor: 'operator',
            address,
            appKey: params.app_key,
            action: 'guard.opened',
            figures: { deletions: body.deletions, seconds: body.seconds },
          }),
        }),
      ),
  })
}

export function closeGuard(deps: AdminGuardDeps): Operation {
  return operation({
    id: 'closeGuard',
    summary: 'Close the deletion guard of an app before its time',
    description: 'Harmless when it is not open.',
    schema: { params: AdminAppParams, answers: { 200: GuardAnswer } },
    handle: ({ params, address }) =>
      changed(deps, { appKey: params.app_key, event: 'closed' }, () =>
        deps.database.write(guardUnits.closeGuard, {
          appKey: params.app_key,
          isAsked: true,
          audit: auditOfClosing(deps, params.app_key, address),
        }),
      ),
  })
}

function auditOfClosing(deps: AdminGuardDeps, appKey: string, address: Address) {
  return auditEntry(deps, { actor: 'operator', address, appKey, action: 'guard.closed' })
}

async function changed(
  deps: AdminGuardDeps,
  { appKey, event }: { appKey: string; event: 'set' | 'opened' | 'closed' },
  write: () => Promise<ChangedGuard | null>,
): Promise<Reply> {
  const change = await write()
  if (change === null) return refuse('appUnknown')
  if (change.hasChanged) {
    deps.metrics.guardEvents.inc({ event })
    deps.log.info({ appKey }, `guard.${event}`)
  }
  return guardReply(deps, appKey)
}

function settingsOf({ is_on, share_percent, minimum }: SetGuardBody): GuardSettings {
  return {
    ...(is_on === undefined ? {} : { isOff: !is_on }),
    ...(share_percent === undefined ? {} : { sharePercent: share_percent }),
    ...(minimum === undefined ? {} : { minimum }),
  }
}

async function guardReply({ database, census }: AdminGuardDeps, appKey: string): Promise<Reply> {
  await census.take(appKey)
  const guard = await readGuard(database.read, appKey)
  const now = await database.now()
  const opening = openingOf(guard, now)
  return answer({
    app_key: guard.appKey,
    is_on: !guard.isOff,
    share_percent: guard.sharePercent,
    minimum: guard.minimum,
    users: guard.users,
    counted_at: wireTime(guard.countedAt),
    budget: budgetOf(guard, now),
    used: usedOf(guard, now),
    opening: opening && {
      deletions: opening.deletions,
      used: opening.used,
      opened_at: new Date(opening.openedAt).toISOString(),
      until: new Date(opening.until).toISOString(),
    },
    tripped_at: wireTime(guard.trippedAt),
  } satisfies GuardAnswer)
}

function wireTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
