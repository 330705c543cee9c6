import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../kernel/random.ts'
import { createSeal } from './seal.ts'

const secretKey = new Uint8Array(32).fill(7)
const seal = createSeal(secretKey, systemRandom)
const bytes = new Uint8Array([1, 2, 3])

test('what was sealed opens again with the same key and purpose, and looks different each time', () => {
  const text = seal.seal(bytes, 'erasure key of app a')
  assert.deepEqual(
    new Uint8Array(createSeal(secretKey, systemRandom).open(text, 'erasure key of app a')),
    bytes,
  )
  assert.notEqual(seal.seal(bytes, 'erasure key of app a'), text)
})

test('another purpose, another key, a changed text and a foreign text do not open', () => {
  const text = seal.seal(bytes, 'a')
  const other = createSeal(new Uint8Array(32).fill(8), systemRandom)
  assert.throws(() => seal.open(text, 'b'))
  assert.throws(() => other.open(text, 'a'))
  assert.throws(() => seal.open(`${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`, 'a'))
  for (const foreign of ['', '1.', '1.AAAA', `2${text.slice(1)}`])
    assert.throws(() => seal.open(foreign, 'a'))
})

test('the fingerprint depends on the key and does not tell it', () => {
  assert.match(seal.fingerprint, /^[0-9a-f]{32}$/)
  assert.notEqual(createSeal(new Uint8Array(32).fill(8), systemRandom).fingerprint, seal.fingerprint)
  assert.equal(createSeal(secretKey, systemRandom).fingerprint, seal.fingerprint)
})
