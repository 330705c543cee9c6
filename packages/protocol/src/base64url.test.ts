import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64url } from './base64url.ts'

test('what an encoder writes decodes to the same bytes, with padding and without', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('base64url')
      const padded = text.padEnd(Math.ceil(text.length / 4) * 4, '=')
      assert.deepEqual(decodeBase64url(text), bytes)
      assert.deepEqual(decodeBase64url(padded), bytes)
    }),
  )
})

test('no two spellings without padding decode to the same bytes', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{0,9}$/), (text) => {
      const bytes = decodeBase64url(text)
      if (bytes !== undefined) assert.equal(Buffer.from(bytes).toString('base64url'), text)
    }),
  )
})

test('other alphabets, impossible lengths and incomplete padding are not base64url', () => {
  for (const text of ['+/+/', 'AAA A', 'A', 'AAAAA', 'AA=', 'AAA==', '=', '====', 'AB', 'é', 'AA\n']) {
    assert.equal(decodeBase64url(text), undefined, JSON.stringify(text))
  }
})
