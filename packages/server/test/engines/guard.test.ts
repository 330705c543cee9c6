/** The deletion guard through the whole server: what it lets through, what it stops, and what it is not asked about. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { acceptErasures } from '../../src/erasure/accept.store.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { randomId, systemRandom } from '../../src/kernel/random.ts'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase, type TestDatabase } from '../support/engines.ts'
import { setGuard } from '../support/guard.ts'
import { runOutside } from '../support/outside-sql.ts'
import { until } from '../support/until.ts'

const ADMIN = `/admin/v1/apps/${APP_KEY}/guard`
const REGISTRATIONS = `/client/v1/apps/${APP_KEY}/registrations`

interface World extends TestApp {
  readonly opened: TestDatabase
}

async function start(t: TestContext, open: OpenDatabase, given: { users: number }): Promise<World> {
  const opened = await open(t)
  const world = await startTestApp({ rateLimit: 0 }, { database: opened })
  t.after(world.close)
  await addUsers(opened, given.users, 1)
  return { ...world, opened }
}

/** Users `user1` to `user<count>`, registered at this time. */
function addUsers(opened: TestDatabase, count: number, createdAt: number): Promise<unknown> {
  return runOutside(
    opened,
    `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
      select '${APP_KEY}', 'user' || n, 'web', 'live', ${createdAt}, 1
      from (with recursive counted (n) as (select 1 union all select n + 1 from counted where n < ${count})
        select n from counted) as users where n <= ${count}`,
  )
}

async function call(world: TestApp, line: string, payload?: object) {
  const [method, url = ''] = line.split(' ')
  const headers = url.startsWith('/admin') ? world.bearer : url.startsWith('/v4') ? world.basic : {}
  const request = { method: method as 'GET', url, headers: { ...headers } }
  const response = await world.app.http.inject(payload ? { ...request, payload } : request)
  return { status: response.statusCode, body: response.json() }
}

function remove(world: TestApp, id: string) {
  return call(world, `DELETE /v4/devices/${id}`)
}

/** Deletes one after the other, from the user of this number on, until one is refused; tells how many were not. */
async function removeUntilRefused(world: TestApp, from: number): Promise<number> {
  for (let count = 0; ; count++) {
    const { status, body } = await remove(world, `user${from + count}`)
    if (status === 200) continue
    assert.deepEqual([status, body.error.code], [403, 29001])
    return count
  }
}

async function actions(world: TestApp): Promise<string[]> {
  const { body } = await call(world, 'GET /admin/v1/audit?limit=1000')
  return body.entries
    .map((entry: { action: string; figures: object }) => `${entry.action} ${JSON.stringify(entry.figures)}`)
    .filter((entry: string) => entry.startsWith('guard.'))
}

async function figures(world: TestApp) {
  const { status, body } = await call(world, `GET ${ADMIN}`)
  assert.equal(status, 200)
  return body
}

