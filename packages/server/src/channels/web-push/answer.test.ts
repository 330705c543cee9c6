import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutboundError, type OutboundFailure } from '../outbound/outbound.ts'
import { isUnauthorized, outcomeOf, outcomeOfFailure } from './answer.ts'

const nowMs = Date.UTC(2026, 0, 1)

function answered(status: number, body = '', retryAfter?: string) {
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  return { status, headers, body: Buffer.from(body) }
}

function outcome(...answer: Parameters<typeof answered>) {
  return outcomeOf(answered(...answer), { vendor: 'firefox', nowMs })
}

test('each status has its meaning', () => {
  const kinds = (statuses: number[]) => new Set(statuses.map((status) => outcome(status).kind))
  assert.deepEqual(outcome(201), { kind: 'accepted', vendor: 'firefox' })
  assert.deepEqual([...kinds([200, 201, 202])], ['accepted'])
  assert.deepEqual(outcome(410), { kind: 'gone', sinceMs: null, reason: 'http 410' })
  assert.deepEqual([...kinds([404, 410])], ['gone'])
  assert.deepEqual([...kinds([406, 429, 500, 502, 503, 504])], ['retry'])
  assert.deepEqual([...kinds([204, 301, 307, 400, 401, 403, 405, 413])], ['rejected'])
})

test('Retry-After counts in seconds or names a date', () => {
  const afterMs = (text?: string) => {
    const one = outcome(429, '', text)
    return one.kind === 'retry' ? one.afterMs : undefined
  }
  assert.equal(afterMs(), null)
  assert.equal(afterMs('0'), 0)
  assert.equal(afterMs('120'), 120_000)
  assert.equal(afterMs('Thu, 01 Jan 2026 00:01:00 GMT'), 60_000)
  assert.equal(afterMs('Wed, 31 Dec 2025 23:00:00 GMT'), 0)
  assert.equal(afterMs('99999999999'), 15 * 86_400_000)
  assert.equal(afterMs('Sun, 01 Jan 2040 00:00:00 GMT'), 15 * 86_400_000)
  for (const text of ['', 'soon', '-']) assert.equal(afterMs(text), null)
})

test('a reason is a word of the service, and never its free text', () => {
  const reason = (status: number, body: string) => {
    const one = outcome(status, body)
    return one.kind === 'rejected' ? one.reason : undefined
  }
  assert.equal(reason(400, ''), 'http 400')
  assert.equal(reason(400, 'no push to user-4711'), 'http 400')
  assert.equal(reason(403, '{"reason":"BadJwtToken"}'), 'http 403 BadJwtToken')
  assert.equal(reason(400, '{"reason":"no push to user-4711"}'), 'http 400')
  assert.equal(reason(401, '{"code": 401, "errno": 109, "message": "for 4711"}'), 'http 401 errno 109')
})

test('a subscription for other keys is told from a signature that is not good', () => {
  const google =
    'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n'
  const mismatches = [
    answered(403, google),
    answered(401, '{"code":401,"errno":109,"error":"Unauthorized","message":"VAPID public key mismatch"}'),
    answered(403, '{"reason":"VapidPkHashMismatch"}'),
  ]
  for (const mismatch of mismatches) {
    assert.equal(isUnauthorized(mismatch), false)
    const reason = `http ${mismatch.status} other vapid key`
    assert.deepEqual(outcomeOf(mismatch, { vendor: 'other', nowMs }), { kind: 'rejected', reason })
  }
  assert.equal(isUnauthorized(answered(403, '{"reason":"BadJwtToken"}')), true)
  assert.equal(isUnauthorized(answered(401)), true)
  assert.equal(isUnauthorized(answered(400)), false)
})

test('what never got an answer', () => {
  const kindOf = (failure: OutboundFailure) => outcomeOfFailure(new OutboundError(failure, '')).kind
  assert.equal(kindOf('refusedByGate'), 'dropped')
  assert.equal(kindOf('addressRefused'), 'rejected')
  const others: OutboundFailure[] = ['unreachable', 'lost', 'refusedStream', 'deadline', 'closed']
  for (const failure of others) assert.equal(kindOf(failure), 'retry', failure)
})
