/**
 * Verifies the receipt of an erasure against keys from elsewhere: never keys that the receipt names itself. Only Ed25519
 * signatures over the type of a receipt count, whatever the keys could do.
 */

import { ReceiptClaims, receiptType } from '@lethe/protocol/receipt.ts'
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import { Value } from 'typebox/value'

export type Verdict =
  | { readonly kind: 'valid'; readonly claims: ReceiptClaims; readonly keyId: string }
  | { readonly kind: 'invalid'; readonly reason: string }

export async function verifyReceipt(receipt: string, keys: JSONWebKeySet): Promise<Verdict> {
  try {
    const verified = await compactVerify(receipt, createLocalJWKSet(keys), { algorithms: ['EdDSA'] })
    if (verified.protectedHeader.typ !== receiptType) return invalid(`its type is not ${receiptType}`)
    const claims = parseClaims(verified.payload)
    if (!claims) return invalid('its claims are not those of a receipt')
    return { kind: 'valid', claims, keyId: verified.protectedHeader.kid ?? 'without a name' }
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error
    return invalid(REASONS[error.code] ?? error.message)
  }
}

function invalid(reason: string): Verdict {
  return { kind: 'invalid', reason }
}

function parseClaims(payload: Uint8Array): ReceiptClaims | undefined {
  try {
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    return Value.Check(ReceiptClaims, claims) ? claims : undefined
  } catch {
    return undefined
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED:
    'the signature does not fit: the receipt was changed, or another key signed it',
  ERR_JWKS_NO_MATCHING_KEY: 'none of the given keys signed it',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS:
    'it does not name its key, and several of the given keys could have signed it',
  ERR_JWS_INVALID: 'it is not a signed text (compact JWS)',
  ERR_JOSE_ALG_NOT_ALLOWED: 'it is not signed with Ed25519',
}
