/**
 * Vendors that fail in every way that they can: a push that was accepted is not lost while it lives, comes once, and holds up
 * no other app. Each test has a server of its own with two apps, of which the one's provider fails.
 */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { retryDelayMs } from '../../src/work/loop.ts'
import { openFaultWorld } from '../support/fault-world.ts'
import {
  endsInMidStream,
  endsUnseen,
  isABadGateway,
  isSilentAfterTls,
  losesTheAnswer,
  type Misbehaving,
  refusesStreams,
  stallsTheWindow,
} from '../support/misbehaving-servers.ts'
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
    { title: 'a server that stops', behaviour: { kind: 'error', reason: 'Shutdown' } },
  ])
})

/** What the address of a vendor leads to, and whether connections to it stay when it is well again. */
interface ConnectionRow {
  readonly title: string
  readonly leadsTo: 'cut' | 'mute' | Misbehaving
  /** A send ends by its deadline only. */
  readonly hangs?: true
  readonly connectionsStay?: true
}

const connections: readonly ConnectionRow[] = [
  { title: 'a connection that ends in mid-stream (GOAWAY)', leadsTo: endsInMidStream },
  { title: 'connections that end before they were looked at (GOAWAY)', leadsTo: endsUnseen },
  { title: 'streams that are refused', leadsTo: refusesStreams },
  { title: 'a window that is stalled', leadsTo: stallsTheWindow, hangs: true },
  { title: 'an address that takes connections and never does TLS', leadsTo: 'mute', hangs: true },
  {
    title: 'a server that does TLS and never says its settings',
    leadsTo: isSilentAfterTls,
    hangs: true,
    connectionsStay: true,
  },
  { title: 'a connection that is lost after the request', leadsTo: losesTheAnswer },
  { title: 'a gateway that answers 502 with a page', leadsTo: isABadGateway },
  { title: 'connections that end at once', leadsTo: 'cut' },
]

async function connectionIsSurvived<Behaviour>(
  t: TestContext,
  vendor: Vendor<Behaviour>,
  { leadsTo, hangs, connectionsStay }: ConnectionRow,
): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'apart')
  const { front, failing } = world
  front.leadTo(typeof leadsTo === 'string' ? leadsTo : await leadsTo(t))
  const msgId = await failing.push()
  await world.wellSends()
  await world.waiting(hangs ? 1_000 : 0)
  await world.wellSends()

  front.leadTo(world.port)
  if (!connectionsStay) front.cutAll()
  await world.arrives(msgId)
}

describe('a push survives what befalls connections', { concurrency: 4 }, () => {
  for (const row of connections) {
    test(`webPush: ${row.title}`, (t) => connectionIsSurvived(t, webPushVendor, row))
    test(`fcm: ${row.title}`, (t) => connectionIsSurvived(t, fcmVendor, row))
    test(`apns: ${row.title}`, (t) => connectionIsSurvived(t, apnsVendor, row))
  }
})
