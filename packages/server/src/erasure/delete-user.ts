/**
 * Deletes a user for the customer's server: accepts it, unless the guard of the app refuses. The guard decides inside the
 * accepting transaction; here is what goes on around it: what the node was given to spend, and counting the users anew.
 */

import type { AddressClass } from '@lethe/protocol/audit.schemas.ts'
import type { App } from '../apps/app.ts'
import type { Log } from '../kernel/log.ts'
import type { CounterBy } from '../kernel/metric.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { OutcomeUnknown } from '../storage/errors.ts'
import type { AcceptOutput } from './accept.store.ts'
import { type AcceptErasureDeps, acceptErasure } from './accept-erasure.ts'
import type { Allowance, Allowances } from './allowances.ts'
import type { Census } from './census.ts'
import type { GuardEvent } from './guard.ts'

export interface DeleteUserDeps extends AcceptErasureDeps {
  readonly log: Log
  readonly allowances: Allowances
  readonly census: Census
  readonly metrics: { readonly guardEvents: CounterBy<'event'> }
}

export interface UserToDelete {
  readonly app: App
  readonly registrationId: RegistrationId
  readonly addressClass: AddressClass
  /** Only if it is in one of these versions. */
  readonly onlyIfVersion?: readonly number[]
}

/** `guarded` means that nobody was deleted, by figures that are not old. */
export async function deleteUser(deps: DeleteUserDeps, user: UserToDelete): Promise<AcceptOutput> {
  const output = await tryOnce(deps, user)
  if (output.kind !== 'guarded' || output.isCounted) return told(deps, user, output)
  await deps.census.take(user.app.appKey)
  return told(deps, user, await tryOnce(deps, user))
}

async function tryOnce(deps: DeleteUserDeps, user: UserToDelete): Promise<AcceptOutput> {
  const { appKey } = user.app
  const allowance = deps.allowances.take(appKey)
  const output = await acceptWith(deps, user, allowance)
  if (output.kind === 'accepted' && output.grant) deps.allowances.keep(appKey, output.grant)
  if (allowance && !isSpent(output)) deps.allowances.putBack(allowance)
  return output
}

function isSpent(output: AcceptOutput): boolean {
  return output.kind === 'accepted' && output.through === 'allowance'
}

async function acceptWith(
  deps: DeleteUserDeps,
  user: UserToDelete,
  allowance: Allowance | undefined,
): Promise<AcceptOutput> {
  try {
    return await acceptErasure(deps, {
      ...user,
      origin: 'server',
      ...(allowance ? { allowedUntil: allowance.pocket.until } : {}),
    })
  } catch (error) {
    // What may have been accepted may have used it.
    if (allowance && !(error instanceof OutcomeUnknown)) deps.allowances.putBack(allowance)
    throw error
  }
}

function told({ log, metrics }: DeleteUserDeps, { app }: UserToDelete, output: AcceptOutput): AcceptOutput {
  if (output.kind === 'guarded') metrics.guardEvents.inc({ event: 'refused' })
  for (const event of eventsOf(output)) {
    metrics.guardEvents.inc({ event })
    if (event === 'closed') log.info({ appKey: app.appKey }, 'guard.closed')
    else log.warn({ appKey: app.appKey, ...figuresOf(output) }, 'guard.tripped')
  }
  return output
}

function eventsOf(output: AcceptOutput): readonly GuardEvent[] {
  if (output.kind === 'guarded') return output.events
  return output.kind === 'accepted' ? (output.guardEvents ?? []) : []
}

function figuresOf(output: AcceptOutput): { budget?: number; used?: number } {
  return output.kind === 'guarded' ? { budget: output.figures.budget, used: output.figures.used } : {}
}
