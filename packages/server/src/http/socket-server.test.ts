import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { messageFrame } from '@lethe/protocol/socket.ts'
import { WebSocket } from 'ws'
import { APP_KEY, startTestApp } from '../../test/support/app.ts'
import { until } from '../../test/support/until.ts'
import { assertAnswer, send } from '../../test/support/wire.ts'
import { createAppDirectory } from '../apps/find-app.ts'
import { createSeal } from '../apps/seal.ts'
import { FakeSocketClient } from '../channels/socket/fake-socket-client.ts'
import { openSocket } from '../channels/socket/socket.routes.ts'
import { createSocketHub, type SocketHub } from '../channels/socket/socket-hub.ts'
import { operation } from '../kernel/operation.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { answer } from '../kernel/reply.ts'
import { createAdmissions } from './admit.ts'
import { createHttpMetrics } from './metrics.ts'
import { client } from './routes.ts'
import { createHttpServer } from './server.ts'
import { createSocketServer } from './socket-server.ts'

const PATH = `/client/v1/apps/${APP_KEY}/socket`
const alice = { appKey: APP_KEY, registrationId: 'alice' as RegistrationId }
const signal = new AbortController().signal
const UPGRADE = {
  connection: 'close, Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

interface World {
  readonly hub: SocketHub
  readonly port: number
  readonly url: string
  readonly told: string[]
  connect(options?: { received?: string[]; isAcking?: boolean; deviceSecret?: string }): FakeSocketClient
}

/** A real server with the real admission of a real app, and a registry in which everybody with the right secret is live. */
async function startWorld(
  t: TestContext,
  settings: { rateLimit?: number; connectionsMax?: number } = {},
): Promise<World> {
  const app = await startTestApp()
  const { clock, log, database, random, secretKey } = app.deps
  const told: string[] = []
  const hub = createSocketHub({
    clock,
    log,
    authenticate: async (_user, deviceSecret) => (deviceSecret === 'right' ? 'live' : 'wrongSecret'),
    onConnected: async () => told.push('connected') > 0,
    onDisconnected: async () => void told.push('disconnected'),
    onEvent: (_user, { msgId, event }) => told.push(`${event} ${msgId}`),
    ...(settings.connectionsMax && { connectionsMax: settings.connectionsMax }),
  })
  const metrics = createHttpMetrics()
  const plain = operation({
    id: 'plain',
    summary: 'p',
    schema: { answers: { 200: {} } },
    handle: () => answer({}),
  })
  const http = await createHttpServer({
    ...app.deps,
    routes: [
      client('GET', '/client/v1/apps/:app_key', plain),
      client('GET', '/client/v1/apps/:app_key/socket', openSocket()),
    ],
    admissions: createAdmissions({
      apps: createAppDirectory({ database, seal: createSeal(secretKey, random), clock }),
      database,
      clock,
      rateLimit: settings.rateLimit,
      publicOrigin: undefined,
      onRateLimited: metrics.countRateLimited,
    }),
    nameFailure: () => undefined,
    metrics,
    trustedProxies: [],
    takeUpgrade: createSocketServer((socket, appKey) => hub.accept(socket, appKey)),
  })
  const port = Number(new URL(await http.listen({ host: '127.0.0.1', port: 0 })).port)
  t.after(async () => {
    await hub.stop()
    await http.close()
    await app.close()
  })
  const url = `ws://127.0.0.1:${port}${PATH}`
  const connectTo = (options = {}) =>
    new FakeSocketClient({ url, registrationId: 'alice', deviceSecret: 'right', ...options })
  return { hub, port, url, told, connect: connectTo }
}

function messageOf(msgId: number) {
  const message = { v: 1, msg_id: String(msgId), tag: 't', kind: 'message', content: 'Grüße' } as const
  return { msgId, frame: messageFrame(message) }
}

/** A socket of the library, said hello over: one that can be watched closely. */
async function openRaw(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'hello', registration_id: 'alice', device_secret: 'right' }))
  await once(socket, 'message')
  return socket
}

test('from the upgrade to the acknowledgement, the report and the withdrawal', async (t) => {
  const { hub, told, connect } = await startWorld(t)
  const socket = connect()
  assert.equal(await socket.welcomed, true)
  const delivered = hub.deliver(alice, messageOf(1), signal)
  assert.deepEqual(await socket.next(), { v: 1, msg_id: '1', tag: 't', kind: 'message', content: 'Grüße' })
  assert.equal(await delivered, 'acked')
  socket.report('1', 'shown')
  await until('the report', () => told.includes('shown 1'))
  hub.withdraw(APP_KEY, 1)
  await until('the withdrawal', () => socket.withdrawn.includes('1'))
  assert.equal((await socket.close()).code, 1005)
  await until('the end', () => told.includes('disconnected'))
  assert.deepEqual([hub.size, hub.isConnected(alice)], [0, false])
})

test('a message that was not acknowledged before the socket broke off comes again, and one that was does not', async (t) => {
  const { hub, url, connect } = await startWorld(t)
  const first = await openRaw(url)
  const delivered = hub.deliver(alice, messageOf(1), signal)
  await once(first, 'message')
  first.terminate()
  assert.equal(await delivered, 'unacked')
  const second = connect({ received: ['1'] })
  assert.equal(await second.welcomed, true)
  assert.equal(await hub.deliver(alice, messageOf(1), signal), 'acked')
  assert.deepEqual(second.messages, [])
})

