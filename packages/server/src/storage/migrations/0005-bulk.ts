/** Deletions of many users: what was decided, whom it names, and the manifests that stand for receipts. */

import type { MigrationStatements } from './migrate.ts'

export const bulk: MigrationStatements = (engine) => {
  const clustered = engine === 'sqlite' ? 'strict, without rowid' : ''
  const big = engine === 'sqlite' ? 'integer' : 'bigint'
  return [
    `create table deletion (
      deletion_id text not null primary key,
      app_key text not null references app,
      state text not null,
      source text not null,
      token_digest text,
      token_expires_at ${big},
      failure text,
      is_everyone ${big} not null,
      line_count ${big} not null,
      target_count ${big} not null,
      figures text,
      fingerprint text,
      created_at ${big} not null,
      touched_at ${big} not null,
      confirmed_at ${big},
      starts_at ${big},
      started_at ${big},
      finished_at ${big},
      next_number ${big} not null,
      hidden_count ${big} not null,
      gone_count ${big} not null,
      pace_since ${big},
      pace_hidden ${big} not null
    ) ${clustered}`,
    'create index deletion_by_app on deletion (app_key, deletion_id)',

    `create table deletion_target (
      app_key text not null,
      registration_id text not null,
      deletion_id text not null references deletion,
      number ${big} not null,
      primary key (app_key, registration_id, deletion_id),
      foreign key (app_key, registration_id) references device
    ) ${clustered}`,
    'create unique index deletion_target_in_order on deletion_target (deletion_id, number)',

    `create table manifest (
      manifest_id text not null primary key,
      app_key text not null references app,
      deletion_id text not null references deletion,
      erasure_count ${big} not null,
      signed_at ${big} not null,
      receipt text not null
    ) ${engine === 'sqlite' ? 'strict' : ''}`,
    'create index manifest_by_deletion on manifest (deletion_id, manifest_id)',

    'alter table erasure add column deletion_id text',
    'alter table erasure add column manifest_id text',
  ]
}