forEachEngine('the deletion guard', (open) => {
  test('stops whoever deletes all users one by one, and an opening lets exactly its number through', async (t) => {
    const world = await start(t, open, { users: 3_000 })
    assert.equal(await removeUntilRefused(world, 1), 300)
    const { body } = await remove(world, 'user301')
    assert.deepEqual(body, {
      error: {
        code: 29001,
        message:
          'the deletion guard has stopped this: 300 of 300 deletions of the last 24 hours are used ' +
          '(the greater of 100 and 10 % of 3000 users); an operator opens it for more: ' +
          `lethe guard open ${APP_KEY} --deletions N --for 1h`,
      },
    })
    const opened = await call(world, `POST ${ADMIN}/opening`, { deletions: 7, seconds: 3_600 })
    assert.deepEqual([opened.status, opened.body.opening.deletions, opened.body.opening.used], [200, 7, 0])
    assert.equal(await removeUntilRefused(world, 301), 7)
    assert.deepEqual(await actions(world), [
      'guard.closed {"deletions":7,"used":7}',
      'guard.opened {"deletions":7,"seconds":3600}',
      'guard.tripped {"budget":300,"used":300,"users":3000}',
    ])
    const metrics = (await world.app.http.inject('/metrics')).body
    for (const [event, count] of Object.entries({ tripped: 1, opened: 1, closed: 1, refused: 3 }))
      assert.ok(metrics.includes(`lethe_guard_events_total{event="${event}"} ${count}\n`), event)
    const after = await figures(world)
    assert.deepEqual([after.budget, after.used, after.users, after.opening], [300, 300, 3_000, null])
    assert.ok(after.tripped_at)
  })

  test('is not asked about who was deleted before, and an unknown id uses nothing', async (t) => {
    const world = await start(t, open, { users: 200 })
    for (let index = 0; index < 150; index++)
      assert.equal((await remove(world, `nobody${index}`)).body.error.code, 20101)
    assert.equal(await removeUntilRefused(world, 1), 100)
    assert.deepEqual((await remove(world, 'user1')).body, { success: true })
    assert.equal((await remove(world, 'nobody')).body.error.code, 20101)
    assert.equal((await remove(world, 'user101')).status, 403)
    assert.equal((await call(world, 'GET /v4/devices/user101')).status, 200)
  })

  test('lets no more through when all ask at once', async (t) => {
    const world = await start(t, open, { users: 1_500 })
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, index) => remove(world, `user${index + 1}`)),
    )
    const counts = Map.groupBy(answers, ({ status }) => status)
    assert.deepEqual([counts.get(200)?.length, counts.get(403)?.length], [150, 250])
    assert.equal((await figures(world)).used, 150)
  })
})

forEachEngine('the deletion guard, and what it does not count', (open) => {
  test('strangers who register and delete themselves change nothing', async (t) => {
    const world = await start(t, open, { users: 1_200 })
    assert.equal((await remove(world, 'user1')).status, 200)
    await Promise.all(Array.from({ length: 300 }, () => registerAndLeave(world)))
    await Promise.all(
      Array.from({ length: 300 }, () => call(world, `POST ${REGISTRATIONS}`, { platform: 'web' })),
    )
    const { users, budget } = await figures(world)
    assert.deepEqual([users, budget], [1_200, 120])
    assert.equal(await removeUntilRefused(world, 2), 119)
    // Nor does the guard stop anybody from leaving.
    await registerAndLeave(world)
  })

  test('a confirmed bulk run uses nothing of the budget, and the guard does not stop it', async (t) => {
    const world = await start(t, open, { users: 400 })
    const outputs = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        world.opened.database.write(acceptErasures, {
          erasureId: randomId(systemRandom),
          appKey: APP_KEY,
          registrationId: `user${index + 201}` as RegistrationId,
          idTombstones: [`digest${index}`],
          erasureKey: { version: 1, key: new Uint8Array(32) },
          origin: 'bulk',
          reason: 'confirmed bulk',
        }),
      ),
    )
    assert.ok(outputs.every(({ kind }) => kind === 'accepted'))
    assert.equal((await figures(world)).used, 0)
    assert.equal(await removeUntilRefused(world, 1), 100)
  })

  test('a user is one of those that the share is of once it was registered over 24 hours ago', async (t) => {
    const world = await start(t, open, { users: 1 })
    const now = await world.opened.database.now()
    const age = (user: string, ms: number) =>
      `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
        values ('${APP_KEY}', '${user}', 'web', 'live', ${now - ms}, 1)`
    await runOutside(world.opened, `${age('old', 86_460_000)}; ${age('young', 86_340_000)}`)
    assert.equal((await figures(world)).users, 2)
  })

  test('what a node has set aside is given back when nobody uses it, and when it stops', async (t) => {
    const world = await start(t, open, { users: 3 })
    await setGuard(world.opened.database, APP_KEY, { minimum: 10_000 })
    await remove(world, 'user1')
    await until('the rest is given back', async () => (await figures(world)).used === 1)
    await remove(world, 'user2')
    const other = await startTestApp({}, { database: world.opened })
    await other.app.http.inject({ method: 'DELETE', url: '/v4/devices/user3', headers: { ...other.basic } })
    await other.app.stop()
    await until('the rest is given back', async () => (await figures(world)).used === 3)
  })
})

