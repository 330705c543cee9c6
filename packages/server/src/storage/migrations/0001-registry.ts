// size: one migration is one list of statements, read from top to bottom.
/**
 * The registry and its erasures. Tables of a user carry (app_key, registration_id) first in the key and refer to the
 * device row without cascade, so that a table which the eraser forgot fails loudly. Tombstones and erasures refer to no device on purpose: they outlive it.
 */

import type { MigrationStatements } from './migrate.ts'

export const registry: MigrationStatements = (engine) => {
  // A table clustered by its key saves SQLite an index and a look-up per row; strict makes it check types.
  const clustered = engine === 'sqlite' ? 'strict, without rowid' : ''
  const big = engine === 'sqlite' ? 'integer' : 'bigint'
  return [
    `create table app (
      app_key text not null primary key,
      name text not null,
      secret_digest text not null,
      settings text not null,
      created_at ${big} not null
    ) ${clustered}`,

    `create table app_usage (
      app_key text not null primary key references app,
      tag_count ${big} not null,
      alias_count ${big} not null
    ) ${clustered}`,

    `create table erasure_key (
      app_key text not null references app,
      version ${big} not null,
      sealed_key text not null,
      created_at ${big} not null,
      primary key (app_key, version)
    ) ${clustered}`,

    `create table signing_key (
      key_id text not null primary key,
      sealed_private_key text not null,
      public_key text not null,
      created_at ${big} not null,
      retired_at ${big}
    ) ${clustered}`,

    `create table operator_token (
      digest text not null primary key,
      created_at ${big} not null
    ) ${clustered}`,

    `create table server_fact (
      name text not null primary key,
      value text not null
    ) ${clustered}`,

    `create table device (
      app_key text not null references app,
      registration_id text not null,
      platform text not null,
      state text not null,
      erasure_id text,
      secret_digest text,
      created_at ${big} not null,
      last_seen_at ${big} not null,
      request_digest text,
      token text,
      token_digest text,
      token_p256dh text,
      token_auth text,
      token_environment text,
      token_changed_at ${big},
      detached_at ${big},
      alias text,
      os text,
      browser text,
      model text,
      app_version text,
      sdk_version text,
      language text,
      timezone text,
      notification_permission text,
      primary key (app_key, registration_id)
    ) ${clustered}`,
    // Over live and erasing rows alike: hiding a user then touches neither, and who takes over an alias or token clears it there.
    'create unique index device_alias on device (app_key, alias) where alias is not null',
    'create unique index device_token on device (app_key, token_digest) where token_digest is not null',
    `create unique index device_request on device (app_key, request_digest) where request_digest is not null`,
    `create index device_detached on device (last_seen_at) where detached_at is not null`,

    `create table device_tag (
      app_key text not null,
      registration_id text not null,
      tag text not null,
      primary key (app_key, registration_id, tag),
      foreign key (app_key, registration_id) references device
    ) ${clustered}`,
    'create index device_tag_by_tag on device_tag (app_key, tag, registration_id)',

    `create table tag (
      app_key text not null references app,
      tag text not null,
      web_count ${big} not null,
      android_count ${big} not null,
      ios_count ${big} not null,
      hmos_count ${big} not null,
      primary key (app_key, tag)
    ) ${clustered}`,

    `create table tombstone (
      app_key text not null references app,
      digest text not null,
      kind text not null,
      erasure_id text not null,
      created_at ${big} not null,
      primary key (app_key, digest)
    ) ${clustered}`,

    `create table erasure (
      erasure_id text not null primary key,
      app_key text not null references app,
      registration_id text,
      id_digest text not null,
      token_digest text,
      key_version ${big} not null,
      origin text not null,
      state text not null,
      accepted_at ${big} not null,
      removed_at ${big},
      erased_at ${big},
      attempts ${big} not null,
      run_at ${big} not null,
      failure text,
      removed text,
      looked_through text,
      receipt text
    ) ${clustered}`,
    `create index erasure_open on erasure (state, run_at, erasure_id) where state <> 'erased'`,
    `create index erasure_open_since on erasure (accepted_at) where state <> 'erased'`,
  ]
}
