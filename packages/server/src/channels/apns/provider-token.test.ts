import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { jwtVerify } from 'jose'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { ProviderToken } from './provider-token.ts'

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()
const credentials = { key, keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ', topic: 'com.example.app' }
const MINUTE_MS = 60_000

async function start() {
  const clock = new FakeClock()
  // Where a step begins: half an hour, and the five minutes that every token is old.
  await clock.advance(10 * 30 * MINUTE_MS + 5 * MINUTE_MS - clock.now())
  return { clock, providerToken: new ProviderToken(clock, credentials) }
}

const issuedAtMs = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iat * 1_000

test('it is a JWT as Apple wants it, which another library verifies', async () => {
  const { providerToken } = await start()
  const { payload, protectedHeader } = await jwtVerify(providerToken.current(), createPublicKey(key))
  assert.deepEqual(protectedHeader, { alg: 'ES256', kid: 'ABC123DEFG' })
  assert.deepEqual(payload, { iss: 'DEF123GHIJ', iat: 10 * 30 * 60 })
})

test('it stays for half an hour, and is 5 to 35 minutes old meanwhile', async () => {
  const { clock, providerToken } = await start()
  const first = providerToken.current()
  assert.equal(clock.now() - issuedAtMs(first), 5 * MINUTE_MS)
  await clock.advance(30 * MINUTE_MS - 1)
  assert.equal(providerToken.current(), first)
  await clock.advance(1)
  const second = providerToken.current()
  assert.equal(issuedAtMs(second) - issuedAtMs(first), 30 * MINUTE_MS)
})

test('whoever has the same key says the same time', async () => {
  const { clock, providerToken } = await start()
  const first = providerToken.current()
  await clock.advance(29 * MINUTE_MS)
  assert.equal(issuedAtMs(new ProviderToken(clock, credentials).current()), issuedAtMs(first))
})

test('one that was refused as expired is replaced by one of now, for all who were refused, and once in 20 minutes', async () => {
  const { clock, providerToken } = await start()
  const refused = providerToken.current()
  await clock.advance(MINUTE_MS)
  const other = providerToken.replacing(refused)
  assert.ok(other !== undefined && other !== refused)
  assert.equal(issuedAtMs(other), clock.now())
  assert.equal(providerToken.replacing(refused), other)
  assert.equal(providerToken.current(), other)
  await clock.advance(20 * MINUTE_MS - 1)
  assert.equal(providerToken.replacing(other), undefined)
  await clock.advance(1)
  assert.notEqual(providerToken.replacing(other) ?? other, other)
})

test('after one was replaced, the steps are counted from then on, and no token is older than its step', async () => {
  const { clock, providerToken } = await start()
  await clock.advance(29 * MINUTE_MS)
  const other = providerToken.replacing(providerToken.current())
  await clock.advance(30 * MINUTE_MS - 1)
  assert.equal(providerToken.current(), other)
  await clock.advance(1)
  assert.equal(issuedAtMs(providerToken.current()), clock.now())
})
