import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { Agent, request } from 'node:https'
import { type TestContext, test } from 'node:test'
import webPush, { type WebPushError } from 'web-push'
import { systemClock } from '../../kernel/clock.ts'
import { mintWebPushCredentials } from './credentials.ts'
import type { FakeSubscription } from './fake-mailbox.ts'
import { startFakeWebPush } from './fake-web-push.ts'

const credentials = mintWebPushCredentials('mailto:push@site.example')

/** A fake push service, and the `web-push` library to send to it. */
async function world(t: TestContext) {
  const clock = { ...systemClock(), skewMs: 0, now: () => Date.now() + clock.skewMs }
  const fake = await startFakeWebPush({ clock })
  const agent = new Agent({ ca: fake.ca, keepAlive: true })
  t.after(() => {
    agent.destroy()
    return fake.close()
  })
  const send = async (subscription: FakeSubscription, text: string, options: webPush.RequestOptions = {}) => {
    try {
      const sent = await webPush.sendNotification(subscription.toJSON(), text, {
        vapidDetails: credentials,
        TTL: 60,
        agent,
        ...options,
      })
      return { status: sent.statusCode, body: sent.body }
    } catch (error) {
      const { statusCode: status, body } = error as WebPushError
      return { status, body }
    }
  }
  return { fake, agent, clock, send }
}

function textsOf({ received }: FakeSubscription): (string | undefined)[] {
  return received.map(({ text }) => text)
}

test('what web-push sends arrives, and is read', async (t) => {
  const { fake, send } = await world(t)
  const subscription = fake.subscribe(credentials.publicKey)
  const { status } = await send(subscription, 'Hello ✓', { urgency: 'high', topic: 'news' })
  assert.equal(status, 201)
  await subscription.waitFor(1)
  const [{ body: _, ...received } = { body: undefined }] = subscription.received
  assert.deepEqual(received, {
    text: 'Hello ✓',
    ttlSeconds: 60,
    urgency: 'high',
    topic: 'news',
    publicKey: credentials.publicKey,
  })
  assert.equal(fake.requestCount, 1)
})

test('it speaks HTTP/2 too', async (t) => {
  const { fake } = await world(t)
  const session = connect(fake.origin, { ca: fake.ca })
  t.after(() => session.close())
  const stream = session.request({ ':method': 'POST', ':path': '/push/unknown' })
  const status = await new Promise((resolve) => {
    stream.on('response', (headers) => resolve(headers[':status'])).resume()
    stream.end('body')
  })
  assert.equal(status, 404)
})

test('a subscription takes messages of the sender that it was made for alone', async (t) => {
  const { fake, send } = await world(t)
  const other = mintWebPushCredentials('mailto:other@site.example')
  const refused = await send(fake.subscribe(other.publicKey), 'Hello')
  assert.deepEqual(refused, { status: 403, body: '{"reason":"VapidPkHashMismatch"}' })
  assert.equal((await send(fake.subscribe(), 'Hello')).status, 201)
})

test('a signature for another time is refused', async (t) => {
  const { fake, send, clock } = await world(t)
  clock.skewMs = 25 * 3_600_000
  assert.deepEqual(await send(fake.subscribe(), 'Hello'), {
    status: 401,
    body: '{"reason":"ExpiredProviderToken"}',
  })
})

test('a body beyond 4096 bytes is refused, and one that nobody can read is noticed', async (t) => {
  const { fake, send } = await world(t)
  const subscription = fake.subscribe()
  assert.equal((await send(subscription, 'x'.repeat(3_994))).status, 413)
  assert.equal((await send(subscription, 'x'.repeat(3_993))).status, 201)
  const { keys } = fake.subscribe().toJSON()
  const confused = { toJSON: () => ({ ...subscription.toJSON(), keys }) } as FakeSubscription
  assert.equal((await send(confused, 'Hello')).status, 201)
  assert.deepEqual(
    textsOf(subscription).map((text) => text?.length),
    [3_993, undefined],
  )
})

