import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { until } from '../../../test/support/until.ts'
import type { RegistrationId, Token } from '../../kernel/personal.ts'
import type { Address, Outcome, RenderInput } from '../channel.ts'
import { createOutbound } from '../outbound/create-outbound.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { createApnsChannel } from './apns-channel.ts'
import { parseApnsCredentials } from './credentials.ts'
import { startFakeApns } from './fake-apns.ts'
import type { FakeReason } from './fake-reasons.ts'

const MINUTE_MS = 60_000
const TOKEN = 'ab'.repeat(32)
const OTHER = 'cd'.repeat(32)

const push: RenderInput = {
  msgId: 4711,
  platform: 'ios',
  language: null,
  collapseId: '4711',
  overriddenMsgId: null,
  push: {
    platforms: ['ios'],
    content: { kind: 'notification', ios: { alert: { title: 'Title', body: 'Body' } } },
    options: {
      timeToLiveSeconds: 60,
      bigPushMinutes: 0,
      languages: [],
      channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
      classification: 'operational',
    },
  },
}

interface Sending {
  readonly confirm?: () => Promise<boolean>
  readonly signal?: AbortSignal
  readonly environment?: Address['environment']
  readonly expiresAtSeconds?: number
}

/** `appleAheadMs`: by how much Apple's clock is ahead of ours. */
async function start(t: TestContext, { appleAheadMs = 0 } = {}) {
  const clock = new FakeClock()
  const now = () => clock.now() + appleAheadMs
  const fake = await startFakeApns({
    clock: { now, monotonic: now, sleep: (ms, signal) => clock.sleep(ms, signal) },
  })
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: fake.cert })
  t.after(async () => {
    await outbound.close()
    await fake.close()
  })
  const open = () => channelOf({ outbound, clock }, fake.credentials())
  return { clock, fake, open, ...open() }
}

function channelOf(deps: { outbound: Outbound; clock: FakeClock }, given: object, input: RenderInput = push) {
  const credentials = parseApnsCredentials(given)
  assert.ok(credentials.ok)
  const channel = createApnsChannel(deps, credentials.value)
  const rendered = channel.render(input)
  const send = (token: string, sending: Sending = {}): Promise<Outcome> => {
    const { environment = 'production', expiresAtSeconds = 1_060 } = sending
    const { confirm = async () => true, signal = new AbortController().signal } = sending
    const registrationId = 'r1' as RegistrationId
    return channel.send({
      rendered,
      address: { token: token as Token, p256dh: null, auth: null, environment, registrationId },
      ttlSeconds: 60,
      expiresAtSeconds,
      gate: { confirm, holds: () => true, signal },
    })
  }
  return { channel, send }
}

const retry = (reason: string, afterMs: number | null = null): Outcome => ({ kind: 'retry', afterMs, reason })
const ACCEPTED: Outcome = { kind: 'accepted' }

test('a push arrives at its token as it was rendered', async (t) => {
  const { fake, send } = await start(t)
  assert.deepEqual(await send(TOKEN), ACCEPTED)
  const [received] = fake.received(TOKEN)
  assert.deepEqual(received?.payload, {
    aps: { alert: { title: 'Title', body: 'Body' } },
    lethe: { v: 1, msg_id: '4711', kind: 'notification' },
  })
  const { 'apns-id': id, ...headers } = received?.headers ?? {}
  assert.match(id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(headers, {
    'apns-topic': 'com.example.app',
    'apns-push-type': 'alert',
    'apns-priority': '10',
    'apns-expiration': '1060',
    'apns-collapse-id': '4711',
  })
})

test('a push that is sent twice has the same id and the same collapse id, and that of another user another id', async (t) => {
  const { fake, send } = await start(t)
  for (const token of [TOKEN, TOKEN, OTHER]) await send(token)
  const ids = [...fake.received(TOKEN), ...fake.received(OTHER)].map(({ headers }) => headers['apns-id'])
  assert.equal(ids[0], ids[1])
  assert.notEqual(ids[0], ids[2])
})

test('a push that is for now or never says so, and a silent one spares the battery', async (t) => {
  const { fake, clock } = await start(t)
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: fake.cert })
  t.after(() => outbound.close())
  const content = { kind: 'message', content: 'text' } as const
  const silent = channelOf({ outbound, clock }, fake.credentials(), {
    ...push,
    push: { ...push.push, content },
  })
  assert.deepEqual(await silent.send(TOKEN, { expiresAtSeconds: 0 }), ACCEPTED)
  const { headers } = fake.received(TOKEN)[0] ?? {}
  assert.equal(headers?.['apns-expiration'], '0')
  assert.deepEqual([headers?.['apns-push-type'], headers?.['apns-priority']], ['background', '5'])
})

