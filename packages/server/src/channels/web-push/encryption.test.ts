import assert from 'node:assert/strict'
import { createECDH, type ECDH, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
// @ts-expect-error: the library has no types
import ece from 'http_ece'
import webPush from 'web-push'
import { encryptContent, encryptPush, PLAINTEXT_BYTES_MAX } from './encryption.ts'
import { decryptPush } from './fake-decryption.ts'

const bytes = (text: string) => Buffer.from(text, 'base64url')

function keysOf(privateKey?: string): ECDH {
  const ecdh = createECDH('prime256v1')
  if (privateKey === undefined) ecdh.generateKeys()
  else ecdh.setPrivateKey(bytes(privateKey))
  return ecdh
}

function encrypted(plaintext: Uint8Array, browser: { ecdh: ECDH; auth: Uint8Array }): Buffer {
  const input = { plaintext, p256dh: browser.ecdh.getPublicKey(), auth: browser.auth }
  const body = encryptPush({ ...input, salt: randomBytes(16), ephemeral: keysOf() })
  assert.ok(body)
  return Buffer.from(body)
}

// RFC 8291 section 5 and appendix A.
const example = {
  plaintext: Buffer.from('When I grow up, I want to be a watermelon'),
  ephemeral: keysOf('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
  browser: keysOf('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
  auth: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
  salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
  body: `DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN`,
}

test('a push is encrypted as RFC 8291 shows it, and the fake browser reads it', () => {
  const { browser, body, ...input } = example
  const made = encryptPush({ ...input, p256dh: browser.getPublicKey() })
  assert.equal(Buffer.from(made ?? []).toString('base64url'), body)
  assert.deepEqual(decryptPush(bytes(body), { ecdh: browser, auth: input.auth }), input.plaintext)
})

test('content is encoded as RFC 8188 section 3.1 shows it', () => {
  const body = encryptContent({
    plaintext: Buffer.from('I am the walrus'),
    keyMaterial: bytes('yqdlZ-tYemfogSmv7Ws5PQ'),
    salt: bytes('I1BsxtFttlv3u_Oo94xnmw'),
    keyId: new Uint8Array(),
  })
  assert.equal(
    Buffer.from(body).toString('base64url'),
    'I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg',
  )
})

test('what is encrypted here, http_ece and the fake browser decrypt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: PLAINTEXT_BYTES_MAX }), (plaintext) => {
      const browser = { ecdh: keysOf(), auth: randomBytes(16) }
      const body = encrypted(plaintext, browser)
      const authSecret = browser.auth.toString('base64url')
      const read = ece.decrypt(body, { version: 'aes128gcm', privateKey: browser.ecdh, authSecret })
      assert.deepEqual(read, Buffer.from(plaintext))
      assert.deepEqual(decryptPush(body, browser), Buffer.from(plaintext))
    }),
    { numRuns: 60 },
  )
})

test('what web-push encrypts, the fake browser decrypts', () => {
  const browser = { ecdh: keysOf(), auth: randomBytes(16) }
  const [p256dh, auth] = [browser.ecdh.getPublicKey('base64url'), browser.auth.toString('base64url')]
  const { cipherText } = webPush.encrypt(p256dh, auth, 'Hello', 'aes128gcm')
  assert.deepEqual(decryptPush(cipherText, browser), Buffer.from('Hello'))
})

test('the longest push makes the longest body that every push service takes', () => {
  const browser = { ecdh: keysOf(), auth: randomBytes(16) }
  assert.equal(PLAINTEXT_BYTES_MAX, 3_993)
  assert.equal(encrypted(new Uint8Array(PLAINTEXT_BYTES_MAX), browser).length, 4_096)
})

test('the fake browser reads nothing that was changed, cut off, or meant for another', () => {
  const browser = { ecdh: keysOf(), auth: randomBytes(16) }
  const body = encrypted(Buffer.from('Hello'), browser)
  const changed = Buffer.from(body)
  changed[90] = (changed[90] ?? 0) ^ 1
  assert.equal(decryptPush(changed, browser), undefined)
  assert.equal(decryptPush(body.subarray(0, -1), browser), undefined)
  assert.equal(decryptPush(body.subarray(0, 20), browser), undefined)
  assert.equal(decryptPush(body, { ...browser, auth: randomBytes(16) }), undefined)
  assert.equal(decryptPush(body, { ...browser, ecdh: keysOf() }), undefined)
})

test('nothing is encrypted for a key that is not on the curve', () => {
  const p256dh = Buffer.alloc(65, 1).fill(4, 0, 1)
  const input = { plaintext: Buffer.from('Hello'), auth: randomBytes(16), salt: randomBytes(16) }
  assert.equal(encryptPush({ ...input, p256dh, ephemeral: keysOf() }), undefined)
})
