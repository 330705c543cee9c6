/**
 * The browser's half of RFC 8291: reads what was encrypted for a subscription. Written from the RFCs for the fake push
 * service. It shares no code with the encryption, so that the two check each other.
 */

import { createDecipheriv, createHmac, type ECDH } from 'node:crypto'

export interface BrowserKeys {
  /** Of P-256, with the pair of keys of the subscription. */
  readonly ecdh: ECDH
  /** 16 bytes. */
  readonly auth: Uint8Array
}

/** The plaintext; undefined when the body is not one record of aes128gcm for these keys. */
export function decryptPush(body: Buffer, { ecdh, auth }: BrowserKeys): Buffer | undefined {
  const parts = partsOf(body)
  if (!parts) return undefined
  try {
    const shared = ecdh.computeSecret(parts.senderKey)
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), parts.senderKey])
    const keyMaterial = expand(hmac(auth, shared), info, 32)
    return decryptRecord(parts, hmac(parts.salt, keyMaterial))
  } catch {
    return undefined
  }
}

interface Parts {
  readonly salt: Buffer
  readonly senderKey: Buffer
  readonly record: Buffer
}

function partsOf(body: Buffer): Parts | undefined {
  if (body.length < HEADER_BYTES + TAG_BYTES + 1) return undefined
  const recordBytes = body.readUInt32BE(16)
  const record = body.subarray(HEADER_BYTES)
  if (body[20] !== POINT_BYTES || recordBytes < 18 || record.length > recordBytes) return undefined
  return { salt: body.subarray(0, 16), senderKey: body.subarray(21, HEADER_BYTES), record }
}

function decryptRecord({ record }: Parts, secret: Buffer): Buffer | undefined {
  const key = expand(secret, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
  const nonce = expand(secret, Buffer.from('Content-Encoding: nonce\0'), 12)
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
  decipher.setAuthTag(record.subarray(-TAG_BYTES))
  const padded = Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()])
  // Padding is zeros behind the delimiter, which is 2 in the last record.
  const end = padded.findLastIndex((byte) => byte !== 0)
  return end >= 0 && padded[end] === 2 ? padded.subarray(0, end) : undefined
}

function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

/** HKDF-Expand (RFC 5869) for what fits into one round. */
function expand(secret: Buffer, info: Buffer, bytes: number): Buffer {
  return hmac(secret, Buffer.concat([info, Uint8Array.of(1)])).subarray(0, bytes)
}

const POINT_BYTES = 65
const HEADER_BYTES = 16 + 4 + 1 + POINT_BYTES
const TAG_BYTES = 16
