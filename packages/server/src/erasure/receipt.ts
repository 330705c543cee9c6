/** The receipt of an erasure: what was removed and when, what remains, signed, without the name of anybody. */

import { digestAlgorithm, type ReceiptClaims, receiptType } from '@lethe/protocol/receipt.ts'
import { CompactSign } from 'jose'
import { assert } from '../kernel/assert.ts'
import type { Engine } from '../storage/database.ts'
import { remains } from './holdings.ts'
import type { SealingErasure } from './seal.store.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface ReceiptInput {
  readonly erasure: SealingErasure
  /** Milliseconds, by the database's clock. */
  readonly erasedAt: number
  /** The public address of this server. */
  readonly issuer: string
  readonly engine: Engine
  /** The columns of each table that tell something about a user. */
  readonly personalColumns: Readonly<Record<string, readonly string[]>>
}

/** The receipt as a compact JWS (RFC 7515), EdDSA over Ed25519. */
export function signReceipt(keys: SigningKeys, input: ReceiptInput): Promise<string> {
  return signClaims(keys, receiptType, receiptClaims(input))
}

/** `type`: the `typ` of the header, which says what the claims are those of. */
export function signClaims(keys: SigningKeys, type: string, claims: object): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'EdDSA', typ: type, kid: keys.current.keyId })
    .sign(keys.current.privateKey)
}

export function receiptClaims({
  erasure,
  erasedAt,
  issuer,
  engine,
  personalColumns,
}: ReceiptInput): ReceiptClaims {
  assert(erasure.removed_at !== null, 'a receipt is for rows that were removed')
  assert(erasure.removed !== null, 'a receipt counts what was removed')
  assert(erasure.looked_through !== null, 'a receipt is for a second look that was taken')
  const removed = JSON.parse(erasure.removed) as Record<string, number>
  return {
    iss: issuer,
    jti: erasure.erasure_id,
    iat: Math.floor(erasedAt / 1_000),
    app_key: erasure.app_key,
    registration_id_digest: {
      alg: digestAlgorithm,
      key_version: erasure.key_version,
      value: erasure.id_digest,
    },
    hidden_at: wireTime(erasure.accepted_at),
    removed_at: wireTime(erasure.removed_at),
    erased_at: wireTime(erasedAt),
    removed,
    columns: Object.fromEntries(
      Object.keys(removed).map((table) => [table, [...(personalColumns[table] ?? [])]]),
    ),
    verified: { tables: JSON.parse(erasure.looked_through) as string[], rows_left: 0 },
    remains: remains(engine, erasure.vendor === null ? [] : [erasure.vendor]),
    told: [],
  }
}

export function wireTime(ms: number): string {
  return new Date(ms).toISOString()
}
