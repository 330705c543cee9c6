/** Applications, their keys, and how much of their limits they use. Nothing here tells anything about a user. */

import { bigint, oneOf, table, text } from '../storage/table.ts'

export const appTable = table('app', {
  app_key: text,
  name: text,
  secret_digest: text,
  /** JSON of `AppSettings`. */
  settings: text,
  created_at: bigint,
})

/** How many different tags and aliases an app holds: counted per batch, so a limit can be overshot by what is in flight. */
export const appUsageTable = table('app_usage', {
  app_key: text,
  tag_count: bigint,
  alias_count: bigint,
})

/** Keys of the digests in tombstones. A version stays for as long as a tombstone was made with it. */
export const erasureKeyTable = table('erasure_key', {
  app_key: text,
  version: bigint,
  sealed_key: text,
  created_at: bigint,
})

/** What a channel of an app needs to speak to its vendor. Removed credentials leave their row: revisions never go back. */
export const channelCredentialTable = table('channel_credential', {
  app_key: text,
  channel: oneOf('webPush', 'fcm', 'apns', 'stub'),
  /** JSON of the channel's credentials, sealed; empty once they were removed. */
  sealed: text,
  /** Raised by every change, removal included: channels are made anew. */
  revision: bigint,
  changed_at: bigint,
})
