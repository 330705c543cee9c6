/**
 * Encryption of a push for one browser: RFC 8291 on top of the content coding aes128gcm of RFC 8188, always one record.
 * Salt and key pair come from the caller. Nothing here knows of threads or requests.
 */

import { createCipheriv, type ECDH, hkdfSync } from 'node:crypto'
import { assert } from '../../kernel/assert.ts'

/**
 * Every push service takes a body of 4,096 bytes (RFC 8030 section 7.2), and common ones no more. Of those go off: the
 * header (16 salt, 4 record size, 1 length of the key, 65 key: RFC 8188 section 2.1), 1 delimiter and 16 authentication tag.
 */
export const PLAINTEXT_BYTES_MAX = 4_096 - (16 + 4 + 1 + 65) - 1 - 16

export interface EncryptionInput {
  /** At most PLAINTEXT_BYTES_MAX. */
  readonly plaintext: Uint8Array
  /** Of the subscription: its public key, an uncompressed P-256 point of 65 bytes, and its 16 bytes of secret. */
  readonly p256dh: Uint8Array
  readonly auth: Uint8Array
  /** 16 random bytes, fresh for every message. */
  readonly salt: Uint8Array
  /** Of P-256, with a pair of keys made for this message alone (RFC 8291 section 3.1). */
  readonly ephemeral: ECDH
}

/** The body of the request; undefined when `p256dh` is not a point on the curve. */
export function encryptPush(input: EncryptionInput): Uint8Array<ArrayBuffer> | undefined {
  const { plaintext, p256dh, auth, salt, ephemeral } = input
  const shared = sharedSecret(ephemeral, p256dh)
  if (!shared) return undefined
  const keyId = ephemeral.getPublicKey()
  const info = Buffer.concat([PUSH_INFO, p256dh, keyId])
  const keyMaterial = new Uint8Array(hkdfSync('sha256', shared, auth, info, 32))
  return encryptContent({ plaintext, keyMaterial, salt, keyId })
}

export interface ContentInput {
  readonly plaintext: Uint8Array
  readonly keyMaterial: Uint8Array
  /** 16 bytes. */
  readonly salt: Uint8Array
  /** Stands in the header; at most 255 bytes. */
  readonly keyId: Uint8Array
}

/** Content in the coding aes128gcm, with its header, as one record without padding (RFC 8188 section 2). */
export function encryptContent({
  plaintext,
  keyMaterial,
  salt,
  keyId,
}: ContentInput): Uint8Array<ArrayBuffer> {
  assert(plaintext.length < RECORD_BYTES - TAG_BYTES, 'the content fits one record')
  const key = new Uint8Array(hkdfSync('sha256', keyMaterial, salt, KEY_INFO, 16))
  const nonce = new Uint8Array(hkdfSync('sha256', keyMaterial, salt, NONCE_INFO, 12))
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  const parts = [
    header(salt, keyId),
    cipher.update(plaintext),
    cipher.update(LAST_RECORD),
    cipher.final(),
    cipher.getAuthTag(),
  ]
  return joined(parts)
}

function sharedSecret(ephemeral: ECDH, p256dh: Uint8Array): Buffer | undefined {
  try {
    return ephemeral.computeSecret(p256dh)
  } catch {
    return undefined
  }
}

function header(salt: Uint8Array, keyId: Uint8Array): Buffer {
  const sizes = Buffer.alloc(5)
  sizes.writeUInt32BE(RECORD_BYTES)
  sizes.writeUInt8(keyId.length, 4)
  return Buffer.concat([salt, sizes, keyId])
}

/** In memory of its own and of just this size, unlike a Buffer: it can be handed from thread to thread. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const PUSH_INFO = Buffer.from('WebPush: info\0')
const KEY_INFO = Buffer.from('Content-Encoding: aes128gcm\0')
const NONCE_INFO = Buffer.from('Content-Encoding: nonce\0')

/** What the header says; the record may be shorter. The size that RFC 8291 shows. */
const RECORD_BYTES = 4_096
const TAG_BYTES = 16

/** The delimiter of the last record (RFC 8188 section 2). */
const LAST_RECORD = Uint8Array.of(2)
