import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../channel.ts'
import type { OutboundFailure } from '../outbound/outbound.ts'
import { type Answer, outcomeOfFailure, readAnswer } from './answer.ts'
import { errorReply, FAKE_REASONS, type FakeError, type FakeReason } from './fake-reasons.ts'

const NOW_MS = 1_700_000_000_000

interface Given {
  readonly status: number
  readonly body?: string
  readonly retryAfter?: string
  readonly isEnvironmentKnown?: boolean
}

function read({ status, body = '', retryAfter, isEnvironmentKnown = true }: Given): Answer {
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  return readAnswer({ status, headers, body: Buffer.from(body) }, { isEnvironmentKnown, nowMs: NOW_MS })
}

/** What Apple's answer with this reason means. */
function meaningOf(error: FakeError, isEnvironmentKnown = true): Answer {
  const { status, body, headers = {} } = errorReply(error)
  const retryAfter = headers['retry-after']
  return read({
    status,
    body: JSON.stringify(body),
    isEnvironmentKnown,
    ...(retryAfter !== undefined && { retryAfter }),
  })
}

const outcome = (value: Outcome): Answer => ({ kind: 'outcome', outcome: value })
const retry = (reason: string, afterMs: number | null = null) => outcome({ kind: 'retry', afterMs, reason })
const QUARTER_MS = 15 * 60_000

const GONE: FakeReason[] = ['BadDeviceToken', 'ExpiredToken', 'Unregistered']
const LATER: [reason: FakeReason, afterMs: number | null][] = [
  ['IdleTimeout', null],
  ['TooManyRequests', null],
  ['Shutdown', null],
  ['InternalServerError', QUARTER_MS],
  ['ServiceUnavailable', QUARTER_MS],
]
const SENDER: FakeReason[] = [
  'BadTopic',
  'MissingTopic',
  'TopicDisallowed',
  'BadCertificate',
  'BadCertificateEnvironment',
  'Forbidden',
  'InvalidProviderToken',
  'MissingProviderToken',
  'UnrelatedKeyIdInToken',
  'BadEnvironmentKeyIdInToken',
  'BadEnvironmentKeyInToken',
  'TooManyProviderTokenUpdates',
]
const REJECTED: FakeReason[] = [
  'BadCollapseId',
  'BadExpirationDate',
  'BadMessageId',
  'BadPriority',
  'DeviceTokenNotForTopic',
  'DuplicateHeaders',
  'InvalidPushType',
  'MissingDeviceToken',
  'PayloadEmpty',
  'BadPath',
  'MethodNotAllowed',
  'PayloadTooLarge',
]

test('every reason of Apple has a meaning', () => {
  const later = LATER.map(([reason]) => reason)
  const known = [...GONE, ...later, ...SENDER, ...REJECTED, 'ExpiredProviderToken']
  assert.deepEqual(known.sort(), Object.keys(FAKE_REASONS).sort())
})

test('a push that is taken is accepted', () => {
  assert.deepEqual(read({ status: 200 }), outcome({ kind: 'accepted' }))
})

for (const reason of GONE)
  test(`${reason}: the token is dead`, () => {
    assert.deepEqual(meaningOf({ reason }), outcome({ kind: 'gone', sinceMs: null, reason }))
  })

test('a dead token is dead since the time that Apple says, if it is one', () => {
  const since = (timestamp: number) => {
    const answer = meaningOf({ reason: 'Unregistered', timestamp })
    assert.ok(answer.kind === 'outcome' && answer.outcome.kind === 'gone')
    return answer.outcome.sinceMs
  }
  assert.equal(since(1_600_000_000_123), 1_600_000_000_123)
  assert.equal(since(0.5), null)
})

test('a token whose environment nobody knows is not dead because this one does not know it', () => {
  const reason = 'BadDeviceToken'
  assert.deepEqual(meaningOf({ reason }, false), outcome({ kind: 'rejected', reason }))
})

for (const [reason, afterMs] of LATER)
  test(`${reason}: later`, () => {
    assert.deepEqual(meaningOf({ reason }), retry(reason, afterMs))
  })

for (const reason of SENDER)
  test(`${reason}: the sender is refused, not the push`, () => {
    assert.deepEqual(meaningOf({ reason }), { kind: 'senderRefused', reason })
  })

for (const reason of REJECTED)
  test(`${reason}: this push is refused`, () => {
    assert.deepEqual(meaningOf({ reason }), outcome({ kind: 'rejected', reason }))
  })

test('a provider token that is too old can be replaced', () => {
  const reason = 'ExpiredProviderToken'
  assert.deepEqual(meaningOf({ reason }), { kind: 'tokenExpired', reason })
})

test('Retry-After is kept to, in seconds or as a date, up to an hour', () => {
  const afterMs = (retryAfter: string) => {
    const answer = read({ status: 503, body: '{"reason":"ServiceUnavailable"}', retryAfter })
    assert.ok(answer.kind === 'outcome' && answer.outcome.kind === 'retry')
    return answer.outcome.afterMs
  }
  assert.equal(afterMs('30'), 30_000)
  assert.equal(afterMs('999999'), 3_600_000)
  assert.equal(afterMs(new Date(NOW_MS + 5_000).toUTCString()), 5_000)
  assert.equal(afterMs(new Date(NOW_MS - 5_000).toUTCString()), 0)
  assert.equal(afterMs('soon'), QUARTER_MS)
})

test('an answer that is not Apple’s is read by its status, and nothing of its text is kept', () => {
  const bodies = ['', '{', '[]', 'null', '{"reason":7}', '{"reason":"device <b>ab12</b>"}', '<html>']
  for (const body of bodies) {
    assert.deepEqual(read({ status: 400, body }), outcome({ kind: 'rejected', reason: 'HTTP_400' }))
    assert.deepEqual(read({ status: 301, body }), outcome({ kind: 'rejected', reason: 'HTTP_301' }))
    assert.deepEqual(read({ status: 403, body }), { kind: 'senderRefused', reason: 'HTTP_403' })
    assert.deepEqual(
      read({ status: 410, body }),
      outcome({ kind: 'gone', sinceMs: null, reason: 'HTTP_410' }),
    )
    assert.deepEqual(read({ status: 429, body }), retry('HTTP_429'))
    assert.deepEqual(read({ status: 502, body }), retry('HTTP_502', QUARTER_MS))
  }
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
for (const [failure, expected] of failures)
  test(`without an answer (${failure}): ${expected.kind}`, () => {
    assert.deepEqual(outcomeOfFailure(failure), expected)
  })
