import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import type { RegistrationId, Token } from '../../kernel/personal.ts'
import type { RenderInput } from '../channel.ts'
import { createOutbound } from '../outbound/create-outbound.ts'
import { mintWebPushCredentials } from './credentials.ts'
import { createEncryptionPool } from './encryption-pool.ts'
import type { FakeSubscription, SubscriptionJson } from './fake-mailbox.ts'
import { startFakeWebPush } from './fake-web-push.ts'
import { createWebPushChannel } from './web-push-channel.ts'

const credentials = mintWebPushCredentials('mailto:push@site.example')

const eventTokenFor = (registrationId: string, msgId: number) => `${registrationId}-${msgId}`.padEnd(22, '-')

async function world(t: TestContext) {
  const clock = { ...systemClock(), skewMs: 0, now: () => Date.now() + clock.skewMs }
  const fake = await startFakeWebPush()
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: fake.ca })
  const encryption = createEncryptionPool({ threadCount: 1, onFault: (error) => assert.fail(String(error)) })
  t.after(async () => {
    await Promise.all([encryption.close(), outbound.close()])
    await fake.close()
  })
  const channel = createWebPushChannel({ outbound, encryption, clock, eventTokenFor }, credentials)
  const subscribe = () => fake.subscribe(credentials.publicKey)
  return { fake, clock, outbound, encryption, channel, subscribe, send: senderOf(channel) }
}

interface SendMore {
  readonly render?: Partial<RenderInput>
  readonly ttlSeconds?: number
  readonly confirm?: () => boolean
  readonly signal?: AbortSignal
}

function senderOf(channel: ReturnType<typeof createWebPushChannel>) {
  return (to: FakeSubscription | SubscriptionJson, more: SendMore = {}) => {
    const { endpoint, keys } = 'toJSON' in to ? to.toJSON() : to
    return channel.send({
      rendered: channel.render({ ...renderInput, ...more.render }),
      address: {
        token: endpoint as Token,
        p256dh: keys.p256dh as Token,
        auth: keys.auth as Token,
        environment: null,
        registrationId: 'r1' as RegistrationId,
      },
      ttlSeconds: more.ttlSeconds ?? 60,
      expiresAtSeconds: 0,
      gate: {
        confirm: async () => more.confirm?.() ?? true,
        holds: () => true,
        signal: more.signal ?? new AbortController().signal,
      },
    })
  }
}

const renderInput: RenderInput = {
  msgId: 4711,
  platform: 'web',
  push: {
    platforms: ['web'],
    content: { kind: 'notification', web: { alert: { title: 'Title', body: 'Hello' }, buttons: [] } },
    options: {
      timeToLiveSeconds: 60,
      bigPushMinutes: 0,
      languages: [{ language: 'de', content: 'Hallo' }],
      channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
      classification: 'operational',
    },
  },
  language: null,
  collapseId: '4711',
  overriddenMsgId: null,
}

function contentOf(body: string): Partial<RenderInput> {
  const content = { kind: 'notification', web: { alert: { body }, buttons: [] } } as const
  return { push: { ...renderInput.push, content } }
}

test('a push arrives at the browser, in the language of its user', async (t) => {
  const { subscribe, send } = await world(t)
  const subscription = subscribe()
  assert.deepEqual(await send(subscription, { render: { language: 'de' }, ttlSeconds: 77 }), {
    kind: 'accepted',
    vendor: 'other',
  })
  const [received] = subscription.received
  assert.deepEqual(JSON.parse(received?.text ?? ''), {
    v: 1,
    msg_id: '4711',
    tag: '4711',
    kind: 'notification',
    title: 'Title',
    body: 'Hallo',
    event_token: 'r1-4711---------------',
  })
  assert.deepEqual([received?.ttlSeconds, received?.urgency], [77, 'normal'])
})

