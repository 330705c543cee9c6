import assert from 'node:assert/strict'
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import apn from '@parse/node-apn'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { type FakeApns, startFakeApns } from './fake-apns.ts'
import { ProviderToken } from './provider-token.ts'

const TOKEN = 'ab'.repeat(32)

interface World {
  readonly fake: FakeApns
  readonly clock: FakeClock
  connect(): ClientHttp2Session
}

async function start(t: TestContext): Promise<World> {
  const clock = new FakeClock()
  const fake = await startFakeApns({ clock })
  t.after(() => fake.close())
  const open = () => {
    const session = connect(fake.origin, { ca: fake.cert })
    t.after(() => session.destroy())
    return session
  }
  return { fake, clock, connect: open }
}

interface Posted {
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

/** Posts what Apple would take, but for what is given. */
async function post(
  session: ClientHttp2Session,
  bearer: string,
  { headers, body = '{"aps":{"alert":"a"}}' }: Posted = {},
): Promise<[status: number, reason: string | undefined]> {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/3/device/${TOKEN}`,
    authorization: `bearer ${bearer}`,
    'apns-topic': 'com.example.app',
    'apns-push-type': 'alert',
    ...headers,
  })
  stream.end(body)
  const status = new Promise<number>((resolve) =>
    stream.once('response', (answer) => resolve(Number(answer[':status']))),
  )
  const answer = await text(stream)
  return [await status, answer === '' ? undefined : JSON.parse(answer).reason]
}

test('@parse/node-apn delivers to it', async (t) => {
  const fake = await startFakeApns()
  t.after(() => fake.close())
  const { key, keyId, teamId, topic } = fake.credentials()
  const { hostname, port } = new URL(fake.origin)
  const provider = new apn.Provider({
    token: { key, keyId, teamId },
    address: hostname,
    port: Number(port),
    ca: [fake.cert],
  } as apn.ProviderOptions)
  t.after(() => provider.shutdown())
  const notification = new apn.Notification({
    alert: { title: 'Title', body: 'Body' },
    topic,
    payload: { order: 17 },
    collapseId: 'c1',
    pushType: 'alert',
    priority: 10,
    expiry: 2_000_000_000,
  })
  const { sent, failed } = await provider.send(notification, TOKEN)
  assert.deepEqual([sent.length, failed], [1, []])
  const [received] = fake.received(TOKEN)
  assert.deepEqual(received?.payload, { aps: { alert: { title: 'Title', body: 'Body' } }, order: 17 })
  assert.equal(received?.headers['apns-collapse-id'], 'c1')
})

const violations: [reason: string, status: number, given: Posted][] = [
  ['MethodNotAllowed', 405, { headers: { ':method': 'PUT' } }],
  ['BadPath', 404, { headers: { ':path': '/4/device/abc' } }],
  ['MissingDeviceToken', 400, { headers: { ':path': '/3/device/' } }],
  ['BadDeviceToken', 400, { headers: { ':path': '/3/device/xyz' } }],
  ['MissingTopic', 400, { headers: { 'apns-topic': undefined } }],
  ['TopicDisallowed', 400, { headers: { 'apns-topic': 'com.example.other' } }],
  ['MissingProviderToken', 403, { headers: { authorization: undefined } }],
  ['InvalidProviderToken', 403, { headers: { authorization: 'bearer a.b.c' } }],
  ['InvalidPushType', 400, { headers: { 'apns-push-type': 'loud' } }],
  ['BadPriority', 400, { headers: { 'apns-priority': '7' } }],
  ['BadPriority', 400, { headers: { 'apns-push-type': 'background', 'apns-priority': '10' } }],
  ['BadExpirationDate', 400, { headers: { 'apns-expiration': 'tomorrow' } }],
  ['BadCollapseId', 400, { headers: { 'apns-collapse-id': 'x'.repeat(65) } }],
  ['BadMessageId', 400, { headers: { 'apns-id': '17' } }],
  ['PayloadEmpty', 400, { body: '' }],
  ['PayloadEmpty', 400, { body: '{"aps":{}}' }],
  ['PayloadTooLarge', 413, { body: `{"aps":{"alert":"${'x'.repeat(4096)}"}}` }],
]
for (const [reason, status, given] of violations)
  test(`${reason}: ${JSON.stringify(given).slice(0, 80)}`, async (t) => {
    const { fake, clock, connect: open } = await start(t)
    const bearer = new ProviderToken(clock, fake.credentials()).current()
    const session = open()
    assert.deepEqual(await post(session, bearer, given), [status, reason])
    assert.deepEqual(await post(session, bearer), [200, undefined])
  })

test('a provider token is refused after an hour, with another key, and with another team on the connection', async (t) => {
  const { fake, clock, connect: open } = await start(t)
  const credentials = fake.credentials()
  const bearer = new ProviderToken(clock, credentials).current()
  const forged = { ...fake.credentials(), keyId: credentials.keyId, teamId: credentials.teamId }
  const other = new ProviderToken(clock, fake.credentials()).current()
  const session = open()
  assert.deepEqual(await post(session, new ProviderToken(clock, forged).current()), [
    403,
    'InvalidProviderToken',
  ])
  assert.deepEqual(await post(session, bearer), [200, undefined])
  assert.deepEqual(await post(session, other), [403, 'Forbidden'])
  assert.deepEqual(await post(open(), other), [200, undefined])
  await clock.advance(3_600_000)
  assert.deepEqual(await post(session, bearer), [403, 'ExpiredProviderToken'])
})

test('a new provider token is taken after 20 minutes on the same connection, and not before', async (t) => {
  const { fake, clock, connect: open } = await start(t)
  const credentials = fake.credentials()
  const first = new ProviderToken(clock, credentials).current()
  const session = open()
  assert.deepEqual(await post(session, first), [200, undefined])
  const second = new ProviderToken(clock, credentials).replacing('') ?? ''
  assert.deepEqual(await post(session, second), [200, undefined], 'the same time is the same token')
  await clock.advance(20 * 60_000 - 1)
  const early = newest(clock, credentials)
  assert.deepEqual(await post(session, early), [429, 'TooManyProviderTokenUpdates'])
  await clock.advance(1)
  assert.deepEqual(await post(session, early), [200, undefined])
})

/** One of this very moment. */
function newest(clock: FakeClock, credentials: ReturnType<FakeApns['credentials']>): string {
  const providerToken = new ProviderToken(clock, credentials)
  return providerToken.replacing(providerToken.current()) ?? ''
}

test('a connection has one stream until a valid provider token came over it', async (t) => {
  const { fake, clock, connect: open } = await start(t)
  const session = open()
  const streams: (number | undefined)[] = []
  session.on('remoteSettings', ({ maxConcurrentStreams }) => streams.push(maxConcurrentStreams))
  await post(session, 'a.b.c')
  assert.deepEqual(streams, [1])
  await post(session, new ProviderToken(clock, fake.credentials()).current())
  assert.deepEqual(streams, [1, 1_500])
})