forEachEngine('the deletion guard of an operator', (open) => {
  test('is set, switched off and on, and says what it does', async (t) => {
    const world = await start(t, open, { users: 150 })
    const set = await call(world, `PATCH ${ADMIN}`, { share_percent: 0, minimum: 2 })
    assert.deepEqual([set.body.share_percent, set.body.minimum, set.body.is_on], [0, 2, true])
    assert.equal(await removeUntilRefused(world, 1), 2)
    assert.equal((await call(world, `PATCH ${ADMIN}`, { is_on: false })).body.is_on, false)
    for (let index = 3; index <= 10; index++) assert.equal((await remove(world, `user${index}`)).status, 200)
    const on = await call(world, `PATCH ${ADMIN}`, { is_on: true, minimum: 100, share_percent: 10 })
    assert.deepEqual([on.body.is_on, on.body.used], [true, 2])
    assert.deepEqual(await actions(world), [
      'guard.set {"is_on":1,"minimum":100,"share_percent":10}',
      'guard.set {"is_on":0}',
      'guard.tripped {"budget":2,"used":2,"users":150}',
      'guard.set {"share_percent":0,"minimum":2}',
    ])
  })

  test('closes when it is told to, and when its time is over', async (t) => {
    const world = await start(t, open, { users: 10 })
    await call(world, `PATCH ${ADMIN}`, { minimum: 0, share_percent: 0 })
    await call(world, `POST ${ADMIN}/opening`, { deletions: 5, seconds: 60 })
    assert.equal((await remove(world, 'user1')).status, 200)
    assert.equal((await call(world, `DELETE ${ADMIN}/opening`)).body.opening, null)
    assert.equal((await remove(world, 'user2')).status, 403)
    await call(world, `POST ${ADMIN}/opening`, { deletions: 5, seconds: 1 })
    await until(
      'its end is written down',
      async () => (await actions(world))[0]?.startsWith('guard.closed'),
      30_000,
    )
    assert.equal((await remove(world, 'user2')).status, 403)
    assert.deepEqual((await actions(world)).slice(0, 2), [
      'guard.closed {"deletions":5,"used":0}',
      'guard.opened {"deletions":5,"seconds":1}',
    ])
  })

  test('is of an app that exists, and takes what makes sense', async (t) => {
    const world = await start(t, open, { users: 1 })
    const nobody = '/admin/v1/apps/nobody/guard'
    const cases: [line: string, body: object | undefined, status: number, code: number][] = [
      [`GET ${nobody}`, undefined, 404, 21008],
      [`PATCH ${nobody}`, { minimum: 1 }, 404, 21008],
      [`POST ${nobody}/opening`, { deletions: 1, seconds: 1 }, 404, 21008],
      [`DELETE ${nobody}/opening`, undefined, 404, 21008],
      [`PATCH ${ADMIN}`, { share_percent: 101 }, 400, 21003],
      [`PATCH ${ADMIN}`, { minimum: -1 }, 400, 21003],
      [`PATCH ${ADMIN}`, { budget: 1 }, 400, 21015],
      [`POST ${ADMIN}/opening`, { deletions: 0, seconds: 1 }, 400, 21003],
      [`POST ${ADMIN}/opening`, { deletions: 1, seconds: 604_801 }, 400, 21003],
      [`POST ${ADMIN}/opening`, { deletions: 1 }, 400, 21002],
    ]
    for (const [line, body, status, code] of cases) {
      const found = await call(world, line, body)
      assert.deepEqual([found.status, found.body.error?.code], [status, code], line)
    }
  })
})

async function registerAndLeave(world: TestApp): Promise<void> {
  const { body } = await call(world, `POST ${REGISTRATIONS}`, { platform: 'web' })
  const left = await world.app.http.inject({
    method: 'DELETE',
    url: `${REGISTRATIONS}/${body.registration_id}`,
    headers: { authorization: `Bearer ${body.device_secret}` },
  })
  assert.deepEqual([left.statusCode, left.json()], [200, { success: true }])
}
