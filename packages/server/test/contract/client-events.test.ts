// size: one suite, told once and run on both engines.
/** What clients report of messages, and how it is counted. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachEngine } from '../support/engines.ts'
import type { User } from '../support/push-world.ts'
import { openStatisticsWorld, type StatisticsWorld } from '../support/statistics-world.ts'

interface Sent {
  readonly events?: unknown
  readonly secret?: string | undefined
  readonly id?: string
}

/** One report of the user's client: status, body and how many events were skipped. */
async function report(
  world: StatisticsWorld,
  user: User,
  { events, secret = user.secret, id = user.id }: Sent,
): Promise<[number, string, unknown]> {
  const answer = await world.app.app.http.inject({
    method: 'POST',
    url: `/client/v1/apps/aladdin/registrations/${id}/events`,
    ...(secret === '' ? {} : { headers: { authorization: `Bearer ${secret}` } }),
    body: { events } as object,
  })
  return [answer.statusCode, answer.body, answer.headers['lethe-skipped']]
}

async function reportOne(world: StatisticsWorld, user: User, [msgId, event]: [string, string]) {
  const answer = await report(world, user, { events: [{ msg_id: msgId, event }] })
  assert.deepEqual(answer, [200, SUCCESS, undefined])
}

/** sent, delivered, impressions, clicks. */
async function counted(world: StatisticsWorld, msgId: string): Promise<unknown> {
  const found = (await world.numbersOf(msgId))[msgId]
  return [found?.sent, found?.delivered, found?.impressions, found?.clicks]
}

async function statusOf(world: StatisticsWorld, user: User, msgId: string): Promise<string | undefined> {
  return (await world.lifecycleOf(msgId, user))[user.id]?.status
}

const SUCCESS = '{"success":true}'

forEachEngine('events of a client', (open) => {
  test('count once each, and what comes late does not bring a message back', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const msgId = await world.push({ registration_id: [alice.id] })
    await world.settled()
    const steps = [
      ['delivered', 'delivered', [1, 1, 0, 0]],
      ['delivered', 'delivered', [1, 1, 0, 0]],
      ['shown', 'shown', [1, 1, 1, 0]],
      ['delivered', 'shown', [1, 1, 1, 0]],
      ['clicked', 'clicked', [1, 1, 1, 1]],
      ['shown', 'clicked', [1, 1, 1, 1]],
      ['clicked', 'clicked', [1, 1, 1, 1]],
    ] as const
    for (const [event, status, counts] of steps) {
      await reportOne(world, alice, [msgId, event])
      assert.deepEqual([await statusOf(world, alice, msgId), await counted(world, msgId)], [status, counts])
    }
  })

  test('count what they imply: a click was shown, delivered and sent', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    world.channels.outcomes.set(bob.token, () => ({ kind: 'rejected', reason: 'Lost' }))
    const msgId = await world.push('all')
    await world.settled()
    assert.deepEqual(await counted(world, msgId), [1, 0, 0, 0])
    await reportOne(world, alice, [msgId, 'clicked'])
    assert.deepEqual(await counted(world, msgId), [1, 1, 1, 1])
    // The channel was wrong about Bob.
    await reportOne(world, bob, [msgId, 'shown'])
    assert.deepEqual(await counted(world, msgId), [2, 2, 2, 1])
    const { itime: _, ...ofBob } = (await world.lifecycleOf(msgId, bob))[bob.id] ?? { itime: 0 }
    assert.deepEqual(ofBob, { status: 'shown', channel: 'fcm' })
  })

  test('stand under the channel by which the message went', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    world.channels.outcomes.set(alice.token, () => ({ kind: 'accepted', vendor: 'xiaomi' }))
    const msgId = await world.push('all')
    await world.settled()
    await reportOne(world, alice, [msgId, 'shown'])
    const found = (await world.numbersOf(msgId))[msgId]?.sub.notification?.sub_android
    assert.deepEqual(found?.xiaomi, { targets: 1, sent: 1, delivered: 1, impressions: 1, clicks: 0 })
    assert.deepEqual(found?.fcm, { targets: 0, sent: 0, delivered: 0, impressions: 0, clicks: 0 })
  })

  test('of many messages come in one report; those of unknown messages are skipped', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    const [first, second] = [await world.push('all'), await world.push({ registration_id: [alice.id] })]
    await world.settled()
    const toBob = await world.push({ registration_id: [bob.id] })
    await world.settled()
    const events = [
      { msg_id: first, event: 'shown' },
      { msg_id: first, event: 'delivered' },
      { msg_id: second, event: 'clicked' },
      { msg_id: toBob, event: 'clicked' },
      { msg_id: '777777', event: 'clicked' },
    ]
    assert.deepEqual(await report(world, alice, { events }), [200, SUCCESS, '2'])
    assert.deepEqual(await counted(world, first), [2, 1, 1, 0])
    assert.deepEqual(await counted(world, second), [1, 1, 1, 1])
    assert.deepEqual(await counted(world, toBob), [1, 0, 0, 0])
  })

  test('are counted once when they come at the same time, from one client and from many', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const users = await Promise.all(Array.from({ length: 8 }, (_, n) => world.register(`user${n}`)))
    const msgIds = [await world.push('all'), await world.push('all')]
    await world.settled()
    const reports = users.flatMap((user, n) =>
      ['delivered', 'shown', 'clicked', 'clicked'].map((event) => {
        const events = msgIds.map((msg_id) => ({ msg_id, event }))
        return report(world, user, { events: n % 2 === 0 ? events : events.reverse() })
      }),
    )
    for (const answer of await Promise.all(reports)) assert.deepEqual(answer, [200, SUCCESS, undefined])
    for (const msgId of msgIds) assert.deepEqual(await counted(world, msgId), [8, 8, 8, 8])
  })

  test('are taken from the user alone, and 410 tells a deleted one', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    const msgId = await world.push('all')
    await world.settled()
    const events = [{ msg_id: msgId, event: 'shown' }]
    const answers: [Sent, number, number][] = [
      [{ secret: bob.secret }, 401, 21004],
      [{ secret: '' }, 401, 27001],
      [{ id: 'f'.repeat(32) }, 404, 20101],
      [{ id: 'a,b' }, 400, 21003],
    ]
    for (const [sent, status, code] of answers) {
      const [gotStatus, body] = await report(world, alice, { events, ...sent })
      assert.deepEqual([gotStatus, JSON.parse(body).error.code], [status, code], body)
    }
    await world.call('DELETE', `/v4/devices/${alice.id}`)
    const [status, body] = await report(world, alice, { events })
    assert.deepEqual([status, JSON.parse(body).error.code], [410, 20101])
    assert.deepEqual(await counted(world, msgId), [2, 0, 0, 0])
  })

  test('are 1 to 100, each of a message and a known kind', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const event = { msg_id: '1', event: 'shown' }
    const cases: [unknown, number][] = [
      [undefined, 21002],
      [[], 21003],
      [Array.from({ length: 101 }, () => event), 21003],
      [[{ ...event, event: 'seen' }], 21003],
      [[{ ...event, msg_id: 1 }], 21016],
      [[{ ...event, msg_id: '01' }], 21003],
      [[{ ...event, msg_id: '9007199254740992' }], 21003],
      [[{ ...event, more: 1 }], 21015],
    ]
    for (const [events, code] of cases) {
      const [status, body] = await report(world, alice, { events })
      assert.deepEqual([status, JSON.parse(body).error.code], [400, code], body)
    }
    const many = Array.from({ length: 100 }, () => event)
    assert.deepEqual(await report(world, alice, { events: many }), [200, SUCCESS, '100'])
  })
})
