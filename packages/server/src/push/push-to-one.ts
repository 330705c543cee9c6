/** Accepts a push to a single user, as batches have them, and as the demo sends them to its visitor. */

import { errors } from '@lethe/protocol/errors.ts'
import { fault, type Judged } from '@lethe/protocol/fault.ts'
import type { Push } from '@lethe/protocol/push.ts'
import type { App } from '../apps/app.ts'
import type { Alias, RegistrationId } from '../kernel/personal.ts'
import {
  type AcceptPushDeps,
  acceptPush,
  findSingleTargets,
  reachOfOne,
  refusalOfVendors,
} from './accept-push.ts'
import type { RecipientRow } from './recipients.store.ts'

export type { AcceptPushDeps as PushToUserDeps }

export interface PushToOne {
  readonly app: App
  readonly push: Push
  readonly row: RecipientRow
  /** The alias by which the push names the user; null: it is named by its id. */
  readonly alias: Alias | null
}

/** The id of the message, which is on disk. */
export async function pushToOne(
  deps: AcceptPushDeps,
  { app, push, row, alias }: PushToOne,
): Promise<Judged<number>> {
  const reach = reachOfOne(row, { push, alias })
  if (!reach) return fault('targetNone', errors.targetNone.message)
  const refusal = refusalOfVendors(deps, { app, push })
  if (refusal) return refusal
  return acceptPush(deps, { app, push, audience: { kind: 'everyone' } }, reach)
}

/** The same for a user who is named by its id. */
export async function pushToUser(
  deps: AcceptPushDeps,
  { app, push, registrationId }: Pick<PushToOne, 'app' | 'push'> & { registrationId: RegistrationId },
): Promise<Judged<number>> {
  const targets = [registrationId]
  const rows = await findSingleTargets(deps, app.appKey, { kind: 'registrationId', targets })
  const row = rows.get(registrationId)
  if (!row) return fault('registrationIdUnknown', errors.registrationIdUnknown.message)
  return pushToOne(deps, { app, push, row, alias: null })
}
