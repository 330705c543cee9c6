/**
 * The place of every erasure in the ledger outside the database, and how far each node's file has come. Erasures from before get
 * their places here, so that a ledger which begins today holds them too.
 */

import type { MigrationStatements } from './migrate.ts'

export const ledger: MigrationStatements = (engine) => {
  const clustered = engine === 'sqlite' ? 'strict, without rowid' : ''
  const big = engine === 'sqlite' ? 'integer' : 'bigint'
  return [
    `create table ledger (
      id ${big} not null primary key check (id = 1),
      ledger_id text,
      position ${big} not null
    ) ${clustered}`,

    `create table ledger_file (
      file_id text not null primary key,
      position ${big} not null,
      seen_at ${big} not null
    ) ${clustered}`,

    `alter table erasure add column ledger_position ${big}`,
    'alter table erasure add column request_digest text',
    // A token whose tombstone was lifted, or never made, must not get one from the ledger.
    `update erasure set token_digest = null where state in ('verifying', 'sealing', 'erased') and erasure_id not in
      (select erasure_id from tombstone where kind = 'token')`,
    `update erasure set request_digest = t.digest from (select erasure_id, digest from tombstone where kind = 'request') as t
      where t.erasure_id = erasure.erasure_id`,
    `update erasure set ledger_position = numbered.place from (select erasure_id as id,
        row_number() over (order by removed_at, erasure_id) as place from erasure where removed_at is not null) as numbered
      where numbered.id = erasure.erasure_id`,
    'create unique index erasure_ledger on erasure (ledger_position) where ledger_position is not null',
    `insert into ledger (id, ledger_id, position)
      select 1, null, coalesce(max(ledger_position), 0) from erasure`,
  ]
}
