/** What an app needs in order to send Web Pushes: its VAPID keys (RFC 8292), and how a push service reaches the sender. */

import { createECDH, generateKeyPairSync } from 'node:crypto'
import { decodeBase64url } from '@lethe/protocol/base64url.ts'
import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'
import { assert } from '../../kernel/assert.ts'

/** Plain JSON, so that it can be sealed and stored. */
export interface WebPushCredentials {
  /** The `applicationServerKey` that browsers subscribe with: an uncompressed P-256 point, 65 bytes, base64url. */
  readonly publicKey: string
  /** 32 bytes, base64url. */
  readonly privateKey: string
  /** A `mailto:` or `https:` address of whoever is responsible (RFC 8292 section 2.1). */
  readonly subject: string
}

/**
 * Takes `publicKey`, `privateKey` and `subject`, as the tools for VAPID keys write them; other keys are ignored. The two
 * keys must belong together. A reason names the key and repeats no value.
 */
export function parseWebPushCredentials(input: unknown): Parsed<WebPushCredentials> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return refused('the credentials are a JSON object')
  const given: Readonly<Record<string, unknown>> = { ...input }
  const privateKey = bytesOf(given['privateKey'], PRIVATE_KEY_BYTES)
  if (!privateKey) return refused('privateKey is not base64url of 32 bytes')
  const publicKey = bytesOf(given['publicKey'], PUBLIC_KEY_BYTES)
  if (!publicKey) return refused('publicKey is not base64url of 65 bytes')
  if (!publicKeyOf(privateKey)?.equals(publicKey)) return refused('publicKey does not belong to privateKey')
  const subject = given['subject']
  if (!isSubject(subject))
    return refused('subject is not a mailto: or https: address of at most 255 characters')
  return accepted({ publicKey: base64url(publicKey), privateKey: base64url(privateKey), subject })
}

/** A new pair of keys. `subject` must be one that `parseWebPushCredentials` takes. */
export function mintWebPushCredentials(subject: string): WebPushCredentials {
  assert(isSubject(subject), 'the subject is a mailto: or https: address')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' })
  const point = [Buffer.of(UNCOMPRESSED), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  return { publicKey: base64url(Buffer.concat(point)), privateKey: d, subject }
}

function bytesOf(value: unknown, length: number): Uint8Array | undefined {
  const bytes = typeof value === 'string' ? decodeBase64url(value) : undefined
  return bytes?.length === length ? bytes : undefined
}

function publicKeyOf(privateKey: Uint8Array): Buffer | undefined {
  const ecdh = createECDH('prime256v1')
  try {
    ecdh.setPrivateKey(privateKey)
  } catch {
    return undefined
  }
  return ecdh.getPublicKey()
}

function isSubject(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > SUBJECT_CHARACTERS_MAX) return false
  return /^mailto:[^\s@<>]+@[^\s@<>]+$/.test(value) || (/^https:\/\//.test(value) && URL.canParse(value))
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

const PRIVATE_KEY_BYTES = 32
const PUBLIC_KEY_BYTES = 65
const UNCOMPRESSED = 4

/** Ours: it stands in the header of every request. */
const SUBJECT_CHARACTERS_MAX = 255
