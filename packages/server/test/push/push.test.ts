// size: one behaviour after the other, each read by itself.
/** Sending over HTTP, from an accepted push to what a channel gets, on both engines. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome } from '../../src/channels/channel.ts'
import { forEachEngine } from '../support/engines.ts'
import { openPushWorld, type PushWorld } from '../support/push-world.ts'
import { until } from '../support/until.ts'

forEachEngine('a push', (open) => {
  test('to a tag reaches exactly its holders', async (t) => {
    const world = await openPushWorld(t, open)
    const red = await world.register('red', { tags: ['red'] })
    const both = await world.register('both', { tags: ['red', 'blue'] })
    await world.register('blue', { tags: ['blue'] })
    const msgId = await world.push({ tag: ['red'] })
    await world.settled()
    assert.deepEqual(world.channels.receivers(msgId), [both.token, red.token])
    const not = await world.push({ tag: ['red'], tag_not: ['blue'] })
    await world.settled()
    assert.deepEqual(world.channels.receivers(not), [red.token])
  })

  test('to all reaches everybody once, and not who was deleted', async (t) => {
    const world = await openPushWorld(t, open)
    const users = await Promise.all(Array.from({ length: 25 }, (_, n) => world.register(`user${n}`)))
    const [gone, ...others] = users
    assert.equal((await world.call('DELETE', `/v4/devices/${gone?.id}`)).status, 200)
    const msgId = await world.push('all')
    await world.settled()
    assert.deepEqual(world.channels.receivers(msgId), others.map(({ token }) => token).sort())
  })

  test('to ids and aliases reaches those users, each once', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice', { alias: 'alice' })
    const bob = await world.register('bob')
    const byId = await world.push({ registration_id: [bob.id, alice.id, bob.id] })
    const byAlias = await world.push({ alias: ['alice', 'nobody'] })
    await world.settled()
    assert.deepEqual(world.channels.receivers(byId), [alice.token, bob.token])
    assert.deepEqual(world.channels.receivers(byAlias), [alice.token])
  })

  test('that reaches nobody is refused: 21011, and 20101 for ids that nobody has', async (t) => {
    const world = await openPushWorld(t, open)
    const push = (to: object, platform = 'all') =>
      world.call('POST', '/v4/push', { to, body: { platform, notification: { alert: 'x' } } })
    const alice = await world.register('alice')
    assert.equal((await push({ tag: ['nobody'] })).body.error.code, 21011)
    assert.equal((await push({ alias: ['nobody'] })).body.error.code, 21011)
    assert.equal((await push({ registration_id: [alice.id] }, 'ios')).body.error.code, 21011)
    assert.equal((await push({ registration_id: ['f'.repeat(32)] })).body.error.code, 20101)
    assert.equal((await push({ tags: ['red'] })).body.error.code, 21015)
    assert.equal(world.channels.sent.length, 0)
  })

  test('is validated without being sent, and told whom it would reach', async (t) => {
    const world = await openPushWorld(t, open)
    await world.register('alice', { tags: ['a'] })
    await world.register('bob', { tags: ['a'] })
    const answer = await world.call('POST', '/v4/push/validate', {
      to: { tag: ['a'] },
      request_id: 'r1',
      body: { platform: 'all', notification: { alert: 'x' } },
    })
    assert.deepEqual(answer.body, { request_id: 'r1', msg_id: '0' })
    assert.equal(answer.headers['lethe-reach'], '2')
    await world.settled()
    assert.equal(world.channels.sent.length, 0)
  })

  test('is sent once for a cid', async (t) => {
    const world = await openPushWorld(t, open)
    await world.register('alice')
    const first = await world.push('all', { options: { cid: 'one' } })
    assert.equal(await world.push('all', { options: { cid: 'one' } }), first)
    const both = await Promise.all([1, 2, 3].map(() => world.push('all', { options: { cid: 'two' } })))
    assert.equal(new Set(both).size, 1)
    await world.settled()
    assert.equal(world.channels.sent.length, 2)
  })

  test('in a batch is judged item by item', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice', { alias: 'al' })
    const item = (target: string, more = {}) => ({
      target,
      platform: 'all',
      notification: { alert: 'x' },
      ...more,
    })
    const answer = await world.call('POST', '/v4/batch/push/regid', {
      requests: [
        item(alice.id),
        item('0'.repeat(32)),
        item('f'.repeat(32), { message: { msg_content: 'x' } }),
      ],
    })
    assert.equal(answer.status, 200)
    const { results } = answer.body
    assert.equal(results[alice.id]?.success, true)
    assert.equal(typeof results[alice.id]?.msg_id, 'number')
    assert.equal(results['0'.repeat(32)]?.error.code, 20101)
    assert.equal(results['f'.repeat(32)]?.error.code, 21306)
    const byAlias = await world.call('POST', '/v4/batch/push/alias', {
      requests: [item('al'), item('nobody')],
    })
    assert.equal(byAlias.body.results['al']?.success, true)
    assert.equal(byAlias.body.results['nobody']?.error.code, 21011)
    await world.settled()
    assert.deepEqual(world.channels.receivers(results[alice.id]?.msg_id ?? 0), [alice.token])
    assert.equal(world.channels.sent.length, 2)
  })

  test('is put off while the channel says so, and sent then', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    let tries = 0
    world.channels.outcomes.set(alice.token, () =>
      ++tries < 3 ? { kind: 'retry', afterMs: 50, reason: 'busy' } : { kind: 'accepted' },
    )
    const msgId = await world.push('all')
    await world.settled()
    assert.equal(world.channels.receivers(msgId).length, 3)
    assert.equal(new Set(world.channels.sent.map(({ message }) => message.collapseId)).size, 1)
  })

  test('to a dead token detaches the token and not the user', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    world.channels.outcomes.set(alice.token, () => ({ kind: 'gone', sinceMs: null, reason: 'Unregistered' }))
    await world.push({ registration_id: [alice.id] })
    await world.settled()
    const again = await world.call('POST', '/v4/push', {
      to: { registration_id: [alice.id] },
      body: { platform: 'all', notification: { alert: 'x' } },
    })
    assert.equal(again.body.error.code, 21011)
    assert.equal((await world.call('GET', `/v4/devices/${alice.id}`)).status, 200)
  })

  test('a report of death that is older than the token leaves the token', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    world.channels.outcomes.set(alice.token, () => ({ kind: 'gone', sinceMs: 1_000, reason: 'Unregistered' }))
    await world.push({ registration_id: [alice.id] })
    await world.settled()
    world.channels.outcomes.clear()
    const again = await world.push({ registration_id: [alice.id] })
    await world.settled()
    assert.deepEqual(world.channels.receivers(again), [alice.token])
  })

  test('that is withdrawn in time is not sent', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const msgId = await world.push('all', { options: { big_push_duration: 10 } })
    const spread = await world.push({ registration_id: [alice.id] }, { options: { big_push_duration: 10 } })
    world.channels.outcomes.set(alice.token, () => ({ kind: 'retry', afterMs: 60_000, reason: 'busy' }))
    const put = await world.push('all')
    for (const one of [msgId, spread, put]) {
      const answer = await world.call('DELETE', `/v4/push/withdraw/${one}`)
      assert.deepEqual(answer.body, { request_id: '', msg_id: one })
      const twice = await world.call('DELETE', `/v4/push/withdraw/${one}`)
      assert.deepEqual([twice.status, twice.body.error.code], [400, 21003])
    }
    await world.settled()
  })

  test('that is withdrawn in the moment in which it is put off does not wait', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const retry: Outcome = { kind: 'retry', afterMs: 3_600_000, reason: 'busy' }
    let putOff = () => {}
    world.channels.outcomes.set(alice.token, () => new Promise((resolve) => (putOff = () => resolve(retry))))
    for (let round = 0; round < 60; round++) {
      const pushed = await world.push(round % 2 ? 'all' : { registration_id: [alice.id] })
      await until('it is under way', () => world.channels.receivers(pushed).length === 1)
      const isFirst = round % 4 < 2
      if (isFirst) putOff()
      await sleep(round % 5)
      const withdrawn = world.call('DELETE', `/v4/push/withdraw/${pushed}`)
      if (!isFirst) putOff()
      assert.equal((await withdrawn).status, 200)
    }
    await world.settled()
  })

  test('that is withdrawn while a chunk is under way counts what was sent', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    let isWithdrawn = () => {}
    const withdrawn = new Promise<void>((resolve) => {
      isWithdrawn = resolve
    })
    world.channels.outcomes.set(alice.token, async () => {
      await withdrawn
      return { kind: 'accepted' }
    })
    world.channels.before.set(bob.token, () => withdrawn)
    const pushed = await world.push('all')
    await until('it is under way', () => world.channels.sent.length === 1)
    assert.equal((await world.call('DELETE', `/v4/push/withdraw/${pushed}`)).status, 200)
    isWithdrawn()
    const counted = () =>
      world.app.deps.database.read.kysely
        .selectFrom('message_count')
        .select(['targets', 'sent'])
        .where('msg_id', '=', Number(pushed))
        .execute()
    await until('it is counted', async () => (await counted()).length > 0)
    assert.deepEqual(await counted(), [{ targets: 1, sent: 1 }])
    assert.deepEqual(world.channels.receivers(pushed), [alice.token])
  })

  test('that overrides another takes its place and its collapse id', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const first = await world.push('all')
    await world.settled()
    const second = await world.push('all', { options: { override_msg_id: Number(first) } })
    await world.settled()
    assert.deepEqual(world.channels.receivers(second), [alice.token])
    assert.equal(world.channels.sent[1]?.message.collapseId, first)
    const unknown = await world.call('POST', '/v4/push', {
      to: 'all',
      body: { platform: 'all', notification: { alert: 'x' }, options: { override_msg_id: 7 } },
    })
    assert.deepEqual([unknown.status, unknown.body.error.code], [400, 1003])
  })
})

forEachEngine('a deletion and a push', (open) => {
  test('a user who is deleted while a send waits gets nothing, and the others do', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    world.channels.before.set(alice.token, async () => {
      await world.call('DELETE', `/v4/devices/${alice.id}`)
    })
    const msgId = await world.push('all')
    await world.settled()
    assert.deepEqual(world.channels.receivers(msgId), [bob.token])
  })

  test('the erasure waits for a send that began before it, and no other does', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let begun = () => {}
    const inFlight = new Promise<void>((resolve) => {
      begun = resolve
    })
    world.channels.outcomes.set(alice.token, async () => {
      begun()
      await held
      return { kind: 'accepted' }
    })
    await world.push({ registration_id: [alice.id] })
    await inFlight
    const erasures = await Promise.all([alice, bob].map(({ id }) => erase(world, id)))
    const [ofAlice = '', ofBob = ''] = erasures
    await stateOf(world, ofBob, 'erased')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const { body } = await world.call('GET', `/v4/erasures/${ofAlice}`)
    assert.equal(body.state, 'verifying')
    release()
    await stateOf(world, ofAlice, 'erased')
    assert.equal(await rowsOf(world, alice.id), 0)
  })

  test('what was said to named users goes with the last of them, what was said to all stays', async (t) => {
    const world = await openPushWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    await world.register('carol')
    const toBoth = await world.push({ registration_id: [alice.id, bob.id] })
    const toAll = await world.push('all')
    await world.settled()
    await until('all have it', () => world.channels.sent.length === 5)
    const contentOf = async (msgId: string) => {
      const { kysely } = world.app.deps.database.read
      const row = await kysely
        .selectFrom('push')
        .select('content')
        .where('msg_id', '=', Number(msgId))
        .executeTakeFirst()
      return row?.content ?? null
    }
    await stateOf(world, await erase(world, alice.id), 'erased')
    assert.notEqual(await contentOf(toBoth), null)
    await stateOf(world, await erase(world, bob.id), 'erased')
    assert.equal(await contentOf(toBoth), null)
    assert.notEqual(await contentOf(toAll), null)
  })
})

async function erase(world: PushWorld, id: string): Promise<string> {
  const { headers } = await world.call('DELETE', `/v4/devices/${id}`)
  return String(headers['lethe-erasure'])
}

async function stateOf(world: PushWorld, erasureId: string, state: string): Promise<void> {
  await until(
    `the erasure is ${state}`,
    async () => (await world.call('GET', `/v4/erasures/${erasureId}`)).body.state === state,
  )
}

async function rowsOf(world: PushWorld, id: string): Promise<number> {
  const rows = await world.app.deps.database.read.kysely
    .selectFrom('message_status')
    .select('msg_id')
    .where('registration_id', '=', id as never)
    .execute()
  return rows.length
}
