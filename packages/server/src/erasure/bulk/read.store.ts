/** Reads of deletions: how far each is, and the manifests of what it erased. */

import type { Read, Tables } from '../../schema.ts'
import { ONCE, statement } from '../../storage/statement.ts'

export type DeletionRow = Omit<Tables['deletion'], 'token_digest'> & {
  /** Erasures of this deletion that are finished. */
  readonly erased_count: number
  readonly manifest_count: number
}

export async function readBulkDeletion(
  read: Read,
  { appKey, deletionId }: { appKey: string; deletionId: string },
): Promise<DeletionRow | undefined> {
  const [row] = await read.query(READ, [{ deletion_id: deletionId, app_key: appKey }])
  return row
}

/** The newest first; `before`: only those that were planned before the one of this id. */
export function readBulkDeletions(
  read: Read,
  { appKey, before, limit }: { appKey: string; before: string; limit: number },
): Promise<DeletionRow[]> {
  return read.query(READ_ALL, ONCE, appKey, before, limit)
}

/** Deletions that delete somebody, or will, without a further word. */
export function readConfirmed(
  read: Read,
): Promise<Pick<Tables['deletion'], 'app_key' | 'deletion_id' | 'state'>[]> {
  return read.kysely
    .selectFrom('deletion')
    .select(['app_key', 'deletion_id', 'state'])
    .where('state', 'in', ['confirmed', 'running'])
    .execute()
}

export type ManifestRow = Pick<Tables['manifest'], 'manifest_id' | 'erasure_count' | 'signed_at' | 'receipt'>

/** In the order in which they were signed, as far as the clocks of the nodes agree. */
export function readManifests(
  read: Read,
  { deletionId, after, limit }: { deletionId: string; after: string; limit: number },
): Promise<ManifestRow[]> {
  return read.query(READ_MANIFESTS, ONCE, deletionId, after, limit)
}

const COLUMNS = `l.deletion_id, l.app_key, l.state, l.source, l.token_expires_at, l.failure, l.is_everyone, l.line_count,
  l.target_count, l.figures, l.fingerprint, l.created_at, l.touched_at, l.confirmed_at, l.starts_at, l.started_at, l.finished_at,
  l.next_number, l.hidden_count, l.gone_count, l.pace_since, l.pace_hidden,
  (select count(*) from manifest m where m.deletion_id = l.deletion_id) as manifest_count,
  cast((select coalesce(sum(m.erasure_count), 0) from manifest m where m.deletion_id = l.deletion_id) as bigint) as erased_count`

const READ = statement<DeletionRow>()(
  'deletion.read',
  { deletion_id: 'text', app_key: 'text' },
  (q) => `select ${COLUMNS} from ${q.input}
    join deletion l on l.deletion_id = input.deletion_id and l.app_key = input.app_key`,
)

const READ_ALL = statement<DeletionRow>()(
  'deletion.read-all',
  {},
  (q) => `select ${COLUMNS} from deletion l where l.app_key = ${q.value(1)} and l.deletion_id < ${q.value(2)}
    order by l.deletion_id desc limit ${q.value(3)}`,
)

const READ_MANIFESTS = statement<ManifestRow>()(
  'deletion.read-manifests',
  {},
  (q) => `select m.manifest_id, m.erasure_count, m.signed_at, m.receipt from manifest m
    where m.deletion_id = ${q.value(1)} and m.manifest_id > ${q.value(2)} order by m.manifest_id limit ${q.value(3)}`,
)