test('a thousand at once arrive once each, over few connections', async (t) => {
  const { fake, send } = await start(t)
  const tokens = Array.from({ length: 1_000 }, (_, number) => number.toString(16).padStart(64, '0'))
  const outcomes = await Promise.all(tokens.map((token) => send(token)))
  assert.ok(outcomes.every(({ kind }) => kind === 'accepted'))
  assert.ok(tokens.every((token) => fake.received(token).length === 1))
  assert.ok(fake.counts.connections <= 8)
})

const errors: [reason: FakeReason, outcome: Outcome][] = [
  ['BadDeviceToken', { kind: 'gone', sinceMs: null, reason: 'BadDeviceToken' }],
  ['Unregistered', { kind: 'gone', sinceMs: 900_000, reason: 'Unregistered' }],
  ['DeviceTokenNotForTopic', { kind: 'rejected', reason: 'DeviceTokenNotForTopic' }],
  ['PayloadTooLarge', { kind: 'rejected', reason: 'PayloadTooLarge' }],
  ['TooManyRequests', retry('TooManyRequests')],
  ['InternalServerError', retry('InternalServerError', 15 * MINUTE_MS)],
  ['Shutdown', retry('Shutdown')],
  ['InvalidProviderToken', retry('InvalidProviderToken', MINUTE_MS)],
]
for (const [reason, outcome] of errors)
  test(`${reason}: ${outcome.kind}`, async (t) => {
    const { fake, send } = await start(t)
    fake.behave(TOKEN, { kind: 'error', reason, ...(reason === 'Unregistered' && { timestamp: 900_000 }) })
    assert.deepEqual(await send(TOKEN), outcome)
    assert.equal(fake.counts.requests, 1)
  })

test('a sender that Apple refuses waits a minute, and then asks again', async (t) => {
  const { clock, fake, send } = await start(t)
  fake.behave(TOKEN, { kind: 'error', reason: 'TopicDisallowed' })
  assert.deepEqual(await send(TOKEN), retry('TopicDisallowed', MINUTE_MS))
  await clock.advance(20_000)
  assert.deepEqual(await send(OTHER), retry('TopicDisallowed', 40_000))
  assert.equal(fake.counts.requests, 1)
  await clock.advance(40_000)
  assert.deepEqual(await send(OTHER), ACCEPTED)
})

test('what the gate refuses is dropped, and no request for it leaves', async (t) => {
  const { fake, send } = await start(t)
  assert.deepEqual(await send(TOKEN, { confirm: async () => false }), { kind: 'dropped' })
  assert.equal(fake.counts.requests, 0)
})

test('a send that gets no answer in its time is put off', async (t) => {
  const { fake, send } = await start(t)
  fake.behave(TOKEN, { kind: 'hold' })
  assert.deepEqual(await send(TOKEN, { signal: AbortSignal.timeout(100) }), retry('deadline'))
})

for (const kind of ['goAway', 'refuse'] as const)
  test(`a stream that was not looked at (${kind}) is sent again, after the gate was asked again`, async (t) => {
    const { fake, send } = await start(t)
    await send(OTHER)
    fake.behave(TOKEN, { kind })
    let asked = 0
    assert.deepEqual(await send(TOKEN, { confirm: async () => ++asked > 0 }), ACCEPTED)
    assert.deepEqual([asked, fake.received(TOKEN).length], [2, 1])
    assert.equal(fake.counts.connections, kind === 'goAway' ? 2 : 1)
  })

