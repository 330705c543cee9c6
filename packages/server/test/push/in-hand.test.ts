/** What other nodes know of a node that sends: whether it has something in hand, should it die. On SQLite there are no others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome } from '../../src/channels/channel.ts'
import { forEachEngine } from '../support/engines.ts'
import { openPushWorld } from '../support/push-world.ts'
import { until } from '../support/until.ts'

forEachEngine('a sender', (open, engine) => {
  if (engine === 'sqlite') return
  test('others know of a push that a node has in hand, for as long as it has', async (t) => {
    const world = await openPushWorld(t, open)
    const { database } = world.app.deps
    const alice = await world.register('alice')
    const isInHand = async () => {
      const senders = await database.read.kysely.selectFrom('sender').select(['claims', 'settled']).execute()
      assert.equal(senders.length, 1)
      return senders.some(({ claims, settled }) => claims > settled)
    }
    assert.equal(await isInHand(), false)
    for (const to of ['all', { registration_id: [alice.id] }]) {
      let answer = () => {}
      const accepted: Outcome = { kind: 'accepted' }
      world.channels.outcomes.set(
        alice.token,
        () => new Promise((resolve) => (answer = () => resolve(accepted))),
      )
      const pushed = await world.push(to)
      await until('it is under way', () => world.channels.receivers(pushed).length === 1)
      assert.equal(await isInHand(), true)
      // Longer than the time after which the node renews its lease.
      await sleep(2_500)
      assert.equal(await isInHand(), true)
      answer()
      await until('nothing is in hand', async () => !(await isInHand()))
    }
  })

  for (const kind of ['one', 'all'] as const)
    test(`a push to ${kind} that a node had in hand when others took it for dead is not sent by it any more`, async (t) => {
      const world = await openPushWorld(t, open)
      const { database } = world.app.deps
      const alice = await world.register('alice')
      let go = () => {}
      const waiting = new Promise<void>((resolve) => (go = resolve))
      let sends = 0
      world.channels.before.set(alice.token, () => (++sends === 1 ? waiting : Promise.resolve()))
      const pushed = await world.push(kind === 'all' ? 'all' : { registration_id: [alice.id] })
      await until('it waits for the gate', () => sends === 1)
      const senders = () => database.read.kysely.selectFrom('sender').select('sender_id').execute()
      const before = await senders()
      await world.outside('update sender set lease_until = 0')
      await until('the node has joined again', async () => {
        const [now] = await senders()
        return now !== undefined && now.sender_id !== before[0]?.sender_id
      })
      if (kind === 'one') {
        await until('it is sent by another', () => world.channels.receivers(pushed).length === 1)
        await world.settled()
      }
      go()
      await until('it is sent', () => world.channels.receivers(pushed).length > 0)
      await world.settled()
      // Longer than what was not sent is put off for.
      await sleep(1_500)
      await world.settled()
      assert.equal(world.channels.receivers(pushed).length, 1)
    })
})
