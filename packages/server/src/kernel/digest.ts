/** The digests that stand where a value itself must not: in tombstones, indexes and logs. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** SHA-256 as base64url, 43 characters. For secrets of at least 96 random bits, and for the index over tokens. */
export function sha256(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}

/** HMAC-SHA-256 as base64url, 43 characters. */
export function hmacSha256(key: Uint8Array, value: string): string {
  return createHmac('sha256', key).update(value).digest('base64url')
}

/**
 * HMAC-SHA-256 over texts that come one after another, each ended by a line feed: the first 128 bits as hex, which people can
 * copy and a shell takes for no option.
 */
export function startHmacSha256(key: Uint8Array): { add(text: string): void; end(): string } {
  const hmac = createHmac('sha256', key)
  return { add: (text) => hmac.update(`${text}\n`), end: () => hmac.digest('hex').slice(0, 32) }
}

/** Compares two digests of the same length in constant time; false when the lengths differ. */
export function digestsEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
