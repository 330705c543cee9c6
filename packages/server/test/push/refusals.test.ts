/** What vendors answer when they do not take a push: it waits as long as they ask for, or has failed in their words. No other app waits. */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { FakeBehaviour as ApnsBehaviour } from '../../src/channels/apns/fake-apns.ts'
import type { FakeBehaviour as WebPushBehaviour } from '../../src/channels/web-push/fake-mailbox.ts'
import { retryDelayMs } from '../../src/work/loop.ts'
import { openFaultWorld } from '../support/fault-world.ts'
import { apnsVendor, fcmVendor, type Vendor, webPushVendor } from '../support/vendors.ts'

/** An answer of a vendor, and how long it asks to be left alone, milliseconds; absent: as long as we think right. */
interface AnswerRow<Behaviour> {
  readonly title: string
  readonly behaviour: Behaviour
  readonly waitMs?: number
  /** So much later at most, at random. */
  readonly jitterMs?: number
}

function answersOf<Behaviour>(vendor: Vendor<Behaviour>, rows: readonly AnswerRow<Behaviour>[]): void {
  for (const row of rows) test(`${vendor.name}: ${row.title}`, (t) => answerIsWaitedOut(t, vendor, row))
}

/** Both apps call the same address, as apps do. */
async function answerIsWaitedOut<Behaviour>(
  t: TestContext,
  vendor: Vendor<Behaviour>,
  { behaviour, waitMs = retryDelayMs(0), jitterMs = 0 }: AnswerRow<Behaviour>,
): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'shared')
  const { clock, failing } = world
  failing.user.behave(behaviour)
  const msgId = await failing.push()
  await world.wellSends()
  const { dueAt, attempts } = await world.waiting()
  assert.equal(attempts, 1)
  const dueInMs = dueAt - clock.now()
  assert.ok(dueInMs >= waitMs && dueInMs <= waitMs + jitterMs, `due in ${dueInMs} ms`)

  failing.user.behave(undefined)
  await clock.advance(dueInMs - 1)
  await world.wellSends()
  assert.equal(failing.user.received().length, 0, 'it came earlier than the vendor allows')
  await world.arrives(msgId)
}

describe('a vendor that asks for patience gets it, and the push arrives', { concurrency: 4 }, () => {
  const answer = (status: number, headers: Record<string, string> = {}) =>
    ({ kind: 'answer', status, headers }) as const
  answersOf(webPushVendor, [
    { title: '429 with Retry-After', behaviour: answer(429, { 'retry-after': '120' }), waitMs: 120_000 },
    { title: '429 without', behaviour: answer(429) },
    { title: '500', behaviour: answer(500) },
    { title: '502', behaviour: answer(502) },
    { title: '503 with Retry-After', behaviour: answer(503, { 'retry-after': '30' }), waitMs: 30_000 },
  ])
  const jitterMs = 10_000
  answersOf(fcmVendor, [
    {
      title: 'the quota of the project is exhausted, with Retry-After',
      behaviour: { kind: 'error', code: 'QUOTA_EXCEEDED', retryAfterSeconds: 120 },
      waitMs: 120_000,
      jitterMs,
    },
    {
      title: 'the quota of the project is exhausted',
      behaviour: { kind: 'error', code: 'QUOTA_EXCEEDED' },
      waitMs: 60_000,
      jitterMs,
    },
    { title: 'an access token that is refused', behaviour: { kind: 'error', code: 'UNAUTHENTICATED' } },
    { title: 'a role that the account lacks', behaviour: { kind: 'error', code: 'PERMISSION_DENIED' } },
    { title: '500', behaviour: { kind: 'error', code: 'INTERNAL' } },
    { title: '503', behaviour: { kind: 'error', code: 'UNAVAILABLE' } },
    {
      title: '503 with Retry-After',
      behaviour: { kind: 'error', code: 'UNAVAILABLE', retryAfterSeconds: 30 },
      waitMs: 30_000,
    },
  ])
  answersOf(apnsVendor, [
    {
      title: '429 with Retry-After',
      behaviour: { kind: 'error', reason: 'TooManyRequests', retryAfterSeconds: 120 },
      waitMs: 120_000,
    },
    { title: '429 without', behaviour: { kind: 'error', reason: 'TooManyRequests' } },
    // As Apple's page says of answers of 5xx.
    { title: '500', behaviour: { kind: 'error', reason: 'InternalServerError' }, waitMs: 15 * 60_000 },
    {
      title: '503 with Retry-After',
      behaviour: { kind: 'error', reason: 'ServiceUnavailable', retryAfterSeconds: 30 },
      waitMs: 30_000,
    },
    {
      title: 'a provider token that is called expired',
      behaviour: { kind: 'error', reason: 'ExpiredProviderToken' },
      waitMs: 60_000,
    },
    { title: 'a server that stops', behaviour: { kind: 'error', reason: 'Shutdown' } },
  ])
})

/** An answer after which nothing is tried again. */
interface FinalRow<Behaviour> {
  readonly title: string
  /** `now`: the time at which the token was registered. */
  readonly behaviour: (now: number) => Behaviour
  readonly reason: string
  readonly isTokenKept?: true
}

function finalAnswersOf<Behaviour>(vendor: Vendor<Behaviour>, rows: readonly FinalRow<Behaviour>[]): void {
  for (const { title, behaviour, reason, isTokenKept = false } of rows)
    test(`${vendor.name}: ${title}`, async (t) => {
      const world = await openFaultWorld(t, vendor, 'shared')
      const { failing, clock } = world
      failing.user.behave(behaviour(clock.now()))
      const msgId = await failing.push()
      await world.wellSends()
      await world.fails(msgId, reason)
      assert.equal(await failing.hasToken(), isTokenKept)
    })
}

describe('a push that is refused for good has failed in the words of the vendor', { concurrency: 4 }, () => {
  finalAnswersOf<WebPushBehaviour>(webPushVendor, [
    { title: '410', behaviour: () => ({ kind: 'answer', status: 410 }), reason: 'http 410' },
    {
      title: 'a subscription that was made for other keys',
      behaviour: () => ({ kind: 'answer', status: 403, body: '{"reason":"VapidPkHashMismatch"}' }),
      reason: 'http 403 other vapid key',
      isTokenKept: true,
    },
  ])
  finalAnswersOf<ApnsBehaviour>(apnsVendor, [
    {
      title: 'a token that is dead since it was registered',
      behaviour: (timestamp) => ({ kind: 'error', reason: 'Unregistered', timestamp }),
      reason: 'Unregistered',
    },
    {
      title: 'a token that was dead before it was registered again',
      behaviour: (now) => ({ kind: 'error', reason: 'Unregistered', timestamp: now - 1 }),
      reason: 'Unregistered',
      isTokenKept: true,
    },
  ])
})
