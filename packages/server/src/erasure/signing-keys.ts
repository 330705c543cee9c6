/** The Ed25519 keys that sign receipts: one is current, retired public keys stay published for old receipts. */

import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Seal } from '../apps/seal.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Random, randomId } from '../kernel/random.ts'
import type { Db } from '../schema.ts'
import { addFirstSigningKey, readSigningKeys } from './erasure.store.ts'

export interface SigningKeys {
  readonly current: { readonly keyId: string; readonly privateKey: CryptoKey }
  /** Public keys as a JWK set, newest last (RFC 7517). */
  readonly published: { readonly keys: readonly JWK[] }
}

/** Reads the keys, and makes the first one where there is none. */
export async function loadSigningKeys(deps: {
  database: Db
  seal: Seal
  clock: Clock
  random: Random
}): Promise<SigningKeys> {
  const { database, seal } = deps
  if ((await readSigningKeys(database.read)).length === 0) await makeFirstKey(deps)
  const rows = await readSigningKeys(database.read)
  const current = rows.findLast((row) => row.retired_at === null)
  if (!current) throw new Error('every signing key is retired: add one before the server can start')
  const jwk = JSON.parse(
    Buffer.from(seal.open(current.sealed_private_key, purposeOf(current.key_id))).toString(),
  ) as JWK
  return {
    current: { keyId: current.key_id, privateKey: (await importJWK(jwk, 'EdDSA')) as CryptoKey },
    published: { keys: rows.map((row) => JSON.parse(row.public_key) as JWK) },
  }
}

async function makeFirstKey(deps: { database: Db; seal: Seal; clock: Clock; random: Random }): Promise<void> {
  const keyId = randomId(deps.random)
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const secret = JSON.stringify(await exportJWK(pair.privateKey))
  const published: JWK = { ...(await exportJWK(pair.publicKey)), kid: keyId, alg: 'EdDSA', use: 'sig' }
  await deps.database.write(addFirstSigningKey, {
    key_id: keyId,
    sealed_private_key: deps.seal.seal(Buffer.from(secret), purposeOf(keyId)),
    public_key: JSON.stringify(published),
    created_at: deps.clock.now(),
    retired_at: null,
  })
}

function purposeOf(keyId: string): string {
  return `signing key ${keyId}`
}
