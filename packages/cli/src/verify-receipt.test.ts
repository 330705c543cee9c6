import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { type ManifestClaims, manifestType } from '@lethe/protocol/manifest.ts'
import { type ReceiptClaims, receiptType } from '@lethe/protocol/receipt.ts'
import { CompactSign, exportJWK, type JSONWebKeySet } from 'jose'
import { verifyReceipt } from './verify-receipt.ts'

const at = '2026-01-01T00:00:00.000Z'
const claims: ReceiptClaims = {
  iss: 'https://push.example',
  jti: 'e1',
  iat: 1_767_225_600,
  app_key: 'aladdin',
  registration_id_digest: { alg: 'HMAC-SHA-256', key_version: 1, value: 'd' },
  hidden_at: at,
  removed_at: at,
  erased_at: at,
  removed: { device: 1 },
  columns: { device: ['alias'] },
  verified: { tables: ['device'], rows_left: 0 },
  remains: [],
  told: [],
}

const pair = generateKeyPairSync('ed25519')
const other = generateKeyPairSync('ed25519')
const keysOf = async (key: typeof pair, kid: string): Promise<JSONWebKeySet> => ({
  keys: [{ ...(await exportJWK(key.publicKey)), kid, alg: 'EdDSA', use: 'sig' }],
})

function sign(payload: unknown, header: object = {}, key = pair.privateKey): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', typ: receiptType, kid: 'k1', ...header })
    .sign(key)
}

async function reason(receipt: string, keys?: JSONWebKeySet): Promise<string> {
  const verdict = await verifyReceipt(receipt, keys ?? (await keysOf(pair, 'k1')))
  assert.ok(verdict.kind === 'invalid')
  return verdict.reason
}

test('a receipt that one of the given keys signed is valid, and its claims are given', async () => {
  assert.deepEqual(await verifyReceipt(await sign(claims), await keysOf(pair, 'k1')), {
    kind: 'valid',
    claims,
    keyId: 'k1',
  })
})

test('a manifest is valid like a receipt, and neither passes for the other', async () => {
  const { registration_id_digest: digest, hidden_at, removed_at, erased_at, ...rest } = claims
  const manifest: ManifestClaims = {
    ...rest,
    deletion_id: 'd1',
    registration_id_digests: { alg: digest.alg, key_version: 1, values: ['a', 'b'] },
    hidden_at: { first: hidden_at, last: hidden_at },
    removed_at: { first: removed_at, last: removed_at },
    erased_at: { first: erased_at, last: erased_at },
  }
  assert.deepEqual(
    await verifyReceipt(await sign(manifest, { typ: manifestType }), await keysOf(pair, 'k1')),
    {
      kind: 'validManifest',
      claims: manifest,
      keyId: 'k1',
    },
  )
  assert.match(await reason(await sign(claims, { typ: manifestType })), /not those of a manifest/)
  assert.match(await reason(await sign(manifest)), /not those of a receipt/)
  const nobody = { ...manifest, registration_id_digests: { ...manifest.registration_id_digests, values: [] } }
  assert.match(await reason(await sign(nobody, { typ: manifestType })), /not those of a manifest/)
})

test('a changed receipt, a foreign key and a key that the receipt brings itself are refused', async () => {
  const [header, payload, signature] = (await sign(claims)).split('.')
  const changed = Buffer.from(JSON.stringify({ ...claims, jti: 'e2' })).toString('base64url')
  assert.match(await reason(`${header}.${changed}.${signature}`), /signature does not fit/)
  assert.match(
    await reason(`${header}.${payload}.${signature}`, await keysOf(other, 'k1')),
    /signature does not fit/,
  )
  assert.match(await reason(await sign(claims), await keysOf(pair, 'k2')), /none of the given keys/)
  const own = await exportJWK(other.publicKey)
  assert.match(await reason(await sign(claims, { jwk: own }, other.privateKey)), /signature does not fit/)
})

test('another algorithm, another type and other claims are refused', async () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const es256 = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'ES256', typ: receiptType, kid: 'k1' })
    .sign(ec.privateKey)
  const ecKeys = { keys: [{ ...(await exportJWK(ec.publicKey)), kid: 'k1' }] }
  assert.match(await reason(es256, ecKeys), /not signed with Ed25519/)
  assert.match(await reason(await sign(claims, { typ: 'JWT' })), /type is neither/)
  assert.match(await reason(await sign({ ...claims, rows: 1 })), /claims are not/)
  assert.match(
    await reason(await sign({ ...claims, verified: { tables: [], rows_left: 1 } })),
    /claims are not/,
  )
  for (const text of ['', 'x', 'a.b.c']) assert.match(await reason(text), /not a signed text/)
})
