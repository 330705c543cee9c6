/** Whether the public key of a Web Push subscription is a key at all: an encryption with any other point fails or leaks. */

import { ECDH } from 'node:crypto'

/** `point`: an uncompressed P-256 point, 65 bytes (RFC 8291 section 3.1). */
export function isOnCurve(point: Uint8Array): boolean {
  try {
    ECDH.convertKey(point, 'prime256v1')
    return true
  } catch {
    return false
  }
}
