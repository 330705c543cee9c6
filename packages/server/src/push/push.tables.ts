/** Messages, what is still to be sent of them and to whom, and who is sending. */

import type { Alias, Personal, RegistrationId } from '../kernel/personal.ts'
import { bigint, nullable, oneOf, personal, table, text } from '../storage/table.ts'

/** What a push says: personal, since one to a single user may speak about it. */
export type Content = Personal<string, 'what was said to users'>

/** One accepted push: the message. */
export const pushTable = table('push', {
  msg_id: bigint,
  app_key: text,
  kind: oneOf('notification', 'message'),
  /** `sending` while it still goes through the registry; one that names its users never does. */
  state: oneOf('sending', 'done', 'withdrawn'),
  accepted_at: bigint,
  expires_at: bigint,
  /** 1 where the audience names users: then the content goes with the last of them. */
  is_targeted: bigint,
  /** JSON of `Push`. */
  content: nullable(personal<Content>(text, 'what was said; with one receiver it may be about that user')),
  /** JSON of the conditions of the audience that name tags; null once nothing is left to be sent. Users are named in pending_message alone. */
  audience: nullable(personal<Content>(text, 'tags that the receivers hold, until it is sent')),
  /** The same for all messages of a chain of overrides. */
  collapse_id: text,
  overridden_msg_id: nullable(bigint),
  withdrawn_at: nullable(bigint),
})

/** Callers' ids of pushes, as digests, for an hour. */
export const pushCidTable = table('push_cid', {
  app_key: text,
  cid_digest: text,
  msg_id: bigint,
  expires_at: bigint,
})

/**
 * A part of the registry through which a push still has to go. The registry is cut into `SLICES` equal slices of the space of
 * ids, so that a position names nobody; a span goes from `next_slice` to before `end_slice`.
 */
export const pushSpanTable = table('push_span', {
  msg_id: bigint,
  span: bigint,
  app_key: text,
  start_slice: bigint,
  next_slice: bigint,
  end_slice: bigint,
  /** Slices of one chunk. */
  chunk_slices: bigint,
  /** The next chunk is not sent before this time of the database's clock. */
  due_at: bigint,
  /** Milliseconds over which the span is spread; 0: at full speed. */
  spread_ms: bigint,
  /** When the app was last served with a chunk, so that apps take turns. */
  served_at: bigint,
  /** The sender that has the next chunk in hand. */
  sender_id: nullable(text),
})

/** A message that waits for one user: because it names that user, because it is to be tried again, or until the user is online. */
export const pendingMessageTable = table('pending_message', {
  app_key: text,
  registration_id: personal<RegistrationId>(text, 'names the user'),
  msg_id: bigint,
  /** The alias by which the push names the user; it must still be the user's when it is sent. */
  alias: nullable(personal<Alias>(text, 'the name that the customer gave the user')),
  /** `vendor`: to be sent by a channel when due; `socket`: kept until the user is online, and then for the node of its socket. */
  way: oneOf('vendor', 'socket'),
  due_at: bigint,
  expires_at: bigint,
  attempts: bigint,
  sender_id: nullable(text),
})

/** On which node a user's own socket is open. */
export const socketPresenceTable = table('socket_presence', {
  app_key: text,
  registration_id: personal<RegistrationId>(text, 'names the user'),
  sender_id: text,
})

/** A node that sends. Its lease is on the database's clock. */
export const senderTable = table('sender', {
  sender_id: text,
  lease_until: bigint,
  /** The last fence that this sender has answered. */
  fence: bigint,
  /** Counted up whenever it takes something that is to be sent, or a socket over which something may be. */
  claims: bigint,
  /** Its claims up to this one have ended. Where it equals `claims`, nothing can be in flight. */
  settled: bigint,
})

/** A sender that still has a send in flight to the user of an erasure. */
export const fenceHoldTable = table('fence_hold', {
  sender_id: text,
  erasure_id: text,
})

/** Numbers that are only counted up: ids of messages, fences. */
export const counterTable = table('counter', {
  name: oneOf('msg_id', 'fence'),
  value: bigint,
})
