/** Accepts the deletion of one user. Everything after the 200 is the work of `erasure-work.ts`. */

import type { AddressClass } from '@lethe/protocol/audit.schemas.ts'
import type { App } from '../apps/app.ts'
import { idTombstones } from '../devices/digests.ts'
import type { Clock } from '../kernel/clock.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { orderedId, type Random } from '../kernel/random.ts'
import type { Db, Tables } from '../schema.ts'
import { OutcomeUnknown } from '../storage/errors.ts'
import { type AcceptInput, type AcceptOutput, acceptErasures } from './accept.store.ts'

/** The topic under which nodes hear of new erasures. */
export const ERASURE_TOPIC = 'erasure'

export interface AcceptErasureDeps {
  readonly database: Db
  readonly random: Random
  readonly clock: Clock
  /** Hears of a user who was just hidden: its sockets on this node are closed at once. */
  readonly onHidden?: (user: { readonly appKey: string; readonly registrationId: RegistrationId }) => void
}

/**
 * Resolves once the deletion is on disk and the user hidden, or tells why there is nothing to delete. Repeating it is
 * harmless: the first erasure is answered again.
 */
export async function acceptErasure(
  { database, random, clock, onHidden }: AcceptErasureDeps,
  input: {
    app: App
    registrationId: RegistrationId
    origin: Tables['erasure']['origin']
    addressClass?: AddressClass
    allowedUntil?: number
    onlyIfVersion?: readonly number[]
    onlyIfAbandonedSince?: number
  },
): Promise<AcceptOutput> {
  const { app, ...rest } = input
  const output = await writeOrLookAgain(database, {
    ...rest,
    erasureId: orderedId(random, clock.now()),
    appKey: app.appKey,
    idTombstones: idTombstones(app.erasureKeys, input.registrationId),
    erasureKey: app.erasureKeys[0],
  })
  if (output.kind === 'accepted') {
    onHidden?.({ appKey: app.appKey, registrationId: input.registrationId })
    database.announce(ERASURE_TOPIC)
  }
  return output
}

/** When the answer of the commit was lost, the same write again says what became of it: it accepts a user only once. */
async function writeOrLookAgain(database: Db, input: AcceptInput): Promise<AcceptOutput> {
  try {
    return await database.write(acceptErasures, input)
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) throw error
  }
  try {
    const output = await database.write(acceptErasures, input)
    const isOurs = output.kind === 'already' && output.erasureId === input.erasureId
    // Whatever the guard had set aside for the node was in the answer that is lost; it stays counted as used.
    return isOurs ? { kind: 'accepted', erasureId: input.erasureId, through: 'allowance' } : output
  } catch {
    throw new OutcomeUnknown('the deletion may have been accepted')
  }
}
