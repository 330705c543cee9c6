import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseApnsToken, parseFcmToken, parseHmsToken, parseToken } from './tokens.ts'

test('an FCM token has 32 to 4096 characters and at most one colon inside', () => {
  assert.equal(parseFcmToken(`${'a'.repeat(22)}:APA91b${'B_-9'.repeat(30)}`).ok, true)
  assert.equal(parseFcmToken('a'.repeat(32)).ok, true)
  assert.equal(parseFcmToken('a'.repeat(4096)).ok, true)
  for (const token of ['', 'a'.repeat(31), 'a'.repeat(4097), `:${'a'.repeat(40)}`, `${'a'.repeat(40)}:`]) {
    assert.deepEqual(parseFcmToken(token), { ok: false, reason: 'invalid fcm token format' })
  }
  assert.equal(parseFcmToken(`${'a'.repeat(20)}:b:${'c'.repeat(20)}`).ok, false)
  assert.equal(parseFcmToken(`${'a'.repeat(40)}\n`).ok, false)
})

test('an APNs token is whole bytes in hex, 64 to 200 characters', () => {
  assert.equal(parseApnsToken('0f'.repeat(32)).ok, true)
  assert.equal(parseApnsToken('0f'.repeat(100)).ok, true)
  for (const token of ['', '0f'.repeat(31), '0f'.repeat(101), `${'0f'.repeat(32)}0`, 'zz'.repeat(32)]) {
    assert.deepEqual(parseApnsToken(token), { ok: false, reason: 'invalid apns token format' })
  }
})

test('the case of an APNs token does not matter: both spellings are one token', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 100 }), (bytes) => {
      const hex = Buffer.from(bytes).toString('hex')
      assert.deepEqual(parseApnsToken(hex.toUpperCase()), { ok: true, value: hex })
    }),
  )
})

test('an HMS token has 32 to 4096 characters and no colon', () => {
  assert.equal(parseHmsToken('A_-'.repeat(40)).ok, true)
  assert.deepEqual(parseHmsToken('a'.repeat(31)), { ok: false, reason: 'invalid hms token format' })
  assert.equal(parseHmsToken('a'.repeat(4097)).ok, false)
  assert.equal(parseHmsToken(`${'a'.repeat(20)}:${'b'.repeat(20)}`).ok, false)
})

test('each platform has the tokens of its vendor', () => {
  const colon = `${'a'.repeat(20)}:${'b'.repeat(20)}`
  assert.equal(parseToken('android', colon).ok, true)
  assert.equal(parseToken('ios', colon).ok, false)
  assert.equal(parseToken('hmos', colon).ok, false)
})
