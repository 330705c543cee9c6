/**
 * The write unit that accepts deletions: hides the user and writes the erasure, all or nothing. It touches little, since
 * somebody waits: until the removal, the hidden row itself stands where the tombstones will stand.
 */

import type { AddressClass } from '@lethe/protocol/audit.schemas.ts'
import type { ErasureKey } from '../apps/app.ts'
import { tokenTombstones } from '../devices/digests.ts'
import { findTombstones } from '../devices/tombstones.store.ts'
import { loadWorkingSet, saveWorkingSet } from '../devices/working-set.store.ts'
import {
  deviceIn,
  erasureOf,
  hideDevice,
  keyOf,
  type WorkingDevice,
  type WorkingSet,
} from '../devices/working-set.ts'
import { assert } from '../kernel/assert.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'
import { askGuards, type Grant, type Verdict } from './ask-guards.ts'
import { ALLOWANCE_MS, type GuardEvent } from './guard.ts'

export interface AcceptInput {
  /** The id for the erasure, freshly minted. */
  readonly erasureId: string
  readonly appKey: string
  readonly registrationId: RegistrationId
  /** Tombstone digests of the registration id, one for each key version, newest first. */
  readonly idTombstones: readonly string[]
  /** The newest key: the tombstones are made with it. */
  readonly erasureKey: ErasureKey
  readonly origin: Tables['erasure']['origin']
  /** Where the call came from, for the audit log; absent: not kept. */
  readonly addressClass?: AddressClass
  /** Why this deletion needs no further leave: an operator has seen the figures of the list and confirmed it. */
  readonly reason?: 'confirmed bulk'
  /** The bulk deletion that it belongs to. */
  readonly deletionId?: string
  /** The guard of the app need not be asked up to this time of the database's clock: a part of its budget was set aside for it. */
  readonly allowedUntil?: number
  /** Only if the user exists in one of these versions; absent: whatever it looks like. */
  readonly onlyIfVersion?: readonly number[]
  /** For the sweep: only if the user has had no token of its own and was not seen since, milliseconds. */
  readonly onlyIfAbandonedSince?: number
}

export type AcceptOutput =
  | {
      readonly kind: 'accepted'
      readonly erasureId: string
      /** What let it through: what was set aside for it, the guard in this transaction, or nobody who had to be asked. */
      readonly through: 'allowance' | 'guard' | 'nobody'
      /** What the guard has set aside for the node besides. */
      readonly grant?: Grant
      readonly guardEvents?: readonly GuardEvent[]
    }
  /** Accepted before, by the erasure of that id. */
  | { readonly kind: 'already'; readonly erasureId: string }
  /** Never of this app. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'notAbandoned' }
  /** In another version than the caller has looked at. */
  | { readonly kind: 'changed' }
  | Guarded

/** The guard of the app refuses: nobody was deleted. */
export type Guarded = Extract<Verdict, { readonly kind: 'guarded' }>

export const acceptErasures = interactive(
  'erasure.accept',
  async (tx: Tx, inputs: readonly AcceptInput[]): Promise<AcceptOutput[]> => {
    const set = await loadWorkingSet(tx, { keys: inputs, tagsOf: inputs })
    // Only now: a row whose removal we waited for has left its tombstone.
    const missing = inputs.filter((input) => !deviceIn(set, input))
    const earlier = await findTombstones(
      tx,
      missing.flatMap(({ appKey, idTombstones }) => idTombstones.map((digest) => ({ appKey, digest }))),
    )
    const verdicts = await askGuards(tx, toBeAsked(set, inputs, tx.now))
    const verdictOf = new Map([...verdicts].map(([input, verdict]) => [keyOfUser(input), verdict]))
    const hidden: Hidden[] = []
    const outputs = inputs.map((input): AcceptOutput => {
      const device = deviceIn(set, input)
      if (!device) return fromTombstone(earlier, input)
      if (!device.isLive) return { kind: 'already', erasureId: erasureOf(device) }
      if (!mayBeErased(device, input)) return { kind: 'notAbandoned' }
      if (!isAsLookedAt(device, input)) return { kind: 'changed' }
      const isAllowed = !asksGuard(input, tx.now)
      const verdict = isAllowed ? undefined : verdictOf.get(keyOfUser(input))
      assert(isAllowed || verdict, 'whoever needs the guard has asked it')
      if (verdict?.kind === 'guarded') return verdict
      hideDevice(set, device, input.erasureId)
      hidden.push({ input, device })
      return accepted(input, verdict, tx.now)
    })
    await saveWorkingSet(tx, set, tx.now)
    await tx.query(INSERT_ERASURES, hidden.map(erasureRow), tx.now)
    return outputs
  },
)

