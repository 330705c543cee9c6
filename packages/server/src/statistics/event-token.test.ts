import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { App, ErasureKey } from '../apps/app.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { eventTokenOf, isEventToken } from './event-token.ts'

/** `keys`: newest first. */
function appWith(...keys: Uint8Array[]): App {
  const erasureKeys = keys.map((key, place) => ({ version: keys.length - place, key }))
  return { appKey: 'aladdin', erasureKeys: erasureKeys as readonly ErasureKey[] } as App
}

const keyArbitrary = fc.uint8Array({ minLength: 32, maxLength: 32 })
const subjectArbitrary = fc.record({
  registrationId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/) as fc.Arbitrary<RegistrationId>,
  msgId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
})
const caseArbitrary = fc.record({ key: keyArbitrary, subject: subjectArbitrary })

test('a token is good for its app, its user and its message, and for no other', () => {
  fc.assert(
    fc.property(caseArbitrary, caseArbitrary, (one, other) => {
      const token = eventTokenOf(appWith(one.key), one.subject)
      assert.match(token, /^[A-Za-z0-9_-]{22}$/)
      const isGoodFor = (key: Uint8Array, subject: typeof one.subject) =>
        isEventToken(appWith(key), subject, token)
      const { registrationId, msgId } = other.subject
      assert.equal(isGoodFor(one.key, one.subject), true)
      assert.equal(isGoodFor(other.key, one.subject), isDeepStrictEqual(other.key, one.key))
      const ofOtherUser = { ...one.subject, registrationId }
      assert.equal(isGoodFor(one.key, ofOtherUser), registrationId === one.subject.registrationId)
      assert.equal(isGoodFor(one.key, { ...one.subject, msgId }), msgId === one.subject.msgId)
    }),
  )
})

test('the end of an id and the beginning of another do not run together', () => {
  const app = appWith(new Uint8Array(32))
  const ofUser = (registrationId: string, msgId: number) =>
    eventTokenOf(app, { registrationId: registrationId as RegistrationId, msgId })
  assert.notEqual(ofUser('a1', 23), ofUser('a12', 3))
})

test('tokens of older keys stay good, and new ones are made with the newest', () => {
  fc.assert(
    fc.property(keyArbitrary, keyArbitrary, subjectArbitrary, (older, newer, subject) => {
      const before = appWith(older)
      const after = appWith(newer, older)
      assert.equal(isEventToken(after, subject, eventTokenOf(before, subject)), true)
      assert.equal(eventTokenOf(after, subject), eventTokenOf(appWith(newer), subject))
    }),
  )
})

test('a message id reads the same as a number and as it stands in a message', () => {
  const app = appWith(new Uint8Array(32).fill(7))
  const registrationId = 'r1' as RegistrationId
  const token = eventTokenOf(app, { registrationId, msgId: 4711 })
  assert.equal(isEventToken(app, { registrationId, msgId: '4711' }, token), true)
})

test('a token is what RFC 5869 and RFC 2104 make of the key and the names, as another program has it', () => {
  // HKDF-SHA-256(ikm = 32 zero bytes, no salt, info "lethe event token"), then HMAC-SHA-256, computed with Python's hmac.
  const app = appWith(new Uint8Array(32))
  const token = eventTokenOf(app, { registrationId: 'r1' as RegistrationId, msgId: 4711 })
  assert.equal(token, '37flHqMVsxWGOVvpfgcFDQ')
})

test('what is no token at all is none', () => {
  const app = appWith(new Uint8Array(32))
  const subject = { registrationId: 'r1' as RegistrationId, msgId: 1 }
  const token = eventTokenOf(app, subject)
  for (const text of ['', token.slice(1), `${token}A`, token.toLowerCase(), 'ü'.repeat(11)])
    assert.equal(isEventToken(app, subject, text), false, text)
})
