/** Reads of many erasures, for operators. */

import type { Read, Tables } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'

export type ErasureItemRow = Pick<
  Tables['erasure'],
  'erasure_id' | 'state' | 'origin' | 'deletion_id' | 'accepted_at' | 'removed_at' | 'erased_at' | 'attempts'
>

/** The newest first, of those that are older than `before`. */
export function readErasures(
  read: Read,
  { appKey, before, limit }: { appKey: string; before: string; limit: number },
): Promise<ErasureItemRow[]> {
  return read.query(READ_ALL, ONCE, appKey, before, limit)
}

/** Those that are not finished, the oldest first. */
export function readOpenErasures(
  read: Read,
  { appKey, limit }: { appKey: string; limit: number },
): Promise<ErasureItemRow[]> {
  return read.query(READ_OPEN, ONCE, appKey, limit)
}

const COLUMNS = `e.erasure_id, e.state, e.origin, e.deletion_id, e.accepted_at, e.removed_at, e.erased_at, e.attempts`

const READ_ALL = statement<ErasureItemRow>()(
  'erasure.read-all',
  {},
  (q) => `select ${COLUMNS} from erasure e where e.app_key = ${q.value(1)} and e.erasure_id < ${q.value(2)}
    order by e.erasure_id desc limit ${q.value(3)}`,
)

const READ_OPEN = statement<ErasureItemRow>()(
  'erasure.read-open',
  {},
  (q) => `select ${COLUMNS} from erasure e
    where e.app_key = ${q.value(1)} and e.state <> 'erased' and e.accepted_at > 0
    order by e.accepted_at limit ${q.value(2)}`,
)
