/** The look at an audience before something is done with it, over HTTP and on both engines. */

// size: one suite that runs on both engines, read test by test.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'

interface World {
  readonly t: TestApp
  check(to: unknown): ReturnType<typeof post>
}

async function post(t: TestApp, url: string, { payload, by }: { payload: object; by?: object }) {
  const response = await t.app.http.inject({ method: 'POST', url, payload, headers: { ...by } })
  return { status: response.statusCode, body: response.json(), headers: response.headers }
}

async function startWorld(t: TestContext, open: OpenDatabase): Promise<World> {
  const app = await startTestApp({ rateLimit: 0 }, { database: await open(t) })
  t.after(() => app.close())
  await app.deps.database.ping()
  return {
    t: app,
    check: (to) => post(app, `/admin/v1/apps/${APP_KEY}/audience/check`, { payload: { to }, by: app.bearer }),
  }
}

/** Registers a user; `token`: whether a vendor can reach it. */
async function register({ t }: World, facts: object, { tags, alias }: { tags: string[]; alias?: string }) {
  const url = `/client/v1/apps/${APP_KEY}/registrations`
  const { status, body } = await post(t, url, { payload: facts })
  assert.equal(status, 201, JSON.stringify(body))
  const id = body.registration_id as string
  const set = await post(t, `/v4/devices/${id}`, {
    payload: { tags: { add: tags }, ...(alias ? { alias } : {}) },
    by: t.basic,
  })
  assert.equal(set.status, 200)
  return id
}

const token = (n: number) => `token-of-a-device-that-is-long-enough-${n}`

forEachEngine('the audience check', (open) => {
  test('tells figures, a sample and a fingerprint that follows who is in', async (context) => {
    const world = await startWorld(context, open)
    const android = { platform: 'android', token: token(1) }
    const one = await register(world, android, { tags: ['gone', 'b'], alias: 'alice' })
    const two = await register(world, { platform: 'web' }, { tags: ['gone'] })
    await register(world, { platform: 'android', token: token(2) }, { tags: ['b'] })
    const { status, body } = await world.check({ tag: ['gone'] })
    assert.equal(status, 200)
    const { fingerprint, sample, ...figures } = body
    assert.deepEqual(figures, {
      users: 2,
      live_users: 3,
      share: 2 / 3,
      by_platform: { web: 1, android: 1, ios: 0, hmos: 0 },
      reachable: {
        users: 1,
        by_platform: { web: 0, android: 1, ios: 0, hmos: 0 },
        by_channel: { 'web-push': 0, fcm: 1, apns: 0, hms: 0, socket: 0 },
      },
      unknown_tags: [],
    })
    const expected = [
      { registration_id: one, platform: 'android', reachable: true, alias: 'alice', tags: ['b', 'gone'] },
      { registration_id: two, platform: 'web', reachable: false, alias: '', tags: ['gone'] },
    ]
    assert.deepEqual(
      sample,
      expected.sort((a, b) => (a.registration_id < b.registration_id ? -1 : 1)),
    )

    // The same users by other words: the same fingerprint. One more, then one fewer: another one each time.
    const named = await world.check({ registration_id: [one, two] })
    assert.equal(named.body.fingerprint, fingerprint)
    const three = await register(world, { platform: 'ios' }, { tags: ['gone'] })
    const more = await world.check({ tag: ['gone'] })
    assert.notEqual(more.body.fingerprint, fingerprint)
    await world.t.app.http.inject({ method: 'DELETE', url: `/v4/devices/${three}`, headers: world.t.basic })
    assert.equal((await world.check({ tag: ['gone'] })).body.fingerprint, fingerprint)
  })

  test('reaches as many as validate tells of a push to the same audience', async (context) => {
    const world = await startWorld(context, open)
    for (let n = 0; n < 12; n++) {
      const facts = n % 3 === 0 ? { platform: 'web' } : { platform: 'android', token: token(n) }
      await register(world, facts, { tags: [n % 2 === 0 ? 'even' : 'odd'] })
    }
    for (const to of ['all', { tag: ['even'] }, { tag_not: ['even'] }]) {
      const { body } = await world.check(to)
      const push = { to, body: { platform: 'all', notification: { alert: 'x' } } }
      const validated = await post(world.t, '/v4/push/validate', { payload: push, by: world.t.basic })
      assert.equal(validated.headers['lethe-reach'], String(body.reachable.users), JSON.stringify(to))
      assert.equal(body.sample.length, Math.min(10, body.users))
    }
  })

  test('takes no empty audience for everybody, and names tags that nobody holds', async (context) => {
    const world = await startWorld(context, open)
    await register(world, { platform: 'web' }, { tags: ['vip'] })
    for (const to of [{}, { tag: [] }, { tag: [], tag_not: [] }]) {
      const { status, body } = await world.check(to)
      assert.deepEqual([status, body.error.code], [400, 21003], JSON.stringify(to))
    }
    assert.equal((await world.check({ tga: ['vip'] })).body.error.code, 21015)
    const misspelt = await world.check({ tag_not: ['vipp'] })
    assert.deepEqual([misspelt.body.users, misspelt.body.unknown_tags], [1, ['vipp']])
    const nobody = await world.check({ tag: ['vipp'] })
    assert.deepEqual([nobody.body.users, nobody.body.share, nobody.body.sample], [0, 0, []])
    const url = '/admin/v1/apps/nobody/audience/check'
    assert.equal(
      (await post(world.t, url, { payload: { to: 'all' }, by: world.t.bearer })).body.error.code,
      21008,
    )
    const asApp = await post(world.t, url, { payload: { to: 'all' }, by: world.t.basic })
    assert.equal(asApp.status, 401)
  })
})