function fromTombstone(earlier: ReadonlyMap<string, string>, input: AcceptInput): AcceptOutput {
  const [erasureId] = input.idTombstones.flatMap((digest) => earlier.get(keyOf(input.appKey, digest)) ?? [])
  return erasureId === undefined ? { kind: 'unknown' } : { kind: 'already', erasureId }
}

/** The first input for each user who would be hidden, if the guard has a say in it: the others come too late. */
function toBeAsked(set: WorkingSet, inputs: readonly AcceptInput[], now: number): AcceptInput[] {
  const first = new Map<string, AcceptInput>()
  for (const input of inputs) {
    const device = deviceIn(set, input)
    const isHiding = device?.isLive && mayBeErased(device, input) && isAsLookedAt(device, input)
    if (isHiding && !first.has(keyOfUser(input))) first.set(keyOfUser(input), input)
  }
  return [...first.values()].filter((input) => asksGuard(input, now))
}

/** Who deletes itself, and the sweep, use no budget. */
function asksGuard({ origin, allowedUntil }: AcceptInput, now: number): boolean {
  return origin === 'server' && !(allowedUntil !== undefined && now <= allowedUntil)
}

function accepted(
  { erasureId, origin }: AcceptInput,
  verdict: Verdict | undefined,
  now: number,
): AcceptOutput {
  const kind = 'accepted'
  if (origin !== 'server') return { kind, erasureId, through: 'nobody' }
  if (verdict?.kind !== 'granted') return { kind, erasureId, through: 'allowance' }
  const { aside, events } = verdict
  const grant = { ...aside, until: now + ALLOWANCE_MS }
  return { kind, erasureId, through: 'guard', grant, guardEvents: events }
}

function keyOfUser({ appKey, registrationId }: AcceptInput): string {
  return keyOf(appKey, registrationId)
}

interface Hidden {
  readonly input: AcceptInput
  readonly device: WorkingDevice
}

function mayBeErased({ before }: WorkingDevice, { onlyIfAbandonedSince }: AcceptInput): boolean {
  if (onlyIfAbandonedSince === undefined) return true
  return before?.isDetached === true && before.lastSeenAt < onlyIfAbandonedSince
}

function isAsLookedAt({ before }: WorkingDevice, { onlyIfVersion }: AcceptInput): boolean {
  return onlyIfVersion === undefined || (before !== null && onlyIfVersion.includes(before.version))
}

function erasureRow({ input, device }: Hidden) {
  const { erasureKey } = input
  const token = device.tokenDigest === null ? undefined : tokenTombstones([erasureKey], device.tokenDigest)[0]
  return {
    erasure_id: input.erasureId,
    app_key: input.appKey,
    registration_id: input.registrationId,
    id_digest: input.idTombstones[0] ?? null,
    token_digest: token ?? null,
    key_version: erasureKey.version,
    origin: input.origin,
    address_class: input.addressClass ?? null,
    deletion_id: input.deletionId ?? null,
  }
}

const INSERT_ERASURES = statement()(
  'erasure.insert',
  {
    erasure_id: 'text',
    app_key: 'text',
    registration_id: 'text',
    id_digest: 'text',
    token_digest: 'text',
    key_version: 'bigint',
    origin: 'text',
    address_class: 'text',
    deletion_id: 'text',
  },
  (
    q,
  ) => `insert into erasure (erasure_id, app_key, registration_id, id_digest, token_digest, key_version, origin, address_class,
      deletion_id, state, accepted_at, attempts, run_at)
    select erasure_id, app_key, registration_id, id_digest, token_digest, key_version, origin, address_class, deletion_id,
      'accepted', ${q.value(1)}, 0, ${q.value(1)}
    from ${q.input}`,
)
