import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { utf8Bytes } from './utf8.ts'

test('the count of bytes is that of a real encoder, for any text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => utf8Bytes(text) === Buffer.byteLength(text)))
})

test('a lone surrogate counts as the replacement character', () => {
  assert.equal(utf8Bytes('\ud800'), Buffer.byteLength('\ud800'))
})
