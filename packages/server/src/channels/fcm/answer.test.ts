import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../channel.ts'
import type { OutboundFailure } from '../outbound/outbound.ts'
import { type Answer, outcomeOfFailure, readAnswer } from './answer.ts'

const NOW = Date.UTC(2026, 4, 5, 12, 0, 0)
const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
const QUOTA_FAILURE = 'type.googleapis.com/google.rpc.QuotaFailure'

const gone = (reason: string): Answer => ({
  kind: 'outcome',
  outcome: { kind: 'gone', sinceMs: null, reason },
})
const rejected = (reason: string): Answer => ({ kind: 'outcome', outcome: { kind: 'rejected', reason } })
const retry = (reason: string, afterMs: number | null): Answer => ({
  kind: 'outcome',
  outcome: { kind: 'retry', afterMs, reason },
})

const fcmError = (errorCode: string) => ({ '@type': FCM_ERROR, errorCode })
const badField = (field: string) => ({
  '@type': BAD_REQUEST,
  fieldViolations: [{ field, description: 'wrong' }],
})
const quota = (description: string) => ({
  '@type': QUOTA_FAILURE,
  violations: [{ subject: 'x', description }],
})

interface Row {
  readonly title: string
  readonly status: number
  /** `status` of the error. */
  readonly word?: string
  readonly message?: string
  readonly details?: readonly object[]
  readonly retryAfter?: string
  readonly is: Answer
}

const rows: Row[] = [
  {
    title: 'an unregistered token is gone',
    status: 404,
    word: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    details: [fcmError('UNREGISTERED')],
    is: gone('UNREGISTERED'),
  },
  {
    title: 'a project that is not there is tried again: the operator may mend it',
    status: 404,
    word: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    is: retry('NOT_FOUND', null),
  },
  {
    title: 'a malformed token is gone, though only the message says so',
    status: 400,
    word: 'INVALID_ARGUMENT',
    message: 'The registration token is not a valid FCM registration token',
    details: [fcmError('INVALID_ARGUMENT')],
    is: gone('INVALID_ARGUMENT'),
  },
  {
    title: 'a token that is named among the wrong fields is gone',
    status: 400,
    word: 'INVALID_ARGUMENT',
    details: [badField('message.token'), fcmError('INVALID_ARGUMENT')],
    is: gone('INVALID_ARGUMENT'),
  },
  {
    title: 'another field that is wrong rejects the message and leaves the token alone',
    status: 400,
    word: 'INVALID_ARGUMENT',
    message: "Invalid value at 'message.data[0].value', where a registration token stands beside",
    details: [badField('message.data[0].value')],
    is: rejected('INVALID_ARGUMENT'),
  },
  {
    title: 'a message that is too big is rejected',
    status: 400,
    word: 'INVALID_ARGUMENT',
    message: 'Android message is too big',
    details: [{ '@type': BAD_REQUEST }, fcmError('INVALID_ARGUMENT')],
    is: rejected('INVALID_ARGUMENT'),
  },
  {
    title: 'the token of another project is rejected and stays',
    status: 403,
    word: 'PERMISSION_DENIED',
    details: [fcmError('SENDER_ID_MISMATCH')],
    is: rejected('SENDER_ID_MISMATCH'),
  },
  {
    title: 'an account without the right to send is tried again',
    status: 403,
    word: 'PERMISSION_DENIED',
    is: retry('PERMISSION_DENIED', null),
  },
  {
    title: 'a missing key of a third service rejects',
    status: 401,
    word: 'UNAUTHENTICATED',
    details: [fcmError('THIRD_PARTY_AUTH_ERROR')],
    is: rejected('THIRD_PARTY_AUTH_ERROR'),
  },
  {
    title: 'a refused access token is told apart',
    status: 401,
    word: 'UNAUTHENTICATED',
    is: { kind: 'tokenRefused', reason: 'UNAUTHENTICATED' },
  },
  {
    title: 'an exhausted quota is that of the project, and Retry-After counts',
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    details: [quota('Message rate exceeded'), fcmError('QUOTA_EXCEEDED')],
    retryAfter: '17',
    is: { kind: 'projectExhausted', afterMs: 17_000, reason: 'QUOTA_EXCEEDED' },
  },
  {
    title: 'an exhausted quota without Retry-After says nothing of a time',
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    is: { kind: 'projectExhausted', afterMs: null, reason: 'RESOURCE_EXHAUSTED' },
  },
  {
    title: 'a device that gets too much is no matter of the project, and waits a minute',
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    details: [quota('Device message rate exceeded'), fcmError('QUOTA_EXCEEDED')],
    is: retry('QUOTA_EXCEEDED', 60_000),
  },
  {
    title: 'a service that is not available is tried again when it says',
    status: 503,
    word: 'UNAVAILABLE',
    details: [fcmError('UNAVAILABLE')],
    retryAfter: '30',
    is: retry('UNAVAILABLE', 30_000),
  },
  {
    title: 'a date in Retry-After is read',
    status: 503,
    word: 'UNAVAILABLE',
    retryAfter: new Date(NOW + 45_000).toUTCString(),
    is: retry('UNAVAILABLE', 45_000),
  },
  {
    title: 'a date that has passed is now',
    status: 503,
    retryAfter: new Date(NOW - 45_000).toUTCString(),
    is: retry('UNAVAILABLE', 0),
  },
  {
    title: 'a Retry-After of a year is an hour',
    status: 503,
    retryAfter: '31536000',
    is: retry('UNAVAILABLE', 3_600_000),
  },
  {
    title: 'a Retry-After that is no time is none',
    status: 503,
    retryAfter: 'soon',
    is: retry('UNAVAILABLE', null),
  },
  {
    title: 'an inner failure is tried again, by the delays of the sender',
    status: 500,
    word: 'INTERNAL',
    details: [fcmError('INTERNAL')],
    is: retry('INTERNAL', null),
  },
  {
    title: 'an error that FCM does not specify is called by its status',
    status: 500,
    word: 'INTERNAL',
    details: [fcmError('UNSPECIFIED_ERROR')],
    is: retry('INTERNAL', null),
  },
  { title: 'a gateway that fails is tried again', status: 502, is: retry('HTTP_502', null) },
  { title: 'a request that took too long is tried again', status: 408, is: retry('HTTP_408', null) },
  { title: 'a redirect is rejected', status: 302, is: rejected('HTTP_302') },
  { title: 'what nobody knows is rejected', status: 418, word: "I'm a teapot", is: rejected('HTTP_418') },
]

