/**
 * Vendors that cannot be reached, or fall silent: a push that was accepted is not lost while it lives, comes once, and holds
 * up no other app. Each test has a server of its own with two apps, of which the one's provider fails. What vendors say when
 * they refuse is in `refusals.test.ts`.
 */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { apnsKey, serviceAccount } from '../support/channel-keys.ts'
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

/** Connections that are open have none that says so: bytes go in, and nothing comes out. */
async function frozenIsFound<Behaviour>(t: TestContext, vendor: Vendor<Behaviour>): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'apart')
  await world.arrives(await world.failing.push())
  world.front.freezeAll()
  const msgId = await world.failing.push()
  await world.wellSends()
  await world.arrives(msgId, 2)
}

/** The vendor has it, and the server cannot know: it is sent again, such that it takes the place of the first. */
async function lostAnswerIsRepeated<Behaviour extends object>(
  t: TestContext,
  vendor: Vendor<Behaviour | { readonly kind: 'loseAnswer' }>,
): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'apart')
  world.failing.user.behave({ kind: 'loseAnswer' })
  const msgId = await world.failing.push()
  await world.wellSends()
  await world.arrives(msgId, 2)
  const [first, second] = world.failing.user.received()
  assert.ok(first)
  assert.equal(second, first)
}

const silence: ConnectionRow = {
  title: 'a server that does TLS and never says its settings',
  leadsTo: isSilentAfterTls,
  hangs: true,
  connectionsStay: true,
}

// Each waits until a connection is given up, by the real time: they wait together.
describe('a push survives silence', { concurrency: 6 }, () => {
  test(`webPush: ${silence.title}`, (t) => connectionIsSurvived(t, webPushVendor, silence))
  test(`fcm: ${silence.title}`, (t) => connectionIsSurvived(t, fcmVendor, silence))
  test(`apns: ${silence.title}`, (t) => connectionIsSurvived(t, apnsVendor, silence))
  test('webPush: a connection that froze', (t) => frozenIsFound(t, webPushVendor))
  test('fcm: a connection that froze', (t) => frozenIsFound(t, fcmVendor))
  test('apns: a connection that froze', (t) => frozenIsFound(t, apnsVendor))
})

describe('a push whose answer was lost is repeated in its own place', { concurrency: 4 }, () => {
  test('webPush: an answer that was lost', (t) => lostAnswerIsRepeated(t, webPushVendor))
  test('fcm: an answer that was lost', (t) => lostAnswerIsRepeated(t, fcmVendor))
  test('apns: an answer that was lost', (t) => lostAnswerIsRepeated(t, apnsVendor))
})

/** Until an operator sets the right ones: nobody pushes again. */
async function credentialsAreMended<Behaviour>(
  t: TestContext,
  vendor: Vendor<Behaviour>,
  instead: object,
): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'shared')
  const { failing } = world
  await failing.setCredentials(instead)
  const msgId = await failing.push()
  await world.wellSends()
  // A name that nobody knows may take its time.
  await world.waiting(1_000)
  assert.equal(failing.user.received().length, 0)
  await failing.setCredentials()
  await world.arrives(msgId)
}

describe('a push waits for credentials to be mended', { concurrency: 4 }, () => {
  const elsewhere = { endpoint: 'https://push.invalid' }
  test('fcm: a key that Google knows no more', (t) =>
    credentialsAreMended(t, fcmVendor, { private_key: serviceAccount().private_key }))
  test('apns: a key that Apple knows no more', (t) =>
    credentialsAreMended(t, apnsVendor, { key: apnsKey().key }))
  test('apns: a topic that is not of the key', (t) =>
    credentialsAreMended(t, apnsVendor, { topic: 'com.example.other' }))
  test('fcm: a name that cannot be resolved', (t) => credentialsAreMended(t, fcmVendor, elsewhere))
  test('apns: a name that cannot be resolved', (t) => credentialsAreMended(t, apnsVendor, elsewhere))
})

const MINUTE = { time_to_live: 60 }

async function isAwayForTheWholeTtl<Behaviour>(t: TestContext, vendor: Vendor<Behaviour>): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'apart')
  world.front.leadTo('cut')
  const msgId = await world.failing.push(MINUTE)
  await world.wellSends()
  await world.fails(msgId, 'unreachable')
  world.front.leadTo(world.port)
  await world.wellSends()
  assert.equal(world.failing.user.received().length, 0)
}

async function isWellAgainInTime<Behaviour>(
  t: TestContext,
  vendor: Vendor<Behaviour>,
  behaviour: Behaviour,
): Promise<void> {
  const world = await openFaultWorld(t, vendor, 'shared')
  world.failing.user.behave(behaviour)
  const msgId = await world.failing.push(MINUTE)
  await world.pass(50_000)
  world.failing.user.behave(undefined)
  await world.arrives(msgId)
}

describe('a push has until the end of its time to live', { concurrency: 4 }, () => {
  const title = 'a vendor that is away for all of it'
  test(`webPush: ${title}`, (t) => isAwayForTheWholeTtl(t, webPushVendor))
  test(`fcm: ${title}`, (t) => isAwayForTheWholeTtl(t, fcmVendor))
  test(`apns: ${title}`, (t) => isAwayForTheWholeTtl(t, apnsVendor))
  const late = 'a vendor that is well again ten seconds before'
  test(`webPush: ${late}`, (t) => isWellAgainInTime(t, webPushVendor, { kind: 'answer', status: 503 }))
  test(`fcm: ${late}`, (t) => isWellAgainInTime(t, fcmVendor, { kind: 'error', code: 'UNAVAILABLE' }))
  test(`apns: ${late}`, (t) => isWellAgainInTime(t, apnsVendor, { kind: 'error', reason: 'TooManyRequests' }))
})
