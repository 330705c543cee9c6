/** The registry: one row for each user, the tags it holds, how many hold each tag, and the digests of erased ones. */

import type { Alias, Fact, RegistrationId, Tag, Token } from '../kernel/personal.ts'
import { bigint, nullable, oneOf, personal, table, text } from '../storage/table.ts'

const fact = (what: string) => nullable(personal<Fact>(text, what))

export const deviceTable = table('device', {
  app_key: text,
  registration_id: personal<RegistrationId>(text, 'names the user'),
  platform: oneOf('web', 'android', 'ios', 'hmos'),
  /** `live`, or `erasing` from the moment a deletion was accepted until the row is gone. */
  state: oneOf('live', 'erasing'),
  /** The erasure that hides the user; null while it is live. */
  erasure_id: nullable(text),
  /** SHA-256 of the device secret; null for a user that was registered by its token on the server side. */
  secret_digest: nullable(text),
  created_at: bigint,
  last_seen_at: bigint,
  /** Keyed digest of the Idempotency-Key that made the row. */
  request_digest: nullable(text),
  token: nullable(personal<Token>(text, 'push token or Web Push endpoint: the address of the device')),
  /** SHA-256 of platform and token: what makes a token unique in an app. */
  token_digest: nullable(text),
  token_p256dh: nullable(personal<Token>(text, 'public key of the Web Push subscription')),
  token_auth: nullable(personal<Token>(text, 'authentication secret of the Web Push subscription')),
  /** APNs only: which of its two environments the token belongs to. */
  token_environment: nullable(oneOf('production', 'sandbox')),
  token_changed_at: nullable(bigint),
  /** When another user took the token over; null while it was not. */
  detached_at: nullable(bigint),
  alias: nullable(personal<Alias>(text, 'the name that the customer gave the user')),
  os: fact('operating system'),
  browser: fact('browser'),
  model: fact('model of the device'),
  app_version: fact('version of the app'),
  sdk_version: fact('version of the SDK'),
  language: fact('language of the user'),
  timezone: fact('time zone, and so the rough place, of the user'),
  notification_permission: fact('whether the user allowed notifications'),
  /** Raised whenever tags, alias or facts change; being seen, and another token, change nothing that was looked at. */
  version: bigint,
})

export const deviceTagTable = table('device_tag', {
  app_key: text,
  registration_id: personal<RegistrationId>(text, 'names the user'),
  tag: personal<Tag>(text, 'a group that the user is in'),
})

/** How many live users of each platform hold a tag. A tag that nobody holds has no row. */
export const tagTable = table('tag', {
  app_key: text,
  tag: personal<Tag>(text, 'the name of a group; may describe its only member'),
  web_count: bigint,
  android_count: bigint,
  ios_count: bigint,
  hmos_count: bigint,
})

/** Keyed digests of what was erased, so that it is recognised and refused when it comes back. */
export const tombstoneTable = table('tombstone', {
  app_key: text,
  digest: text,
  kind: oneOf('registration_id', 'token', 'request'),
  erasure_id: text,
  created_at: bigint,
})
