/**
 * Verifies the receipt of an erasure, or the manifest of many, against keys from elsewhere: never keys that the receipt names itself. Only Ed25519
 * signatures over the type of a receipt count, whatever the keys could do.
 */

import { ManifestClaims, manifestType } from '@lethe/protocol/manifest.ts'
import { ReceiptClaims, receiptType } from '@lethe/protocol/receipt.ts'
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

export type Verdict =
  | { readonly kind: 'valid'; readonly claims: ReceiptClaims; readonly keyId: string }
  | { readonly kind: 'validManifest'; readonly claims: ManifestClaims; readonly keyId: string }
  | { readonly kind: 'invalid'; readonly reason: string }

export async function verifyReceipt(receipt: string, keys: JSONWebKeySet): Promise<Verdict> {
  try {
    const verified = await compactVerify(receipt, createLocalJWKSet(keys), { algorithms: ['EdDSA'] })
    const { typ, kid } = verified.protectedHeader
    return judgeClaims(verified.payload, { type: typ, keyId: kid ?? 'without a name' })
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error
    return invalid(REASONS[error.code] ?? error.message)
  }
}

function judgeClaims(
  payload: Uint8Array,
  { type, keyId }: { type: string | undefined; keyId: string },
): Verdict {
  switch (type) {
    case receiptType: {
      const claims = parseClaims(ReceiptClaims, payload)
      return claims ? { kind: 'valid', claims, keyId } : invalid('its claims are not those of a receipt')
    }
    case manifestType: {
      const claims = parseClaims(ManifestClaims, payload)
      return claims
        ? { kind: 'validManifest', claims, keyId }
        : invalid('its claims are not those of a manifest')
    }
    default:
      return invalid(`its type is neither ${receiptType} nor ${manifestType}`)
  }
}

function invalid(reason: string): Verdict {
  return { kind: 'invalid', reason }
}

function parseClaims<Schema extends TSchema>(
  schema: Schema,
  payload: Uint8Array,
): Static<Schema> | undefined {
  try {
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    return Value.Check(schema, claims) ? (claims as Static<Schema>) : undefined
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
