/** What is digested, and how: the one place that knows, so that a tombstone is found by whoever looks for it. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { ErasureKey } from '../apps/app.ts'
import { hmacSha256, sha256 } from '../kernel/digest.ts'
import type { RegistrationId, Token } from '../kernel/personal.ts'

type Keys = readonly ErasureKey[]

/** What makes a token unique in an app: the same text on two platforms is two tokens. */
export function tokenDigest(platform: Platform, value: Token): string {
  return sha256(`${platform}:${value}`)
}

/** Tombstone digests of a registration id, one for each key version, in the order of the keys. */
export function idTombstones(keys: Keys, registrationId: RegistrationId): string[] {
  return keys.map(({ key }) => hmacSha256(key, `registration_id:${registrationId}`))
}

/** Tombstone digests of a token, from its `tokenDigest`. */
export function tokenTombstones(keys: Keys, digest: string): string[] {
  return keys.map(({ key }) => hmacSha256(key, `token:${digest}`))
}

/** Digests of an Idempotency-Key: kept in the row that it made, and in the tombstone afterwards. */
export function requestDigests(keys: Keys, idempotencyKey: string): string[] {
  return keys.map(({ key }) => hmacSha256(key, `request:${idempotencyKey}`))
}
