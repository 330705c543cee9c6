/** The write unit that accepts deletions: hides the user, writes the erasure and the tombstones, all or nothing. */

import type { ErasureKey } from '../apps/app.ts'
import { tokenTombstones } from '../devices/digests.ts'
import { findTombstones } from '../devices/tombstones.store.ts'
import { loadWorkingSet, saveWorkingSet } from '../devices/working-set.store.ts'
import { deviceIn, hideDevice, keyOf, type WorkingDevice } from '../devices/working-set.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'

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
  /** For the sweep: only if the user has had no token of its own and was not seen since, milliseconds. */
  readonly onlyIfAbandonedSince?: number
}

export type AcceptOutput =
  | { readonly kind: 'accepted'; readonly erasureId: string }
  /** Accepted before, by the erasure of that id. */
  | { readonly kind: 'already'; readonly erasureId: string }
  /** Never of this app. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'notAbandoned' }

export const acceptErasures = interactive(
  'erasure.accept',
  async (tx: Tx, inputs: readonly AcceptInput[]): Promise<AcceptOutput[]> => {
    const set = await loadWorkingSet(tx, { keys: inputs, tagsOf: inputs })
    // Only now: a deletion of the same user that we waited for has made its tombstone.
    const earlier = await findTombstones(
      tx,
      inputs.flatMap(({ appKey, idTombstones }) => idTombstones.map((digest) => ({ appKey, digest }))),
    )
    const hidden: Hidden[] = []
    const outputs = inputs.map((input): AcceptOutput => {
      const device = deviceIn(set, input)
      if (device?.isLive) {
        if (!mayBeErased(device, input)) return { kind: 'notAbandoned' }
        hideDevice(set, device)
        hidden.push({ input, device })
        for (const digest of input.idTombstones) earlier.set(keyOf(input.appKey, digest), input.erasureId)
        return { kind: 'accepted', erasureId: input.erasureId }
      }
      const [erasureId] = input.idTombstones.flatMap(
        (digest) => earlier.get(keyOf(input.appKey, digest)) ?? [],
      )
      return erasureId === undefined ? { kind: 'unknown' } : { kind: 'already', erasureId }
    })
    await saveWorkingSet(tx, set, tx.now)
    await tx.query(INSERT_ERASURES, hidden.map(erasureRow), tx.now)
    await tx.query(INSERT_TOMBSTONES, hidden.flatMap(tombstoneRows), tx.now)
    return outputs
  },
)

interface Hidden {
  readonly input: AcceptInput
  readonly device: WorkingDevice
}

function mayBeErased({ before }: WorkingDevice, { onlyIfAbandonedSince }: AcceptInput): boolean {
  if (onlyIfAbandonedSince === undefined) return true
  return before?.isDetached === true && before.lastSeenAt < onlyIfAbandonedSince
}

function erasureRow({ input }: Hidden) {
  return {
    erasure_id: input.erasureId,
    app_key: input.appKey,
    registration_id: input.registrationId,
    id_digest: input.idTombstones[0] ?? null,
    key_version: input.erasureKey.version,
    origin: input.origin,
  }
}

/** What must be recognised when it comes back: the id, the token, and the request that registered the user. */
function tombstoneRows({ input, device }: Hidden) {
  const { appKey: app_key, erasureId: erasure_id, erasureKey } = input
  const row = (kind: Tables['tombstone']['kind'], digest: string | null | undefined) =>
    digest == null ? [] : [{ app_key, digest, kind, erasure_id }]
  const token = device.tokenDigest === null ? undefined : tokenTombstones([erasureKey], device.tokenDigest)[0]
  return [
    ...row('registration_id', input.idTombstones[0]),
    ...row('token', token),
    ...row('request', device.before?.requestDigest),
  ]
}

const INSERT_ERASURES = statement()(
  'erasure.insert',
  {
    erasure_id: 'text',
    app_key: 'text',
    registration_id: 'text',
    id_digest: 'text',
    key_version: 'bigint',
    origin: 'text',
  },
  (
    q,
  ) => `insert into erasure (erasure_id, app_key, registration_id, id_digest, key_version, origin, state, accepted_at,
      attempts, run_at)
    select erasure_id, app_key, registration_id, id_digest, key_version, origin, 'accepted', ${q.value(1)}, 0, ${q.value(1)}
    from ${q.input}`,
)

/** A token can die twice, with two users who held it one after the other: the later erasure stands. */
const INSERT_TOMBSTONES = statement()(
  'tombstones.insert',
  { app_key: 'text', digest: 'text', kind: 'text', erasure_id: 'text' },
  (q) => `insert into tombstone (app_key, digest, kind, erasure_id, created_at)
    select app_key, digest, kind, erasure_id, ${q.value(1)} from ${q.input} where true order by app_key, digest
    on conflict (app_key, digest) do update set erasure_id = excluded.erasure_id, created_at = excluded.created_at`,
)
