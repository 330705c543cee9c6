// size: one suite, told once and run on both engines.
/** How many users came and were there, as the server API tells it. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { UserStatisticsAnswer } from '@lethe/protocol/statistics.schemas.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { DAY_MS, utcDay } from '../../src/kernel/utc-day.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'
import type { User } from '../support/push-world.ts'
import { openStatisticsWorld, type StatisticsWorld } from '../support/statistics-world.ts'

/** A clock at noon of today, so that no day ends during a test. */
const NOON = Date.parse(`${utcDay(Date.now())}T12:00:00Z`)
const TODAY = utcDay(NOON)
const NOBODY = { new: 0, active: 0, online: 0 }

/** A server whose clock is moved by hand, to a day before or after. */
async function openWorld(t: TestContext, open: OpenDatabase) {
  const time = { now: NOON }
  const clock = { ...systemClock(), now: () => time.now }
  return { time, ...(await openStatisticsWorld(t, open, { clock })) }
}

async function heartbeat(world: StatisticsWorld, user: User): Promise<void> {
  const answer = await world.app.app.http.inject({
    method: 'PUT',
    url: `/client/v1/apps/aladdin/registrations/${user.id}`,
    headers: { authorization: `Bearer ${user.secret}` },
    body: {},
  })
  assert.equal(answer.statusCode, 200, answer.body)
}

function query(time_unit: string, start: string, duration: number | string): string {
  return `/v4/status/users?${new URLSearchParams({ time_unit, start, duration: String(duration) })}`
}

forEachEngine('users by day', (open) => {
  test('are new on one day and active on each on which they were seen, once', async (t) => {
    const world = await openWorld(t, open)
    const yesterday = utcDay(NOON - DAY_MS)
    world.time.now = NOON - DAY_MS
    const [alice] = [await world.register('alice'), await world.register('bob')]
    await heartbeat(world, alice)
    world.time.now = NOON
    for (let n = 0; n < 3; n++) await heartbeat(world, alice)
    // A node whose clock is behind does not count her again.
    world.time.now = NOON - DAY_MS
    await heartbeat(world, alice)
    world.time.now = NOON
    await world.register('carol', { platform: 'hmos' })
    assert.deepEqual(await world.ask(query('day', yesterday, 2)), {
      TimeUnit: 'DAY',
      start: yesterday,
      duration: 2,
      items: [
        {
          time: yesterday,
          android: { new: 2, active: 2, online: 2 },
          ios: NOBODY,
          hmos: NOBODY,
          web: NOBODY,
        },
        {
          time: TODAY,
          android: { new: 0, active: 1, online: 1 },
          ios: NOBODY,
          hmos: { new: 1, active: 1, online: 1 },
          web: NOBODY,
        },
      ],
    })
  })

  test('stay counted when they are deleted, and count again when they come back', async (t) => {
    const world = await openWorld(t, open)
    const android = async () => {
      const answer = await world.ask<UserStatisticsAnswer>(query('DAY', TODAY, 1))
      return answer.items.map((item) => item.android)
    }
    const alice = await world.register('alice')
    await world.call('DELETE', `/v4/devices/${alice.id}`)
    assert.deepEqual(await android(), [{ new: 1, active: 1, online: 1 }])
    await world.register('alice')
    assert.deepEqual(await android(), [{ new: 2, active: 2, online: 2 }])
  })

  test('are counted once each when they come at the same time', async (t) => {
    const world = await openWorld(t, open)
    world.time.now = NOON - DAY_MS
    const users = await Promise.all(Array.from({ length: 12 }, (_, n) => world.register(`user${n}`)))
    world.time.now = NOON
    await Promise.all([...users, ...users].map((user) => heartbeat(world, user)))
    const answer = await world.ask<UserStatisticsAnswer>(query('DAY', utcDay(NOON - DAY_MS), 2))
    assert.deepEqual(
      answer.items.map(({ android }) => android),
      [
        { new: 12, active: 12, online: 12 },
        { new: 0, active: 12, online: 12 },
      ],
    )
  })

  test('add up to months', async (t) => {
    const world = await openWorld(t, open)
    const month = TODAY.slice(0, 7)
    const before = utcDay(Date.parse(`${month}-01T00:00:00Z`) - 1)
    const next = utcDay(Date.parse(`${month}-28T00:00:00Z`) + 4 * DAY_MS)
    const days = [
      [before, 1],
      [`${month}-01`, 10],
      [`${month}-28`, 100],
      [next, 1_000],
    ] as const
    for (const [day, count] of days)
      await world.outside(`insert into user_day values ('aladdin', '${day}', 'ios', ${count}, ${count * 2})`)
    const answer = await world.ask<UserStatisticsAnswer>(query('Month', before.slice(0, 7), 2))
    assert.deepEqual(
      [answer.TimeUnit, answer.items.map(({ time, ios }) => [time, ios])],
      [
        'MONTH',
        [
          [before.slice(0, 7), { new: 1, active: 2, online: 2 }],
          [month, { new: 110, active: 220, online: 220 }],
        ],
      ],
    )
  })

  test('are asked for with a unit, a start and a duration', async (t) => {
    const world = await openWorld(t, open)
    for (const name of ['time_unit', 'start', 'duration']) {
      const parameters = new URLSearchParams({ time_unit: 'DAY', start: TODAY, duration: '1' })
      parameters.delete(name)
      assert.deepEqual(await world.refusalOf(`/v4/status/users?${parameters}`), [
        400,
        21002,
        `${name} is required in the query`,
      ])
    }
    assert.deepEqual(await world.refusalOf(query('HOUR', `${TODAY} 12`, 1)), [
      400,
      21003,
      'time_unit: HOUR is not supported, users are counted by DAY and MONTH',
    ])
  })
})
