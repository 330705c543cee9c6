// size: one migration is one list of statements, read from top to bottom.
/**
 * Sending: credentials of channels, messages, what is still to be sent, what became of it, and the fence that keeps an
 * erasure open while something to its user is in flight.
 */

import type { MigrationStatements } from './migrate.ts'

export const sending: MigrationStatements = (engine) => {
  const clustered = engine === 'sqlite' ? 'strict, without rowid' : ''
  const big = engine === 'sqlite' ? 'integer' : 'bigint'
  const rowsById = engine === 'sqlite' ? 'strict' : ''
  return [
    `create table channel_credential (
      app_key text not null references app,
      channel text not null,
      sealed text not null,
      revision ${big} not null,
      changed_at ${big} not null,
      primary key (app_key, channel)
    ) ${clustered}`,

    `create table counter (
      name text not null primary key,
      value ${big} not null
    ) ${clustered}`,
    `insert into counter (name, value) values ('msg_id', 0), ('fence', 0)`,

    `create table push (
      msg_id ${big} not null primary key,
      app_key text not null references app,
      kind text not null,
      state text not null,
      accepted_at ${big} not null,
      expires_at ${big} not null,
      is_targeted ${big} not null,
      content text,
      audience text,
      collapse_id text not null,
      overridden_msg_id ${big},
      withdrawn_at ${big}
    ) ${rowsById}`,
    'create index push_by_age on push (accepted_at)',
    'create index push_withdrawn on push (withdrawn_at) where withdrawn_at is not null',

    `create table push_cid (
      app_key text not null references app,
      cid_digest text not null,
      msg_id ${big} not null,
      expires_at ${big} not null,
      primary key (app_key, cid_digest)
    ) ${clustered}`,
    'create index push_cid_by_age on push_cid (expires_at)',

    `create table push_span (
      msg_id ${big} not null references push,
      span ${big} not null,
      app_key text not null,
      start_slice ${big} not null,
      next_slice ${big} not null,
      end_slice ${big} not null,
      chunk_slices ${big} not null,
      due_at ${big} not null,
      spread_ms ${big} not null,
      served_at ${big} not null,
      sender_id text,
      primary key (msg_id, span)
    ) ${clustered}`,

    `create table pending_message (
      app_key text not null,
      registration_id text not null,
      msg_id ${big} not null references push,
      alias text,
      way text not null,
      due_at ${big} not null,
      expires_at ${big} not null,
      attempts ${big} not null,
      sender_id text,
      primary key (app_key, registration_id, msg_id),
      foreign key (app_key, registration_id) references device
    ) ${clustered}`,
    `create index pending_message_due on pending_message (app_key, due_at, msg_id) where way = 'vendor' and sender_id is null`,
    'create index pending_message_sender on pending_message (sender_id, way, due_at) where sender_id is not null',
    'create index pending_message_by_message on pending_message (msg_id)',
    'create index pending_message_by_age on pending_message (expires_at)',

    `create table socket_presence (
      app_key text not null,
      registration_id text not null,
      sender_id text not null,
      primary key (app_key, registration_id),
      foreign key (app_key, registration_id) references device
    ) ${clustered}`,
    'create index socket_presence_sender on socket_presence (sender_id)',

    `create table sender (
      sender_id text not null primary key,
      lease_until ${big} not null,
      fence ${big} not null,
      claims ${big} not null,
      settled ${big} not null
    ) ${clustered}`,

    `create table fence_hold (
      sender_id text not null,
      erasure_id text not null,
      primary key (erasure_id, sender_id)
    ) ${clustered}`,

    `create table message_status (
      app_key text not null,
      registration_id text not null,
      msg_id ${big} not null references push,
      status text not null,
      channel text not null,
      failure text,
      changed_at ${big} not null,
      primary key (app_key, registration_id, msg_id),
      foreign key (app_key, registration_id) references device
    ) ${clustered}`,
    'create index message_status_by_message on message_status (msg_id, registration_id)',

    `create table message_count (
      msg_id ${big} not null references push,
      app_key text not null,
      platform text not null,
      channel text not null,
      targets ${big} not null,
      sent ${big} not null,
      delivered ${big} not null,
      impressions ${big} not null,
      clicks ${big} not null,
      primary key (msg_id, platform, channel)
    ) ${clustered}`,

    `create table user_day (
      app_key text not null references app,
      day text not null,
      platform text not null,
      new_count ${big} not null,
      active_count ${big} not null,
      primary key (app_key, day, platform)
    ) ${clustered}`,

    `alter table erasure add column fence ${big}`,
    'alter table erasure add column vendor text',
    `create index erasure_fence on erasure (fence) where state = 'verifying'`,
  ]
}
