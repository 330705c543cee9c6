import assert from 'node:assert/strict'
import { test } from 'node:test'
import { given } from './given.ts'

test('absent values and empty texts are left out; zero, false and empty lists and objects stay', () => {
  const record = { a: undefined, b: '', c: 0, d: false, e: [], f: {}, g: 'x' }
  assert.deepEqual(given(record), { c: 0, d: false, e: [], f: {}, g: 'x' })
})