test('closes say why', async (t) => {
  const { hub, url, connect } = await startWorld(t)
  const wrong = connect({ deviceSecret: 'wrong' })
  assert.deepEqual([await wrong.welcomed, (await wrong.closed).code], [false, 4401])
  const [older, newer] = [connect(), connect()]
  const replaced = await Promise.race([older.closed, newer.closed])
  assert.equal(replaced.code, 4409)
  hub.closeDeleted(alice)
  const codes = [(await older.closed).code, (await newer.closed).code]
  assert.deepEqual(codes.sort(), [4409, 4410])
  const odd = await openRaw(url)
  odd.send(Buffer.from('{}'), { binary: true })
  assert.equal((await once(odd, 'close'))[0], 4400)
  const long = await openRaw(url)
  long.send('x'.repeat(4097))
  assert.equal((await once(long, 'close'))[0], 1009)
})

test('frames are not compressed, whatever the client offers', async (t) => {
  const { url } = await startWorld(t)
  const socket = await openRaw(url)
  assert.equal(socket.extensions, '')
  socket.terminate()
})

test('a full node says so', async (t) => {
  const { connect } = await startWorld(t, { connectionsMax: 1 })
  const [first, second] = [connect(), connect({ deviceSecret: 'right' })]
  const end = await Promise.race([first.closed, second.closed])
  assert.equal(end.code, 4429)
})

test('who asks for no WebSocket hears that one is needed', async (t) => {
  const { port } = await startWorld(t)
  const body = '{"error":{"code":21001,"message":"this path answers to WebSocket only"}}'
  const headers = { upgrade: 'websocket', 'sec-websocket-version': '13', connection: 'close, upgrade' }
  assertAnswer(await send(port, `GET ${PATH}`), { status: 426, body, headers })
  assertAnswer(await send(port, `GET ${PATH}`, { headers: { ...UPGRADE, upgrade: 'h2c' } }), {
    status: 426,
    body,
    headers,
  })
  const older = { ...UPGRADE, 'sec-websocket-version': '8' }
  assertAnswer(await send(port, `GET ${PATH}`, { headers: older }), { status: 426, body, headers })
  // What is asked for is there, and the connection is not to be changed: a proxy has taken the header out.
  const { status } = await send(port, `GET ${PATH}`, { headers: { ...UPGRADE, connection: 'close' } })
  assert.equal(status, 426)
})

test('what is refused is refused as everywhere, before the connection changes', async (t) => {
  const { port, hub } = await startWorld(t)
  const refused = async (line: string, more: Record<string, string> = {}) => {
    const { status, headers, body } = await send(port, line, { headers: { ...UPGRADE, ...more } })
    assert.equal(headers['content-type'], 'application/json; charset=utf-8')
    return [status, (JSON.parse(body) as { error: { code: number } }).error.code]
  }
  assert.deepEqual(await refused('GET /client/v1/apps/nobody/socket'), [404, 21008])
  assert.deepEqual(await refused(`GET ${PATH}`, { origin: 'https://evil.example' }), [403, 23009])
  assert.deepEqual(await refused(`GET ${PATH}`, { 'sec-websocket-key': 'short' }), [400, 21003])
  assert.deepEqual(await refused('GET /nowhere'), [404, 21001])
  assert.deepEqual(await refused(`POST ${PATH}`), [405, 21001])
  assert.equal(hub.size, 0)
})

test('a page of the same host is let in', async (t) => {
  const { port } = await startWorld(t)
  const socket = await upgrade(port, { origin: 'http://127.0.0.1' })
  socket.destroy()
})

test('a request that asks for a WebSocket where there is none is answered as if it had not', async (t) => {
  const { port } = await startWorld(t)
  const { status, body } = await send(port, `GET /client/v1/apps/${APP_KEY}`, { headers: UPGRADE })
  assert.deepEqual([status, body], [200, '{}'])
})

test('whoever opens sockets too quickly waits, like every other client', async (t) => {
  const { port } = await startWorld(t, { rateLimit: 500 })
  const headers = { ...UPGRADE, 'sec-websocket-key': 'short' }
  const answers = await Promise.all(Array.from({ length: 200 }, () => send(port, `GET ${PATH}`, { headers })))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [400, 429])
  assert.equal(answers.find(({ status }) => status === 429)?.headers['retry-after'], '1')
})

test('what a client says together with its request is heard', async (t) => {
  const { port, told } = await startWorld(t)
  const socket = await upgrade(
    port,
    {},
    frameOf({ type: 'hello', registration_id: 'alice', device_secret: 'right' }),
  )
  await until('the hello', () => told.includes('connected'))
  socket.destroy()
  await until('the end', () => told.includes('disconnected'))
})

test('a stop ends sockets within seconds, also those that answer nothing', async (t) => {
  const { hub, port, connect } = await startWorld(t)
  const polite = connect()
  assert.equal(await polite.welcomed, true)
  const deaf = await upgrade(port)
  deaf.pause()
  const begun = performance.now()
  await hub.stop()
  assert.ok(performance.now() - begun < 4_000)
  assert.equal((await polite.closed).code, 1012)
  await until('the end of all', () => hub.size === 0)
  deaf.destroy()
})

/** Asks for a WebSocket by hand, with `more` right behind the request; resolves once it is there. */
async function upgrade(
  port: number,
  headers: Record<string, string> = {},
  more: Uint8Array = Buffer.alloc(0),
): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const lines = Object.entries({ host: '127.0.0.1', ...UPGRADE, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  socket.write(Buffer.concat([Buffer.from(`GET ${PATH} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`), more]))
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  assert.match(chunk.toString('latin1'), /^HTTP\/1\.1 101 /)
  return socket
}

/** A text frame of a client, masked with zeros (RFC 6455 section 5.2); at most 125 bytes. */
function frameOf(value: object): Buffer {
  const text = Buffer.from(JSON.stringify(value))
  assert.ok(text.length <= 125)
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text])
}