test('many at once arrive, each at its own browser', async (t) => {
  const { subscribe, send } = await world(t)
  const subscriptions = Array.from({ length: 200 }, subscribe)
  await Promise.all(subscriptions.map((to, place) => send(to, { render: contentOf(`push ${place}`) })))
  assert.deepEqual(
    subscriptions.map(({ received }) => received.map(({ text }) => JSON.parse(text ?? '{}').body)),
    subscriptions.map((_, place) => [`push ${place}`]),
  )
})

test('the gate is asked last, and when it refuses nothing leaves', async (t) => {
  const { fake, channel, outbound, clock, encryption, subscribe } = await world(t)
  const steps: string[] = []
  const watched = createWebPushChannel(
    {
      outbound,
      clock,
      eventTokenFor,
      encryption: {
        encrypt: async (job) => {
          const encrypted = await encryption.encrypt(job)
          steps.push('encrypted')
          return encrypted
        },
      },
    },
    credentials,
  )
  const confirm = () => {
    steps.push('asked')
    return false
  }
  assert.deepEqual(await senderOf(watched)(subscribe(), { confirm }), { kind: 'dropped' })
  assert.deepEqual(steps, ['encrypted', 'asked'])
  assert.equal(fake.requestCount, 0)
  assert.equal(channel.name, 'webPush')
})

test('a subscription that ended is gone', async (t) => {
  const { subscribe, send } = await world(t)
  const subscription = subscribe()
  const { endpoint, ...rest } = subscription.toJSON()
  subscription.end()
  const gone = { kind: 'gone', sinceMs: null }
  assert.deepEqual(await send(subscription), { ...gone, reason: 'http 410 Unregistered' })
  const unknown = { ...rest, endpoint: `${endpoint}x` }
  assert.deepEqual(await send(unknown), { ...gone, reason: 'http 404 UnknownSubscription' })
})

test('a service that is busy is asked again when it says', async (t) => {
  const { subscribe, send } = await world(t)
  const subscription = subscribe()
  subscription.behaviour = { kind: 'answer', status: 429, headers: { 'retry-after': '7' } }
  assert.deepEqual(await send(subscription), { kind: 'retry', afterMs: 7_000, reason: 'http 429' })
  subscription.behaviour = { kind: 'answer', status: 503 }
  assert.deepEqual(await send(subscription), { kind: 'retry', afterMs: null, reason: 'http 503' })
})

test('a subscription for other keys is refused for good, and not asked twice', async (t) => {
  const { fake, send, clock } = await world(t)
  await send(fake.subscribe(credentials.publicKey))
  clock.skewMs = 3_600_000
  const other = mintWebPushCredentials('mailto:other@site.example')
  const outcome = await send(fake.subscribe(other.publicKey))
  assert.deepEqual(outcome, { kind: 'rejected', reason: 'http 403 other vapid key' })
  assert.equal(fake.requestCount, 2)
})

test('a signature that is refused is made anew once, and the gate asked again', async (t) => {
  const { fake, clock, subscribe, send } = await world(t)
  const subscription = subscribe()
  subscription.behaviour = { kind: 'answer', status: 401 }
  const refused = { kind: 'rejected', reason: 'http 401' }
  assert.deepEqual(await send(subscription), refused)
  assert.equal(fake.requestCount, 1)

  clock.skewMs = 3_600_000
  assert.deepEqual(await send(subscription), refused)
  assert.equal(fake.requestCount, 3)

  clock.skewMs = 2 * 3_600_000
  let asked = 0
  const confirm = () => {
    asked++
    if (asked === 2) subscription.behaviour = { kind: 'take' }
    return true
  }
  assert.deepEqual(await send(subscription, { confirm }), { kind: 'accepted', vendor: 'other' })
  assert.deepEqual([asked, fake.requestCount, subscription.received.length], [2, 5, 1])
})

