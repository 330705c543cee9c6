import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRegistrationId } from './registration-id.ts'

test('64 characters are a registration id and 65 are not', () => {
  assert.deepEqual(parseRegistrationId('a'.repeat(64)), { ok: true, value: 'a'.repeat(64) })
  assert.equal(parseRegistrationId('a'.repeat(65)).ok, false)
  assert.equal(parseRegistrationId('').ok, false)
})

test('the ids that EngageLab issues and the id of the deletion document are registration ids', () => {
  assert.equal(parseRegistrationId('170976fa8a92af7c976').ok, true)
  assert.equal(parseRegistrationId('abc123').ok, true)
})

test('one character outside the set makes any text no registration id', () => {
  const good = fc.stringMatching(/^[A-Za-z0-9_-]{0,20}$/)
  const bad = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 1 })
    .filter((c) => !/[A-Za-z0-9_-]/.test(c))
  fc.assert(
    fc.property(good, bad, good, (before, middle, after) => !parseRegistrationId(before + middle + after).ok),
  )
})

test('lists, wildcards, spaces and line ends are refused without being repeated', () => {
  for (const text of ['a,b', '*', 'a b', 'a\n', 'a%2Cb', '.', '..', 'all/', 'ä']) {
    const parsed = parseRegistrationId(text)
    assert.equal(parsed.ok, false, text)
    if (!parsed.ok) assert.equal(parsed.reason, 'a registration id is 1 to 64 characters of A-Z a-z 0-9 _ -')
  }
})
