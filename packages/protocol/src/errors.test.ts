import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import { ErrorBody, type ErrorEntry, type ErrorName, errorBody, errors } from './errors.ts'

const entries = Object.entries(errors) as [ErrorName, ErrorEntry][]

test('every error has a documented number, an error status, a message and a meaning', () => {
  for (const [name, entry] of entries) {
    // 1003 is the one number that the v4 documents have kept from their predecessor.
    assert.ok(entry.code === 1003 || (entry.code >= 20_000 && entry.code < 30_000), name)
    assert.ok(entry.status >= 400 && entry.status <= 599, name)
    assert.notEqual(entry.message, '', name)
    assert.match(entry.meaning, /\.$/, name)
  }
})

test('an error body has the nested form with an integer code', () => {
  for (const [name] of entries) assert.ok(Value.Check(ErrorBody, errorBody(name)), name)
  assert.deepEqual(errorBody('registrationIdUnknown'), {
    error: { code: 20101, message: 'registration id is unknown to this app' },
  })
})

test('a message of the case replaces the words of the catalogue', () => {
  assert.equal(
    errorBody('parameterInvalid', 'tags: 101 of at most 100').error.message,
    'tags: 101 of at most 100',
  )
})

test('an unforeseen error says exactly "unknown error", whatever it is given', () => {
  assert.deepEqual(errorBody('unforeseen'), { error: { code: 27002, message: 'unknown error' } })
  assert.deepEqual(errorBody('unforeseen', 'SQLITE_CORRUPT'), errorBody('unforeseen'))
})

test('a user unknown to the server API and to the client API has one number and different statuses', () => {
  assert.deepEqual(
    [
      errors.registrationIdUnknown.status,
      errors.registrationIdUnknownToClient.status,
      errors.userDeleted.status,
    ],
    [400, 404, 410],
  )
})
