// size: one behaviour after the other, each read by itself.
/** Users reached over their own sockets, end to end: real sockets, on both engines. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createApp } from '../../src/app.ts'
import { FakeSocketClient } from '../../src/channels/socket/fake-socket-client.ts'
import { OutcomeUnknown } from '../../src/storage/errors.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'
import { faultyDatabase } from '../support/faulty-database.ts'
import { openPushWorld, type PushWorld, type User } from '../support/push-world.ts'
import { until } from '../support/until.ts'

const SOCKET_ONLY = { third_party_channel: { fcm: { distribution_new: 'mtpush' } } }
const SOCKET_FIRST = { third_party_channel: { fcm: { distribution_new: 'mtpush_pns' } } }

async function openWorld(t: TestContext, open: OpenDatabase): Promise<{ world: PushWorld; address: string }> {
  const world = await openPushWorld(t, open)
  const address = await world.app.app.http.listen({ host: '127.0.0.1', port: 0 })
  return { world, address }
}

interface Connecting {
  readonly address: string
  readonly user: Pick<User, 'id' | 'secret'>
  readonly isAcking?: boolean
}

function connect(t: TestContext, { address, user, ...given }: Connecting): FakeSocketClient {
  const client = new FakeSocketClient({
    url: `${address.replace('http', 'ws')}/client/v1/apps/aladdin/socket`,
    registrationId: user.id,
    deviceSecret: user.secret,
    ...given,
  })
  t.after(() => client.close())
  return client
}

async function statusOf(world: PushWorld, msgId: string, user: User): Promise<string | undefined> {
  const { body } = await world.call(
    'GET',
    `/v4/status/message?message_id=${msgId}&registration_ids=${user.id}`,
  )
  return (body as unknown as Record<string, { status: string }>)[user.id]?.status
}

forEachEngine('the own socket', (open, engine) => {
  test('gets what is for it alone, and what is for it first; the vendor gets the rest', async (t) => {
    const { world, address } = await openWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    const client = connect(t, { address, user: alice })
    assert.equal(await client.welcomed, true)
    const only = await world.push({ registration_id: [alice.id] }, { options: SOCKET_ONLY })
    const first = await world.push({ registration_id: [alice.id, bob.id] }, { options: SOCKET_FIRST })
    const vendor = await world.push({ registration_id: [alice.id] })
    await until('two came over the socket', () => client.messages.length === 2)
    assert.deepEqual(client.messages.map((message) => message.msg_id).sort(), [only, first].sort())
    await world.settled()
    assert.deepEqual(world.channels.receivers(first), [bob.token])
    assert.deepEqual(world.channels.receivers(vendor), [alice.token])
    await until('it counts as delivered', async () => (await statusOf(world, only, alice)) === 'delivered')
  })

  test('of a user without a token is the way to it, and keeps messages until it is opened', async (t) => {
    const { world, address } = await openWorld(t, open)
    const answer = await world.app.app.http.inject({
      method: 'POST',
      url: '/client/v1/apps/aladdin/registrations',
      body: { platform: 'web', tags: ['reader'] },
    })
    const user = { id: answer.json().registration_id, secret: answer.json().device_secret, token: '' }
    const first = connect(t, { address, user: user })
    assert.equal(await first.welcomed, true)
    await until('the user can be reached', async () => {
      const { headers } = await world.call('POST', '/v4/push/validate', {
        to: { tag: ['reader'] },
        body: { platform: 'all', notification: { alert: 'x' } },
      })
      return headers['lethe-reach'] === '1'
    })
    const online = await world.push({ tag: ['reader'] })
    await until('it came', () => first.messages.length === 1)
    await first.close()
    await until('it is known to be gone', async () => (await rowsIn(world, 'socket_presence')) === 0)
    const kept = await world.push({ tag: ['reader'] })
    const now = await world.push({ tag: ['reader'] }, { options: { time_to_live: 0 } })
    await until('it waits', async () => (await rowsIn(world, 'pending_message')) === 1)
    // Before the next socket is opened: it would come over that.
    await until('the other is over', async () => (await statusOf(world, now, user)) === 'failed')
    const again = connect(t, { address, user: user })
    await until('what waited came', () => again.messages.length === 1)
    assert.deepEqual([first.messages[0]?.msg_id, again.messages[0]?.msg_id], [online, kept])
    await until('nothing waits', async () => (await rowsIn(world, 'pending_message')) === 0)
  })

  test('that did not acknowledge gets the message again, the next one over', async (t) => {
    const { world, address } = await openWorld(t, open)
    const alice = await world.register('alice')
    const silent = connect(t, { address, user: alice, isAcking: false })
    assert.equal(await silent.welcomed, true)
    const msgId = await world.push({ registration_id: [alice.id] }, { options: SOCKET_ONLY })
    await until('it came', () => silent.messages.length === 1)
    await silent.close()
    const client = connect(t, { address, user: alice })
    await until('it came again', () => client.messages.length === 1)
    assert.equal(client.messages[0]?.msg_id, msgId)
    await until('nothing waits', async () => (await rowsIn(world, 'pending_message')) === 0)
    await client.close()
    const third = connect(t, { address, user: alice })
    assert.equal(await third.welcomed, true)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(third.messages.length, 0)
  })

  test('is told what was withdrawn, and reports what was shown and clicked', async (t) => {
    const { world, address } = await openWorld(t, open)
    const alice = await world.register('alice')
    const client = connect(t, { address, user: alice })
    assert.equal(await client.welcomed, true)
    const msgId = await world.push({ registration_id: [alice.id] }, { options: SOCKET_ONLY })
    await until('it came', () => client.messages.length === 1)
    client.report(msgId, 'clicked')
    await until('the click counts', async () => (await statusOf(world, msgId, alice)) === 'clicked')
    await world.call('DELETE', `/v4/push/withdraw/${msgId}`)
    await until('it is told', () => client.withdrawn.includes(msgId))
  })

  test('counts its user among those of the day', async (t) => {
    const { world, address } = await openWorld(t, open)
    const alice = await world.register('alice')
    const { read } = world.app.deps.database
    await world.ageBy(alice.id, 3 * 86_400_000)
    assert.equal(await connect(t, { address, user: alice }).welcomed, true)
    await until('she counts as new and as there', async () => {
      const days = await read.kysely.selectFrom('user_day').select(['new_count', 'active_count']).execute()
      return days.length === 1 && days[0]?.active_count === 2 && days[0].new_count === 1
    })
  })

  test('of a deleted user is closed with 4410, and so is every later one', async (t) => {
    const { world, address } = await openWorld(t, open)
    const alice = await world.register('alice')
    const client = connect(t, { address, user: alice })
    assert.equal(await client.welcomed, true)
    const begunAt = performance.now()
    await world.call('DELETE', `/v4/devices/${alice.id}`)
    assert.equal((await client.closed).code, 4410)
    assert.ok(performance.now() - begunAt < 1_000)
    assert.equal((await connect(t, { address, user: alice }).closed).code, 4410)
    assert.equal((await connect(t, { address, user: { ...alice, id: 'f'.repeat(32) } }).closed).code, 4404)
    const bob = await world.register('bob')
    assert.equal((await connect(t, { address, user: { ...bob, secret: 'wrong' } }).closed).code, 4401)
  })

  test('that was written down, but nobody knew, is not taken for open', async (t) => {
    const opened = await open(t)
    const { database, failWrites } = faultyDatabase(opened.database)
    const { world, address } = await openWorld(t, async () => ({ ...opened, database }))
    const alice = await world.register('alice')
    failWrites('push.open-presence', [{ error: new OutcomeUnknown('the answer was lost'), isDone: true }])
    assert.equal((await connect(t, { address, user: alice }).closed).code, 1013)
    await until('it is known to be gone', async () => (await rowsIn(world, 'socket_presence')) === 0)
  })

  const isShared = engine === 'postgres'
  if (isShared)
    test('on one node is reached by a push through another, and closed by a deletion there', async (t) => {
      const { world, address } = await openWorld(t, open)
      const other = await createApp(world.app.deps)
      t.after(() => other.stop())
      const alice = await world.register('alice')
      const client = connect(t, { address, user: alice })
      assert.equal(await client.welcomed, true)
      const call = (method: 'POST' | 'DELETE', url: string, body?: object) =>
        other.http.inject({ method, url, headers: world.app.basic, ...(body ? { body } : {}) })
      const answer = await call('POST', '/v4/push', {
        to: { registration_id: [alice.id] },
        body: { platform: 'all', notification: { alert: 'Hello' }, options: SOCKET_ONLY },
      })
      await until('it came', () => client.messages.length === 1)
      assert.equal(client.messages[0]?.msg_id, answer.json().msg_id)
      await call('DELETE', `/v4/devices/${alice.id}`)
      assert.equal((await client.closed).code, 4410)
    })
})

async function rowsIn(world: PushWorld, table: 'pending_message' | 'socket_presence'): Promise<number> {
  const { kysely } = world.app.deps.database.read
  return (await kysely.selectFrom(table).select('app_key').execute()).length
}