test('a header that is missing or wrong is refused', async (t) => {
  const { fake, agent } = await world(t)
  const subscription = fake.subscribe()
  const { headers, body } = webPush.generateRequestDetails(subscription.toJSON(), 'Hello', {
    vapidDetails: credentials,
    TTL: 60,
  })
  const post = (more: Record<string, string>, method = 'POST') =>
    new Promise((resolve, reject) => {
      const options = { method, agent, headers: { ...headers, ...more } }
      request(subscription.endpoint, options, (response) => {
        resolve(response.resume().statusCode)
      })
        .on('error', reject)
        .end(body)
    })
  assert.equal(await post({}), 201)
  assert.equal(await post({ TTL: '' }), 400)
  assert.equal(await post({ TTL: '-1' }), 400)
  assert.equal(await post({ Urgency: 'now' }), 400)
  assert.equal(await post({ Topic: 'a'.repeat(32) }), 201)
  assert.equal(await post({ Topic: 'a'.repeat(33) }), 400)
  assert.equal(await post({ Topic: 'a b' }), 400)
  assert.equal(await post({ 'Content-Encoding': 'aesgcm' }), 400)
  assert.equal(await post({ Authorization: '' }), 401)
  assert.equal(await post({}, 'PUT'), 405)
  assert.equal(subscription.received.length, 2)
})

test('a browser that was offline gets what is still worth something', async (t) => {
  const { fake, send, clock } = await world(t)
  const subscription = fake.subscribe()
  subscription.goOffline()
  await send(subscription, 'now or never', { TTL: 0 })
  await send(subscription, 'short', { TTL: 60 })
  await send(subscription, 'first', { TTL: 600, topic: 'score' })
  await send(subscription, 'other', { TTL: 61 })
  await send(subscription, 'second', { TTL: 600, topic: 'score' })
  assert.deepEqual(textsOf(subscription), [])
  clock.skewMs = 60_500
  subscription.goOnline()
  assert.deepEqual(textsOf(subscription), ['other', 'second'])
  await send(subscription, 'live', { TTL: 0, vapidDetails: credentials })
  assert.deepEqual(textsOf(subscription), ['other', 'second', 'live'])
})

test('a subscription that ended is gone, and an unknown one was never there', async (t) => {
  const { fake, send } = await world(t)
  const subscription = fake.subscribe()
  subscription.end()
  assert.equal((await send(subscription, 'Hello')).status, 410)
  const endpoint = `${fake.origin}/push/unknown`
  const unknown = { toJSON: () => ({ ...subscription.toJSON(), endpoint }) } as FakeSubscription
  assert.equal((await send(unknown, 'Hello')).status, 404)
})

test('a subscription answers as it was told to', async (t) => {
  const { fake, send } = await world(t)
  const subscription = fake.subscribe()
  subscription.behaviour = { kind: 'answer', status: 429, headers: { 'retry-after': '7' }, body: 'slow' }
  assert.deepEqual(await send(subscription, 'Hello'), { status: 429, body: 'slow' })
  assert.equal(subscription.received.length, 0)
  subscription.behaviour = { kind: 'delay', ms: 30 }
  const began = performance.now()
  assert.equal((await send(subscription, 'Hello')).status, 201)
  assert.ok(performance.now() - began >= 29)
  subscription.behaviour = { kind: 'hold' }
  assert.equal((await send(subscription, 'Hello', { timeout: 100 })).status, undefined)
  await subscription.waitFor(2)
  assert.deepEqual(textsOf(subscription), ['Hello', 'Hello'])
})

test('whoever does not wait for an answer harms nobody', async (t) => {
  const { fake, send, clock } = await world(t)
  const subscription = fake.subscribe()
  const answering = Promise.withResolvers<void>()
  clock.sleep = () => answering.promise
  subscription.behaviour = { kind: 'delay', ms: 1 }
  const { headers, body } = webPush.generateRequestDetails(subscription.toJSON(), 'Hello', {
    vapidDetails: credentials,
    TTL: 60,
  })
  const { Authorization, TTL, 'Content-Encoding': encoding } = headers as Record<string, string>
  const session = connect(fake.origin, { ca: fake.ca })
  const stream = session.request({
    ':method': 'POST',
    ':path': new URL(subscription.endpoint).pathname,
    authorization: Authorization,
    ttl: TTL,
    'content-encoding': encoding,
  })
  stream.end(body)
  await subscription.waitFor(1)
  session.destroy()
  answering.resolve()
  subscription.behaviour = { kind: 'take' }
  assert.equal((await send(subscription, 'Hello again')).status, 201)
  assert.deepEqual(textsOf(subscription), ['Hello', 'Hello again'])
})
