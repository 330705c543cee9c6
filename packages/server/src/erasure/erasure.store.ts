/** Reads of erasures, and the keys that sign their receipts. */

import type { AuditPage, AuditRow } from '../audit/audit.store.ts'
import { orderedIdFloor } from '../kernel/random.ts'
import type { Db, Read, Tables, Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'

export type ErasureRow = Pick<
  Tables['erasure'],
  | 'erasure_id'
  | 'state'
  | 'accepted_at'
  | 'removed_at'
  | 'erased_at'
  | 'attempts'
  | 'failure'
  | 'removed'
  | 'receipt'
  | 'origin'
  | 'deletion_id'
>

/** An erasure of this app; undefined when it has none of that id. */
export async function readErasure(
  read: Read,
  appKey: string,
  erasureId: string,
): Promise<ErasureRow | undefined> {
  const [row] = await read.query(READ, [{ erasure_id: erasureId, app_key: appKey }])
  return row
}

/** How long the oldest erasure that is not finished has been open, in milliseconds of the database's clock; 0 when none is. */
export async function readOldestOpenMs(database: Pick<Db, 'read' | 'now'>): Promise<number> {
  const [row] = await database.read.query(OLDEST_OPEN, ONCE)
  if (!row || row.accepted_at === null) return 0
  return Math.max(0, (await database.now()) - row.accepted_at)
}

/** Erasures whose removal is due, the longest waiting first. */
export async function readDue(
  database: Pick<Db, 'read' | 'now'>,
  limit: number,
): Promise<Pick<Tables['erasure'], 'erasure_id' | 'app_key' | 'registration_id' | 'attempts'>[]> {
  return database.read.kysely
    .selectFrom('erasure')
    .select(['erasure_id', 'app_key', 'registration_id', 'attempts'])
    .where('state', '=', 'accepted')
    .where('run_at', '<=', await database.now())
    .orderBy('run_at')
    .orderBy('erasure_id')
    .limit(limit)
    .execute()
}

/** Live users whose token another took over and who were not seen since; the sweep erases them. */
export async function readAbandoned(
  read: Read,
  input: { notSeenSince: number; limit: number },
): Promise<Pick<Tables['device'], 'app_key' | 'registration_id'>[]> {
  return read.kysely
    .selectFrom('device')
    .select(['app_key', 'registration_id'])
    .where('detached_at', 'is not', null)
    .where('state', '=', 'live')
    .where('last_seen_at', '<', input.notSeenSince)
    .orderBy('last_seen_at')
    .limit(input.limit)
    .execute()
}

/** Deletions as entries of the audit log, the newest first: each erasure is one, with the digest of its tombstone. */
export async function readDeletions(
  read: Read,
  { before, since, limit }: AuditPage & { readonly since: number },
): Promise<AuditRow[]> {
  let query = read.kysely
    .selectFrom('erasure')
    .select(['erasure_id', 'app_key', 'id_digest', 'origin', 'address_class', 'accepted_at'])
    .where('erasure_id', '>=', orderedIdFloor(since))
    .orderBy('erasure_id', 'desc')
    .limit(limit)
  if (before !== undefined) query = query.where('erasure_id', '<', before)
  const rows = await query.execute()
  return rows.map((row) => ({
    audit_id: row.erasure_id,
    at: row.accepted_at,
    actor: ACTORS[row.origin],
    address_class: row.address_class,
    app_key: row.app_key,
    action: 'user.deleted',
    subject: row.id_digest,
    figures: '{}',
  }))
}

const ACTORS = { server: 'app', device: 'device', sweep: 'lethe', bulk: 'operator' } as const

export type SigningKeyRow = Tables['signing_key']

export async function readSigningKeys(read: Read): Promise<SigningKeyRow[]> {
  return read.kysely.selectFrom('signing_key').selectAll().orderBy('created_at').orderBy('key_id').execute()
}

/** Keeps the key unless the server has one that is not retired: of nodes that start together, one wins. */
export const addFirstSigningKey = interactive(
  'erasure.add-first-signing-key',
  async (tx: Tx, inputs: readonly SigningKeyRow[]): Promise<boolean[]> => {
    await tx.lockNames(['signing key'])
    const outputs: boolean[] = []
    for (const input of inputs) {
      const current = await tx.kysely
        .selectFrom('signing_key')
        .select('key_id')
        .where('retired_at', 'is', null)
        .executeTakeFirst()
      if (!current) await tx.kysely.insertInto('signing_key').values(input).execute()
      outputs.push(!current)
    }
    return outputs
  },
)

const READ = statement<ErasureRow>()(
  'erasure.read',
  { erasure_id: 'text', app_key: 'text' },
  (
    q,
  ) => `select e.erasure_id, e.state, e.accepted_at, e.removed_at, e.erased_at, e.attempts, e.failure, e.removed, e.origin, e.deletion_id,
      coalesce(e.receipt, m.receipt) as receipt
    from ${q.input} join erasure e on e.erasure_id = input.erasure_id and e.app_key = input.app_key
    left join manifest m on m.manifest_id = e.manifest_id`,
)

const OLDEST_OPEN = statement<{ accepted_at: number | null }>()(
  'erasure.oldest-open',
  {},
  () => `select min(accepted_at) as accepted_at from erasure where state <> 'erased'`,
)
