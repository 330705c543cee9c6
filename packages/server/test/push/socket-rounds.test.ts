/** Sockets whose users are written down elsewhere, on both engines; and two nodes from end to end. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createApp } from '../../src/app.ts'
import { FakeSocket } from '../../src/channels/socket/fake-socket.ts'
import { FakeSocketClient } from '../../src/channels/socket/fake-socket-client.ts'
import { createSocketHub, type SocketUser } from '../../src/channels/socket/socket-hub.ts'
import { silentLog } from '../../src/kernel/log.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { closePresence, openPresence } from '../../src/push/presence.store.ts'
import { joinSenders } from '../../src/push/sender.store.ts'
import { startSocketRounds } from '../../src/push/socket-rounds.ts'
import type { Db } from '../../src/schema.ts'
import { APP_KEY } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { hurriedClock } from '../support/hurried-clock.ts'
import { openPushWorld, type User } from '../support/push-world.ts'
import { until } from '../support/until.ts'

const HERE = { senderId: 'here', seenAt: 1 }
const ALIVE = { senderId: 'there', seenAt: 1 }
const DEAD = { senderId: 'nobody', seenAt: 1 }
const LEASE_MS = 600_000

/** A node with sockets, which writes down who is connected unless it is told to wait. */
async function openNode(t: TestContext, database: Db) {
  const clock = new FakeClock()
  const waiting = new Set<string>()
  const wait = Promise.withResolvers<boolean>()
  const hub = createSocketHub({
    clock,
    log: silentLog,
    authenticate: async () => 'live',
    onConnected: (user) =>
      waiting.has(user.registrationId)
        ? wait.promise
        : database.write(openPresence, { ...keyOf(user.registrationId), ...HERE }),
    onDisconnected: async () => {},
    onEvent: () => {},
  })
  t.after(async () => {
    wait.resolve(true)
    await hub.stop()
  })
  const connect = ({ id }: User, isWaiting = false) => {
    if (isWaiting) waiting.add(id)
    const socket = new FakeSocket()
    socket.listener = hub.accept(socket, APP_KEY)
    socket.say({ type: 'hello', registration_id: id, device_secret: 's' })
    return socket
  }
  const startRounds = () => {
    const deps = { database, clock, log: silentLog, sender: { id: HERE.senderId } }
    const rounds = startSocketRounds(deps, hub)
    t.after(() => rounds.stop())
  }
  return { clock, hub, connect, startRounds }
}

function keyOf(id: string): SocketUser {
  return { appKey: APP_KEY, registrationId: id as RegistrationId }
}

forEachEngine('a round over the sockets of a node', (open, engine) => {
  test('closes those whose users are written down elsewhere or nowhere, and no other', async (t) => {
    const world = await openPushWorld(t, open)
    const { database } = world.app.deps
    for (const { senderId } of [HERE, ALIVE])
      await database.write(joinSenders, { senderId, leaseMs: LEASE_MS, isAlone: false })
    const names = ['stays', 'moved', 'forgotten', 'strayed', 'comes'] as const
    const [stays, moved, forgotten, strayed, comes] = await Promise.all(
      names.map((name) => world.register(name)),
    )
    assert.ok(stays && moved && forgotten && strayed && comes)
    const node = await openNode(t, database)
    const sockets = [stays, moved, forgotten, strayed].map((user) => node.connect(user))
    await until('they are written down', () => [...node.hub.connected()].length === 4)
    sockets.push(node.connect(comes, true))
    await until('the last is welcomed', () => node.hub.isConnected(keyOf(comes.id)))
    await database.write(openPresence, { ...keyOf(moved.id), ...ALIVE })
    await database.write(openPresence, { ...keyOf(strayed.id), ...DEAD })
    await database.write(closePresence, [{ ...keyOf(forgotten.id), ...HERE }])
    const ends = () => sockets.map(({ end }) => end)

    node.startRounds()
    await until('a round is done', () => ends().filter((end) => end !== undefined).length === 3)
    assert.deepEqual(ends(), [undefined, 4409, 1012, 1012, undefined])

    await database.write(openPresence, { ...keyOf(stays.id), ...ALIVE })
    await node.clock.advance(30_000)
    await until('the next round is done', () => ends()[0] !== undefined)
    assert.deepEqual(ends(), [4409, 4409, 1012, 1012, undefined])
  })

  const isShared = engine === 'postgres'
  if (isShared)
    test('ends the socket of a user who has opened a newer one on another node', async (t) => {
      const world = await openPushWorld(t, open, { clock: hurriedClock(4) })
      const other = await createApp(world.app.deps)
      t.after(() => other.stop())
      const alice = await world.register('alice')
      const connectTo = async ({ http }: typeof other) => {
        const address = await http.listen({ host: '127.0.0.1', port: 0 })
        const client = new FakeSocketClient({
          url: `${address.replace('http', 'ws')}/client/v1/apps/${APP_KEY}/socket`,
          registrationId: alice.id,
          deviceSecret: alice.secret,
        })
        t.after(() => client.close())
        assert.equal(await client.welcomed, true)
        return client
      }
      const older = await connectTo(world.app.app)
      const newer = await connectTo(other)
      assert.equal((await older.closed).code, 4409)
      const options = { third_party_channel: { fcm: { distribution_new: 'mtpush' } } }
      const msgId = await world.push({ registration_id: [alice.id] }, { options })
      assert.equal((await newer.next())?.msg_id, msgId)
      assert.equal(older.messages.length, 0)
    })
})