for (const { title, status, word, message, details, retryAfter, is } of rows) {
  test(`${status}: ${title}`, () => {
    const body = Buffer.from(JSON.stringify({ error: { code: status, message, status: word, details } }))
    assert.deepEqual(readAnswer({ status, headers: { 'retry-after': retryAfter }, body }, NOW), is)
  })
}

test('200: the message was taken', () => {
  const body = Buffer.from('{"name":"projects/example/messages/1"}')
  assert.deepEqual(readAnswer({ status: 200, headers: {}, body }, NOW), {
    kind: 'outcome',
    outcome: { kind: 'accepted' },
  })
})

test('a body of any other form is no error of ours', () => {
  for (const text of [
    '',
    '<html>',
    'null',
    '[]',
    '{"error":7}',
    '{"error":{"details":[null,7,{"errorCode":{}}]}}',
  ])
    assert.deepEqual(
      readAnswer({ status: 503, headers: {}, body: Buffer.from(text) }, NOW),
      retry('UNAVAILABLE', null),
      text,
    )
})

const failures: [failure: OutboundFailure, outcome: Outcome][] = [
  ['refusedByGate', { kind: 'dropped' }],
  ['addressRefused', { kind: 'rejected', reason: 'addressRefused' }],
  ['unreachable', { kind: 'retry', afterMs: null, reason: 'unreachable' }],
  ['lost', { kind: 'retry', afterMs: null, reason: 'lost' }],
  ['refusedStream', { kind: 'retry', afterMs: null, reason: 'refusedStream' }],
  ['deadline', { kind: 'retry', afterMs: null, reason: 'deadline' }],
  ['closed', { kind: 'retry', afterMs: null, reason: 'closed' }],
]

for (const [failure, expected] of failures) {
  test(`no answer, ${failure}: ${expected.kind}`, () => {
    assert.deepEqual(outcomeOfFailure(failure), expected)
  })
}
