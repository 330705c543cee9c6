import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { closeCodes } from '@lethe/protocol/socket.ts'
import { captureLog } from '../../../test/support/capture-log.ts'
import { FakeClock, settled } from '../../../test/support/fake-clock.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import { FakeSocket } from './fake-socket.ts'
import { createSocketHub, type SocketHub, type SocketHubDeps, type SocketUser } from './socket-hub.ts'

const APP = 'app'
const alice = userOf('alice')
const signal = new AbortController().signal
const WELCOME = { type: 'welcome', ping_seconds: 60 }

function userOf(name: string, appKey = APP): SocketUser {
  return { appKey, registrationId: name as RegistrationId }
}

function messageOf(msgId: number) {
  return { msgId, frame: JSON.stringify({ type: 'message', message: { msg_id: String(msgId) } }) }
}

interface World {
  readonly hub: SocketHub
  readonly clock: FakeClock
  /** What the hub told, in its order. */
  readonly told: string[]
  readonly log: ReturnType<typeof captureLog>
  open(appKey?: string): FakeSocket
  /** A socket whose hello was welcomed. */
  connect(name: string, hello?: object): Promise<FakeSocket>
}

function worldOf(t: TestContext, deps: Partial<SocketHubDeps> = {}): World {
  const clock = new FakeClock()
  const told: string[] = []
  const log = captureLog()
  const hub = createSocketHub({
    clock,
    log: log.log,
    authenticate: async (_user, deviceSecret) => (deviceSecret === 'right' ? 'live' : 'wrongSecret'),
    onConnected: async ({ registrationId }) => {
      told.push(`connected ${registrationId}`)
      return true
    },
    onDisconnected: async ({ registrationId }) => {
      told.push(`disconnected ${registrationId}`)
    },
    onEvent: ({ registrationId }, { msgId, event }) => told.push(`${event} ${registrationId} ${msgId}`),
    ...deps,
  })
  t.after(() => hub.stop())
  const open = (appKey = APP) => {
    const socket = new FakeSocket()
    socket.listener = hub.accept(socket, appKey)
    return socket
  }
  const connect = async (name: string, hello: object = {}) => {
    const socket = open()
    socket.say({ type: 'hello', registration_id: name, device_secret: 'right', ...hello })
    await settled()
    return socket
  }
  return { hub, clock, told, log, open, connect }
}

