/** Looks up and lifts tombstones. Digests are keyed; whoever asks computes them with every key version of the app. */

import type { Tx } from '../schema.ts'
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
