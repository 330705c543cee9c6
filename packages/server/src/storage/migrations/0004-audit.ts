/** The audit log, and where the call came from that deleted a user. */

import type { MigrationStatements } from './migrate.ts'

export const audit: MigrationStatements = (engine) => {
  const clustered = engine === 'sqlite' ? 'strict, without rowid' : ''
  const big = engine === 'sqlite' ? 'integer' : 'bigint'
  return [
    `create table audit (
      audit_id text not null primary key,
      at ${big} not null,
      actor text not null,
      address_class text,
      app_key text,
      action text not null,
      subject text,
      figures text not null
    ) ${clustered}`,
    'create index audit_by_age on audit (at)',
    'create index audit_by_action on audit (action, audit_id)',
    'alter table erasure add column address_class text',
  ]
}