/** Lets so many seconds pass, one after the other. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) await clock.advance(1_000)
}

function namesIn(hub: SocketHub): string[] {
  return [...hub.connected()].map(({ registrationId }) => registrationId)
}

test('a hello is welcomed, a message delivered, acknowledged, and what became of it told', async (t) => {
  const { hub, told, connect } = worldOf(t)
  const socket = await connect('alice')
  assert.equal(hub.isConnected(alice), true)
  assert.deepEqual(namesIn(hub), ['alice'])
  const delivered = hub.deliver(alice, messageOf(1), signal)
  assert.deepEqual(socket.sent, [WELCOME, { type: 'message', message: { msg_id: '1' } }])
  socket.ack(1)
  assert.equal(await delivered, 'acked')
  socket.say({ type: 'event', msg_id: '1', event: 'clicked' })
  assert.deepEqual(told, ['connected alice', 'clicked alice 1'])
})

test('an event says as well that the message arrived', async (t) => {
  const { hub, told, connect } = worldOf(t)
  const socket = await connect('alice')
  const delivered = hub.deliver(alice, messageOf(1), signal)
  socket.say({ type: 'event', msg_id: '1', event: 'shown' })
  assert.equal(await delivered, 'acked')
  assert.deepEqual(told, ['connected alice', 'shown alice 1'])
})

test('who is not live is closed with the reason, and is nobody here', async (t) => {
  for (const [standing, code] of [
    ['deleted', 4410],
    ['unknown', 4404],
    ['wrongSecret', 4401],
  ] as const) {
    const { hub, told, connect } = worldOf(t, { authenticate: async () => standing })
    const socket = await connect('alice')
    assert.deepEqual([socket.end, socket.sent, hub.isConnected(alice), told], [code, [], false, []])
    assert.equal(await hub.deliver(alice, messageOf(1), signal), 'notConnected')
  }
})

test('whoever is deleted between authentication and welcome is closed, and was not missed', async (t) => {
  const { hub, told, connect } = worldOf(t, { onConnected: async () => false })
  const socket = await connect('alice')
  assert.deepEqual([socket.end, hub.isConnected(alice)], [4410, false])
  await settled()
  assert.deepEqual(told, ['disconnected alice'])
})

test('a socket that is not written down yet is not told of, and closing it later hits no newer one', async (t) => {
  const written = Promise.withResolvers<boolean>()
  const { hub, connect } = worldOf(t, { onConnected: () => written.promise })
  const older = await connect('alice')
  assert.deepEqual([hub.isConnected(alice), namesIn(hub)], [true, []])
  written.resolve(true)
  await settled()
  const [told] = [...hub.connected()]
  const newer = await connect('alice')
  told?.close('lost')
  assert.deepEqual([older.end, newer.end], [4409, undefined])
  const [again] = [...hub.connected()]
  again?.close('replaced')
  assert.deepEqual([newer.end, hub.isConnected(alice)], [4409, false])
})

test('a storage that fails lets the client come back later, and the log names nobody', async (t) => {
  const failing = () => Promise.reject(new Error('alice'))
  for (const deps of [{ authenticate: failing }, { onConnected: failing }]) {
    const { hub, log, connect } = worldOf(t, deps)
    const socket = await connect('alice')
    assert.deepEqual([socket.end, hub.isConnected(alice)], [1013, false])
    assert.deepEqual(
      log.lines.map(({ event }) => event),
      ['socket.hello-failed'],
    )
    assert.doesNotMatch(log.text(), /alice/)
  }
})

test('a frame that is none, or comes at the wrong time, closes the socket', async (t) => {
  const { open, connect } = worldOf(t)
  const hello = { type: 'hello', registration_id: 'alice', device_secret: 'right' }
  const wrong = [{ type: 'ack', msg_id: '1' }, {}, { ...hello, extra: 1 }]
  for (const frame of wrong) {
    const socket = open()
    socket.say(frame)
    assert.equal(socket.end, closeCodes.badFrame)
    assert.ok(socket.reason.length > 0 && Buffer.byteLength(socket.reason) <= 123)
  }
  const impatient = open()
  impatient.say(hello)
  impatient.say(hello)
  assert.equal(impatient.end, closeCodes.badFrame)
  const eager = open()
  eager.say(hello)
  eager.ack(1)
  assert.equal(eager.end, closeCodes.badFrame)
  const twice = await connect('alice')
  twice.say(hello)
  assert.equal(twice.end, closeCodes.badFrame)
  const binary = await connect('alice')
  binary.listener?.heard(undefined)
  assert.equal(binary.end, closeCodes.badFrame)
})

test('a newer socket of a user takes the place of the older, and the user was there all the time', async (t) => {
  const { hub, told, connect } = worldOf(t)
  const older = await connect('alice')
  const unacked = hub.deliver(alice, messageOf(1), signal)
  const newer = await connect('alice')
  assert.equal(older.end, 4409)
  assert.equal(await unacked, 'unacked')
  const delivered = hub.deliver(alice, messageOf(2), signal)
  newer.ack(2)
  assert.equal(await delivered, 'acked')
  await settled()
  assert.deepEqual(told, ['connected alice', 'connected alice'])
  newer.leave()
  await settled()
  await settled()
  assert.deepEqual([told.at(-1), hub.isConnected(alice), hub.size], ['disconnected alice', false, 0])
})

test('the same id in two apps is two users', async (t) => {
  const { hub, connect, open } = worldOf(t)
  const here = await connect('alice')
  const there = open('other')
  there.say({ type: 'hello', registration_id: 'alice', device_secret: 'right' })
  await settled()
  assert.deepEqual([here.end, there.end], [undefined, undefined])
  hub.closeDeleted(userOf('alice', 'other'))
  assert.deepEqual([here.end, there.end, hub.isConnected(alice)], [undefined, 4410, true])
})

test('what is told about one user never overlaps: who comes back waits until the going is written', async (t) => {
  const written = Promise.withResolvers<void>()
  const { told, connect } = worldOf(t, {
    onDisconnected: async () => {
      await written.promise
      told.push('gone')
    },
  })
  const first = await connect('alice')
  first.leave()
  await settled()
  const second = await connect('alice')
  assert.deepEqual([told, second.sent], [['connected alice'], []])
  written.resolve()
  await settled()
  assert.deepEqual([told, second.sent], [['connected alice', 'gone', 'connected alice'], [WELCOME]])
})

test('a deletion ends what is under way at once, and nothing more is written', async (t) => {
  const { hub, told, connect } = worldOf(t)
  const socket = await connect('alice')
  const delivered = hub.deliver(alice, messageOf(1), signal)
  hub.closeDeleted(alice)
  assert.deepEqual([socket.end, hub.isConnected(alice)], [4410, false])
  assert.equal(await delivered, 'unacked')
  socket.ack(1)
  socket.say({ type: 'event', msg_id: '1', event: 'shown' })
  await settled()
  assert.deepEqual(told, ['connected alice', 'disconnected alice'])
  assert.equal(await hub.deliver(alice, messageOf(2), signal), 'notConnected')
})

test('of a deleted user nothing that is still in this process leaves it', async (t) => {
  const { hub, connect } = worldOf(t)
  const socket = await connect('alice')
  socket.bufferedAmount = 1
  hub.closeDeleted(alice)
  assert.equal(socket.end, 'terminated')
})

test('a hello has ten seconds', async (t) => {
  const { clock, open } = worldOf(t)
  const socket = open()
  await pass(clock, 10)
  assert.equal(socket.end, undefined)
  await pass(clock, 1)
  assert.equal(socket.end, 4408)
})

test('a client is not blamed for a storage that does not answer in time', async (t) => {
  const { clock, connect } = worldOf(t, { authenticate: () => clock.sleep(15_000).then(() => 'live') })
  const socket = await connect('alice')
  await pass(clock, 11)
  assert.equal(socket.end, 1013)
  await pass(clock, 5)
  assert.deepEqual(socket.sent, [])
})

test('a message has twenty seconds to be acknowledged; an acknowledgement that comes later counts the next time', async (t) => {
  const { hub, clock, connect } = worldOf(t)
  const socket = await connect('alice')
  const ends: string[] = []
  void hub.deliver(alice, messageOf(1), signal).then((end) => ends.push(end))
  await pass(clock, 20)
  assert.deepEqual(ends, [])
  await pass(clock, 1)
  assert.deepEqual(ends, ['unacked'])
  assert.equal(socket.end, undefined)
  socket.ack(1)
  assert.equal(await hub.deliver(alice, messageOf(1), signal), 'acked')
  assert.equal(socket.sent.length, 2)
})

test('the deadline of a send ends its wait', async (t) => {
  const { hub, connect } = worldOf(t)
  await connect('alice')
  const deadline = new AbortController()
  const delivered = hub.deliver(alice, messageOf(1), deadline.signal)
  deadline.abort()
  assert.equal(await delivered, 'unacked')
})

test('a message that is sent twice at once is written once', async (t) => {
  const { hub, connect } = worldOf(t)
  const socket = await connect('alice')
  const both = [hub.deliver(alice, messageOf(1), signal), hub.deliver(alice, messageOf(1), signal)]
  socket.ack(1)
  assert.deepEqual(await Promise.all(both), ['acked', 'acked'])
  assert.equal(socket.sent.length, 2)
})

test('what the client says it has is not sent again', async (t) => {
  const { hub, connect } = worldOf(t)
  const socket = await connect('alice', { received: ['1'] })
  assert.equal(await hub.deliver(alice, messageOf(1), signal), 'acked')
  assert.deepEqual(socket.sent, [WELCOME])
})

test('of the messages that a client has, the last fifty are known', async (t) => {
  const { hub, connect } = worldOf(t)
  const socket = await connect('alice')
  for (let msgId = 1; msgId <= 51; msgId++) socket.ack(msgId)
  socket.ack(51)
  void hub.deliver(alice, messageOf(1), signal)
  assert.equal(await hub.deliver(alice, messageOf(2), signal), 'acked')
  assert.equal(socket.sent.length, 2)
})

test('a client that speaks is not pinged; one that is silent is pinged after a minute', async (t) => {
  const { clock, connect } = worldOf(t)
  const socket = await connect('alice')
  await pass(clock, 30)
  socket.ack(1)
  await pass(clock, 59)
  assert.equal(socket.pings, 0)
  await pass(clock, 1)
  assert.equal(socket.pings, 1)
  socket.listener?.ponged()
  await pass(clock, 59)
  assert.equal(socket.pings, 1)
  await pass(clock, 1)
  assert.equal(socket.pings, 2)
})

test('two pings without an answer end the socket', async (t) => {
  const { hub, clock, connect } = worldOf(t)
  const socket = await connect('alice')
  await pass(clock, 179)
  assert.deepEqual([socket.pings, socket.end], [2, undefined])
  await pass(clock, 1)
  assert.deepEqual([socket.end, hub.isConnected(alice)], ['terminated', false])
})

test('a node that stood still for minutes asks its clients before it gives them up', async (t) => {
  const { clock, connect } = worldOf(t)
  const socket = await connect('alice')
  await clock.advance(600_000)
  assert.deepEqual([socket.pings, socket.end], [1, undefined])
})

test('a client that reads slowly gets nothing more, and is closed if it stays slow', async (t) => {
  const { hub, clock, connect } = worldOf(t)
  const socket = await connect('alice')
  socket.bufferedAmount = 256 * 1024 + 1
  const ends: string[] = []
  const deliver = (msgId: number) =>
    void hub.deliver(alice, messageOf(msgId), signal).then((end) => ends.push(end))
  deliver(1)
  await pass(clock, 10)
  assert.deepEqual([socket.sent, ends], [[WELCOME], []])
  socket.bufferedAmount = 256 * 1024
  await pass(clock, 11)
  assert.deepEqual([ends, socket.end], [['unacked'], undefined])
  deliver(1)
  assert.equal(socket.sent.length, 2)
  socket.bufferedAmount = 256 * 1024 + 1
  deliver(2)
  await pass(clock, 21)
  assert.deepEqual([ends, socket.end], [['unacked', 'unacked', 'unacked'], 4413])
})

test('a withdrawal is told once to those who have the message, and to nobody else', async (t) => {
  const { hub, connect } = worldOf(t)
  const [has, waits, other] = [await connect('has'), await connect('waits'), await connect('other')]
  void hub.deliver(userOf('has'), messageOf(1), signal)
  has.ack(1)
  const waiting = hub.deliver(userOf('waits'), messageOf(1), signal)
  for (let time = 0; time < 2; time++) hub.withdraw(APP, 1)
  hub.withdraw('another app', 1)
  const withdraw = { type: 'withdraw', msg_id: '1' }
  assert.deepEqual(has.sent.slice(2), [withdraw])
  assert.deepEqual(waits.sent.slice(2), [withdraw])
  assert.deepEqual(other.sent, [WELCOME])
  waits.ack(1)
  assert.equal(await waiting, 'acked')
  hub.withdraw(APP, 1)
  assert.deepEqual(waits.sent.slice(2), [withdraw])
})

test('a full node takes nobody more, until somebody has gone', async (t) => {
  const { hub, open, connect } = worldOf(t, { connectionsMax: 1 })
  const first = await connect('alice')
  const second = open()
  assert.equal(second.end, 4429)
  first.leave()
  await settled()
  await settled()
  assert.equal(hub.size, 0)
  assert.equal((await connect('bob')).end, undefined)
})

test('a node that does not see its database closes all, and takes them again', async (t) => {
  const { hub, connect } = worldOf(t)
  const sockets = [await connect('alice'), await connect('bob')]
  hub.closeAll()
  assert.deepEqual(
    sockets.map(({ end }) => end),
    [1012, 1012],
  )
  assert.deepEqual(namesIn(hub), [])
  assert.equal((await connect('alice')).end, undefined)
})

test('a stop closes all, cuts those that take their time, and waits until everything is told', async (t) => {
  const { hub, clock, told, open, connect } = worldOf(t)
  const [quick, stuck, silent] = [await connect('alice'), await connect('bob'), open()]
  stuck.isStuck = true
  let isStopped = false
  const stopped = hub.stop().then(() => {
    isStopped = true
  })
  await settled()
  assert.deepEqual([quick.end, stuck.end, silent.end, isStopped], [1012, 1012, 1012, false])
  assert.equal(open().end, 1012)
  await clock.advance(2_000)
  await stopped
  assert.deepEqual(told, ['connected alice', 'connected bob', 'disconnected alice', 'disconnected bob'])
  await settled()
  assert.equal(hub.size, 0)
  assert.equal(clock.nextMs, undefined)
})

test('a stop waits for a hello that is being looked up', async (t) => {
  const looked = Promise.withResolvers<'live'>()
  const { hub, told, connect } = worldOf(t, { authenticate: () => looked.promise })
  const socket = await connect('alice')
  const stopped = hub.stop()
  looked.resolve('live')
  await stopped
  assert.deepEqual([socket.end, told], [1012, []])
})
