/**
 * The write unit that erases again what an older database has brought back: hides the users that it finds, and leaves the
 * tombstones of all. Removal, second look and receipt then take their usual course.
 */

import { buryDigests, type Tombstone } from '../../devices/tombstones.store.ts'
import { loadWorkingSet, saveWorkingSet } from '../../devices/working-set.store.ts'
import { detachToken, deviceIn, hideDevice, type WorkingSet } from '../../devices/working-set.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import type { Tx } from '../../schema.ts'
import { statement } from '../../storage/statement.ts'
import { background } from '../../storage/unit.ts'
import { takePositions } from './ledger.store.ts'
import type { LedgerEntry } from './ledger-line.ts'

export interface ReplayEntry {
  readonly entry: LedgerEntry
  /** Its place in the database; null: the next one. */
  readonly position: number | null
  /** The user, where the database has it again, and the tombstone digest of the token that it holds here. */
  readonly device: { readonly registrationId: RegistrationId; readonly tokenDigest: string | null } | null
}

export interface ReplayInput {
  readonly entries: readonly ReplayEntry[]
  /** Users that hold a token again which an erased user held last. */
  readonly detach: readonly { readonly appKey: string; readonly registrationId: RegistrationId }[]
}

/** Output: how many users were hidden. */
export const replayErasures = background(
  'erasure.replay',
  async (tx: Tx, inputs: readonly ReplayInput[]): Promise<number[]> => {
    const outputs: number[] = []
    for (const input of inputs) outputs.push(await replay(tx, input))
    return outputs
  },
)

async function replay(tx: Tx, { entries, detach }: ReplayInput): Promise<number> {
  const keys = entries.flatMap(({ entry, device }) =>
    device ? [{ appKey: entry.appKey, registrationId: device.registrationId }] : [],
  )
  const set = await loadWorkingSet(tx, { keys: [...keys, ...detach], tagsOf: keys })
  const hidden = new Set(entries.filter((one) => hide(set, one)).map(({ entry }) => entry.erasureId))
  for (const key of detach) {
    const device = deviceIn(set, key)
    if (device?.isLive && device.tokenDigest !== null) detachToken(set, device)
  }
  await saveWorkingSet(tx, set, tx.now)
  const fresh = entries.filter(({ position }) => position === null)
  const last = fresh.length > 0 ? await takePositions(tx, fresh.length) : 0
  await tx.query(
    INSERT,
    entries.map((one) => ({
      ...erasureRow(one, hidden.has(one.entry.erasureId)),
      removed_at: hidden.has(one.entry.erasureId) ? null : tx.now,
      ledger_position: one.position ?? last - fresh.length + 1 + fresh.indexOf(one),
    })),
    tx.now,
  )
  await buryDigests(
    tx,
    entries.flatMap(({ entry }) => tombstonesOf(entry)),
  )
  return hidden.size
}

/** Whether the user was live and is hidden now. */
function hide(set: WorkingSet, { entry, device }: ReplayEntry): boolean {
  const found = device && deviceIn(set, { appKey: entry.appKey, registrationId: device.registrationId })
  if (!found?.isLive) return false
  hideDevice(set, found, entry.erasureId)
  return true
}

/** Where nobody was found there is nothing to remove, and the device rows are what was looked through. */
function erasureRow({ entry, device }: ReplayEntry, isHidden: boolean) {
  return {
    erasure_id: entry.erasureId,
    app_key: entry.appKey,
    registration_id: isHidden ? (device?.registrationId ?? null) : null,
    id_digest: entry.idDigest,
    token_digest: isHidden ? (device?.tokenDigest ?? null) : entry.tokenDigest,
    request_digest: entry.requestDigest,
    key_version: entry.keyVersion,
    origin: entry.origin,
    state: isHidden ? 'accepted' : 'sealing',
    accepted_at: entry.acceptedAt,
    removed: isHidden ? null : '{}',
    looked_through: isHidden ? null : '["device"]',
  }
}

function tombstonesOf({ appKey, erasureId, idDigest, tokenDigest, requestDigest }: LedgerEntry): Tombstone[] {
  const all = [
    { kind: 'registration_id', digest: idDigest },
    { kind: 'token', digest: tokenDigest },
    { kind: 'request', digest: requestDigest },
  ] as const
  return all.flatMap(({ kind, digest }) => (digest === null ? [] : [{ appKey, digest, kind, erasureId }]))
}

/** A replay that was interrupted has left whole batches: they are not written twice. */
const INSERT = statement()(
  'ledger.insert-erasures',
  {
    erasure_id: 'text',
    app_key: 'text',
    registration_id: 'text',
    id_digest: 'text',
    token_digest: 'text',
    request_digest: 'text',
    key_version: 'bigint',
    origin: 'text',
    state: 'text',
    accepted_at: 'bigint',
    removed_at: 'bigint',
    removed: 'text',
    looked_through: 'text',
    ledger_position: 'bigint',
  },
  (
    q,
  ) => `insert into erasure (erasure_id, app_key, registration_id, id_digest, token_digest, request_digest, key_version, origin,
      state, accepted_at, removed_at, removed, looked_through, ledger_position, attempts, run_at)
    select erasure_id, app_key, registration_id, id_digest, token_digest, request_digest, key_version, origin, state,
      accepted_at, removed_at, removed, looked_through, ledger_position, 0, ${q.value(1)} from ${q.input} where true
    on conflict (erasure_id) do nothing`,
)
