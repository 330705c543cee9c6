/**
 * Seals what the database must keep and nobody may read in it: keys and provider credentials. AES-256-GCM under a key
 * derived from the server's secret key. `purpose` says what a text is for and is authenticated with it, so that a
 * sealed text moved to another row does not open there.
 */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Random } from '../kernel/random.ts'

export interface Seal {
  seal(bytes: Uint8Array, purpose: string): string
  /** @throws Error when the text was changed, is for another purpose, or was sealed under another secret key. */
  open(text: string, purpose: string): Uint8Array
  /** Names the secret key without telling it. */
  readonly fingerprint: string
}

/** `secretKey` is the 32 bytes of LETHE_SECRET_KEY. */
export function createSeal(secretKey: Uint8Array, random: Random): Seal {
  const key = derive(secretKey, 'lethe seal', KEY_BYTES)
  return {
    fingerprint: derive(secretKey, 'lethe fingerprint', FINGERPRINT_BYTES).toString('hex'),
    seal: (bytes, purpose) => {
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose))
      const sealed = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
      return VERSION + sealed.toString('base64url')
    },
    open: (text, purpose) => {
      const sealed = Buffer.from(text.slice(VERSION.length), 'base64url')
      if (!text.startsWith(VERSION) || sealed.length < NONCE_BYTES + TAG_BYTES) {
        throw new Error('this is not a sealed text')
      }
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(sealed.subarray(-TAG_BYTES))
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    },
  }
}

function derive(secretKey: Uint8Array, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, '', info, bytes))
}

/** Stands before every sealed text, so that another way of sealing can follow. */
const VERSION = '1.'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const FINGERPRINT_BYTES = 16
