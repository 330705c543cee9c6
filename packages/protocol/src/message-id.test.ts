import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMessageId } from './message-id.ts'

test('a message id is 1 to 2^53 - 1', () => {
  for (const text of ['1', '1828256757', '9007199254740991']) {
    assert.deepEqual(parseMessageId(text), { ok: true, value: Number(text) })
  }
  for (const text of ['', '0', '9007199254740992', '99999999999999999999']) {
    assert.equal(parseMessageId(text).ok, false, text)
  }
})

test('a number written in another way is no message id', () => {
  for (const text of ['01', '+1', '-1', '1.0', '1e3', ' 1', '1 ', '0x1', '1,2', '*', '１']) {
    assert.equal(parseMessageId(text).ok, false, text)
  }
})
