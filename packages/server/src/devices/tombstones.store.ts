/** Makes, looks up and lifts tombstones. Digests are keyed; whoever asks computes them with every key version of the app. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { RegistrationId, Token } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import type { Reader } from '../storage/database.ts'
import { statement } from '../storage/statement.ts'
import { keyOf } from './working-set.ts'

export interface TombstoneKey {
  readonly appKey: string
  readonly digest: string
}

/** The erasures behind those digests that have a tombstone, by `keyOf(appKey, digest)`. */
export async function findTombstones(
  reader: Pick<Reader<unknown>, 'query'>,
  keys: readonly TombstoneKey[],
): Promise<Map<string, string>> {
  const rows = await reader.query(FIND, keys.map(wire))
  return new Map(rows.map((row) => [keyOf(row.app_key, row.digest), row.erasure_id]))
}

/** Makes a token usable again: its user came back by a registration of their own. */
export async function liftTombstones(tx: Tx, keys: readonly TombstoneKey[]): Promise<void> {
  await tx.query(LIFT, keys.map(wire))
}

/** What a removal knows of a user whose row is about to go. */
export interface Burial {
  readonly appKey: string
  readonly registrationId: RegistrationId
  readonly erasureId: string
  readonly idTombstone: string
  /** Of the token that the user held when it was hidden. */
  readonly tokenTombstone: string | null
}

/** Where a user was reachable. */
export interface KnownAddress {
  readonly platform: Platform
  readonly token: Token | null
}

/** What the row of a user has left behind. */
export interface Trace extends KnownAddress {
  /** 0: somebody has taken the token over, and it got no tombstone. */
  readonly has_token: 0 | 1
  readonly request_digest: string | null
}

export interface Tombstone extends TombstoneKey {
  readonly kind: Tables['tombstone']['kind']
  readonly erasureId: string
}

/** Leaves these tombstones, whatever the registry holds. */
export async function buryDigests(tx: Tx, tombstones: readonly Tombstone[]): Promise<void> {
  const rows = tombstones.map(({ kind, erasureId, ...key }) => ({
    ...wire(key),
    kind,
    erasure_id: erasureId,
  }))
  await tx.query(BURY, rows, tx.now)
}

/**
 * Locks the rows of these users and leaves tombstones for what must be recognised when it comes back: the id, the token
 * unless somebody has taken it over since, and the request that registered the user. A user whose row is gone leaves its id.
 * Answers with the traces of those that were there, by `keyOf`.
 */
export async function buryDevices(tx: Tx, burials: readonly Burial[]): Promise<ReadonlyMap<string, Trace>> {
  const rows = await tx.query(
    TRACES,
    burials.map(({ appKey, registrationId }) => ({ app_key: appKey, registration_id: registrationId })),
  )
  const traces = new Map(rows.map((row) => [keyOf(row.app_key, row.registration_id), row]))
  const tombstones = burials.flatMap((burial) => {
    const trace = traces.get(keyOf(burial.appKey, burial.registrationId))
    return [
      tombstoneRow(burial, 'registration_id', burial.idTombstone),
      tombstoneRow(burial, 'token', trace?.has_token === 1 ? burial.tokenTombstone : null),
      tombstoneRow(burial, 'request', trace?.request_digest ?? null),
    ]
  })
  await tx.query(
    BURY,
    tombstones.filter((row) => row.digest !== null),
    tx.now,
  )
  return traces
}

function tombstoneRow(
  { appKey, erasureId }: Burial,
  kind: Tables['tombstone']['kind'],
  digest: string | null,
) {
  return { app_key: appKey, digest, kind, erasure_id: erasureId }
}

function wire({ appKey, digest }: TombstoneKey): { app_key: string; digest: string } {
  return { app_key: appKey, digest }
}

const FIND = statement<{ app_key: string; digest: string; erasure_id: string }>()(
  'tombstones.find',
  { app_key: 'text', digest: 'text' },
  (q) => `select t.app_key, t.digest, t.erasure_id from ${q.input}
    join tombstone t on t.app_key = input.app_key and t.digest = input.digest`,
)

const LIFT = statement()(
  'tombstones.lift',
  { app_key: 'text', digest: 'text' },
  (q) => `delete from tombstone where (app_key, digest) in (select app_key, digest from ${q.input})
    and kind = 'token'`,
)

const TRACES = statement<Trace & { app_key: string; registration_id: RegistrationId }>()(
  'devices.traces',
  { app_key: 'text', registration_id: 'text' },
  (q) => `select d.app_key, d.registration_id, d.request_digest, d.platform, d.token,
      case when d.token_digest is null then 0 else 1 end as has_token from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    order by d.app_key, d.registration_id ${q.lockRows('d')}`,
)

/** A token can die twice, with two users who held it one after the other: the later erasure stands. */
const BURY = statement()(
  'tombstones.bury',
  { app_key: 'text', digest: 'text', kind: 'text', erasure_id: 'text' },
  (q) => `insert into tombstone (app_key, digest, kind, erasure_id, created_at)
    select app_key, digest, kind, erasure_id, ${q.value(1)} from ${q.input} where true order by app_key, digest
    on conflict (app_key, digest) do update set erasure_id = excluded.erasure_id, created_at = excluded.created_at`,
)