test('an address that lacks something, or has keys that are none, is refused before anything leaves', async (t) => {
  const { fake, channel, subscribe, send } = await world(t)
  const { endpoint, keys, ...rest } = subscribe().toJSON()
  const p256dh = Buffer.alloc(65, 4).toString('base64url')
  const unusable = { kind: 'rejected', reason: 'keys unusable' }
  assert.deepEqual(await send({ ...rest, endpoint, keys: { ...keys, p256dh } }), unusable)
  const input = { rendered: channel.render(renderInput), ttlSeconds: 60, expiresAtSeconds: 0 }
  const address = { token: endpoint as Token, environment: null, registrationId: 'r1' as RegistrationId }
  const gate = { confirm: async () => true, holds: () => true, signal: new AbortController().signal }
  const incomplete = await channel.send({ ...input, gate, address: { ...address, p256dh: null, auth: null } })
  assert.deepEqual(incomplete, { kind: 'rejected', reason: 'subscription incomplete' })
  assert.equal(fake.requestCount, 0)
})

test('a message that is too large is refused, here and when a push is accepted', async (t) => {
  const { fake, channel, subscribe, send } = await world(t)
  const render = contentOf('x'.repeat(4_000))
  assert.equal(channel.refusalOf(channel.render({ ...renderInput, ...render }))?.error, 'contentTooLarge')
  assert.deepEqual(await send(subscribe(), { render }), { kind: 'rejected', reason: 'too large' })
  assert.equal(fake.requestCount, 0)
})

test('the deadline ends a send wherever it stands', async (t) => {
  const { subscribe, send, outbound, clock } = await world(t)
  const subscription = subscribe()
  subscription.behaviour = { kind: 'hold' }
  const controller = new AbortController()
  const waiting = send(subscription, { signal: controller.signal })
  await subscription.waitFor(1)
  controller.abort()
  const late = { kind: 'retry', afterMs: null, reason: 'deadline' }
  assert.deepEqual(await waiting, late)

  const stuck = { encrypt: () => new Promise<never>(() => {}) }
  const channel = createWebPushChannel({ outbound, clock, eventTokenFor, encryption: stuck }, credentials)
  const later = new AbortController()
  const encrypting = senderOf(channel)(subscription, { signal: later.signal })
  later.abort()
  assert.deepEqual(await encrypting, late)
  assert.deepEqual(await send(subscription, { signal: AbortSignal.abort() }), late)
})

test('an address inside the own network is refused unless that is allowed', async (t) => {
  const { fake, encryption, clock, subscribe } = await world(t)
  const outbound = createOutbound({ allowPrivateNetwork: false, ca: fake.ca })
  t.after(() => outbound.close())
  const send = senderOf(createWebPushChannel({ outbound, encryption, clock, eventTokenFor }, credentials))
  assert.deepEqual(await send(subscribe()), { kind: 'rejected', reason: 'addressRefused' })
  assert.equal(fake.requestCount, 0)
})

test('a service that is not there is asked another time', async (t) => {
  const { fake, subscribe, send } = await world(t)
  const subscription = subscribe()
  await fake.close()
  assert.deepEqual(await send(subscription), { kind: 'retry', afterMs: null, reason: 'unreachable' })
})

test('a send that cannot be encrypted now is put off', async (t) => {
  const { fake, encryption, subscribe, send } = await world(t)
  await encryption.close()
  const reason = 'encryption unavailable'
  assert.deepEqual(await send(subscribe()), { kind: 'retry', afterMs: null, reason })
  assert.equal(fake.requestCount, 0)
})

test('a send that is repeated arrives once at a browser that was offline', async (t) => {
  const { subscribe, send } = await world(t)
  const subscription = subscribe()
  subscription.goOffline()
  await send(subscription)
  await send(subscription)
  await send(subscription, { render: { collapseId: '4712' } })
  subscription.goOnline()
  assert.deepEqual(
    subscription.received.map(({ text }) => JSON.parse(text ?? '{}').tag),
    ['4711', '4712'],
  )
})