test('the provider token is made anew every half hour, and Apple takes each', async (t) => {
  const { clock, fake, send } = await start(t)
  for (let minutes = 0; minutes < 180; minutes += 10) {
    assert.deepEqual(await send(TOKEN), ACCEPTED, `after ${minutes} minutes`)
    await clock.advance(10 * MINUTE_MS)
  }
  assert.equal(fake.counts.connections, 1)
})

test('a provider token that Apple calls expired is replaced once, and the gate asked again', async (t) => {
  // A token of ours is 5 to 35 minutes old.
  const { fake, send } = await start(t, { appleAheadMs: 59 * MINUTE_MS })
  let asked = 0
  const confirm = async () => ++asked > 0
  assert.deepEqual(await send(TOKEN, { confirm }), ACCEPTED)
  assert.deepEqual([asked, fake.counts.requests], [2, 2])
  assert.deepEqual(await send(TOKEN, { confirm }), ACCEPTED)
  assert.deepEqual([asked, fake.counts.requests], [3, 3])
})

test('with a clock that is half an hour slow all is well once a provider token was replaced', async (t) => {
  const { clock, fake, send } = await start(t, { appleAheadMs: 30 * MINUTE_MS })
  const outcomes: Outcome[] = []
  for (let minutes = 0; minutes < 240; minutes += 1) {
    outcomes.push(await send(TOKEN))
    await clock.advance(MINUTE_MS)
  }
  const lastRefused = outcomes.findLastIndex(({ kind }) => kind !== 'accepted')
  assert.ok(lastRefused < 20, `refused after ${lastRefused} minutes`)
  assert.equal(fake.counts.connections, 1)
})

test('a fresh provider token that is called expired too suspends the sender, and is not replaced again', async (t) => {
  const { clock, fake, send } = await start(t, { appleAheadMs: 120 * MINUTE_MS })
  assert.deepEqual(await send(TOKEN), retry('ExpiredProviderToken', MINUTE_MS))
  assert.equal(fake.counts.requests, 2)
  await clock.advance(MINUTE_MS)
  assert.deepEqual(await send(TOKEN), retry('ExpiredProviderToken', MINUTE_MS))
  assert.equal(fake.counts.requests, 3)
})

test('apps of several teams send side by side, each over connections of its own', async (t) => {
  const { fake, open } = await start(t)
  const apps = [open(), open()]
  for (const { send } of [...apps, ...apps]) assert.deepEqual(await send(TOKEN), ACCEPTED)
  assert.equal(fake.counts.connections, 2)
})

test('a token goes to its own environment, and one without to that of the push', async (t) => {
  const { clock, fake } = await start(t)
  const { endpoint: _, ...credentials } = fake.credentials()
  const hostFor = async (environment: Address['environment'], apnsProduction?: boolean) => {
    const hosts: string[] = []
    const resolve = async (host: string) => {
      hosts.push(host)
      return []
    }
    const outbound = createOutbound({ allowPrivateNetwork: false, resolve })
    const options = { ...push.push.options, ...(apnsProduction !== undefined && { apnsProduction }) }
    const input = { ...push, push: { ...push.push, options } }
    const { send } = channelOf({ outbound, clock }, credentials, input)
    assert.deepEqual(await send(TOKEN, { environment }), retry('unreachable'))
    await outbound.close()
    return hosts.join()
  }
  const [production, sandbox] = ['api.push.apple.com', 'api.sandbox.push.apple.com']
  assert.equal(await hostFor('production', false), production)
  assert.equal(await hostFor('sandbox', true), sandbox)
  assert.equal(await hostFor(null), production)
  assert.equal(await hostFor(null, true), production)
  assert.equal(await hostFor(null, false), sandbox)
})

test('after the end what was written runs on to its answer, and nothing else is written', async (t) => {
  const { fake, channel, send } = await start(t)
  fake.behave(TOKEN, { kind: 'delay', ms: 100 })
  const written = send(TOKEN)
  await until('it is written', () => fake.counts.requests === 1)
  await channel.close()
  assert.deepEqual(await send(OTHER), retry('closed'))
  assert.deepEqual(await written, ACCEPTED)
  assert.equal(fake.received(OTHER).length, 0)
})
