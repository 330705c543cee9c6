/** A deletion that says which version of the user it means: deleted as it was looked at, or not at all. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'

const REGISTRATIONS = `/client/v1/apps/${APP_KEY}/registrations`

interface User {
  readonly id: string
  readonly path: string
  readonly self: string
  readonly secret: { readonly authorization: string }
}

async function start(t: TestContext, open: OpenDatabase): Promise<TestApp> {
  const world = await startTestApp({ rateLimit: 0 }, { database: await open(t) })
  t.after(world.close)
  return world
}

interface Call {
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

async function call(world: TestApp, line: string, { body, headers }: Call = {}) {
  const [method, url = ''] = line.split(' ')
  const all = { ...(url.startsWith('/v4') ? world.basic : {}), ...headers }
  const request = { method: method as 'GET', url, headers: all }
  const response = await world.app.http.inject(body ? { ...request, payload: body } : request)
  return { status: response.statusCode, etag: String(response.headers['etag']), body: response.json() }
}

async function register(world: TestApp, given: object = {}): Promise<User> {
  const body = { platform: 'web', os: 'Linux', tags: ['a'], ...given }
  const { registration_id, device_secret } = (await call(world, `POST ${REGISTRATIONS}`, { body })).body
  const id = registration_id as string
  const secret = { authorization: `Bearer ${device_secret}` }
  return { id, path: `/v4/devices/${id}`, self: `${REGISTRATIONS}/${id}`, secret }
}

function look(world: TestApp, user: User): Promise<string> {
  return call(world, `GET ${user.path}`).then(({ etag }) => etag)
}

function remove(world: TestApp, user: User, ifMatch: string) {
  return call(world, `DELETE ${user.path}`, { headers: { 'if-match': ifMatch } })
}

forEachEngine('If-Match', (open) => {
  test('a user that is as it was looked at is deleted; one that was changed is not', async (t) => {
    const world = await start(t, open)
    const user = await register(world)
    const looked = await look(world, user)
    assert.match(looked, /^"\d+"$/)
    await call(world, `POST ${user.path}`, { body: { tags: { add: ['b'] } } })
    const refused = await remove(world, user, looked)
    assert.equal(refused.status, 412)
    assert.deepEqual(refused.body, {
      error: { code: 29002, message: 'the user has changed since it was looked at: nobody was deleted' },
    })
    assert.deepEqual((await call(world, `GET ${user.path}`)).body, { tags: ['a', 'b'], alias: '' })
    const again = await remove(world, user, await look(world, user))
    assert.deepEqual([again.status, again.body], [200, { success: true }])
    // Accepted before: answered so, whatever is asked.
    assert.equal((await remove(world, user, looked)).status, 200)
  })

  test('any of a list will do, * is whoever exists, and what is malformed deletes nobody', async (t) => {
    const world = await start(t, open)
    const [one, other, third] = [await register(world), await register(world), await register(world)]
    assert.equal((await remove(world, one, `"999", ${await look(world, one)}`)).status, 200)
    assert.equal((await remove(world, other, '*')).status, 200)
    for (const header of ['W/"1"', '"999"', '"abc"'])
      assert.equal((await remove(world, third, header)).status, 412)
    for (const header of ['', '1', '"1', '*, "1"']) {
      const { status, body } = await remove(world, third, header)
      assert.deepEqual([status, body.error.code], [400, 21003], header)
    }
    assert.equal((await call(world, `GET ${third.path}`)).status, 200)
    for (const header of ['*', '"1"']) {
      const nobody = { ...third, path: '/v4/devices/nobody' }
      assert.equal((await remove(world, nobody, header)).body.error.code, 20101)
    }
  })

  test('of a change and a deletion at the same time one comes first, and the other says so', async (t) => {
    const world = await start(t, open)
    for (let round = 0; round < 30; round++) {
      const user = await register(world)
      const looked = await look(world, user)
      const [changed, deleted] = await Promise.all([
        call(world, `POST ${user.path}`, { body: { alias: `alias${round}` } }),
        remove(world, user, looked),
      ])
      const outcome = [changed.status, deleted.status]
      assert.ok(outcome.join() === '200,412' || outcome.join() === '400,200', outcome.join())
    }
  })
})

forEachEngine('the version of a user', (open) => {
  test('is raised by tags, alias and facts, whoever changes them, and by nothing else', async (t) => {
    const world = await start(t, open)
    const user = await register(world)
    const other = await register(world)
    const ofSelf = (body: object) => call(world, `PUT ${user.self}`, { body, headers: user.secret })
    const ofServer = (body: object) => call(world, `POST ${user.path}`, { body })
    const raising: [name: string, change: () => Promise<unknown>][] = [
      ['a tag by the server', () => ofServer({ tags: { add: ['b'] } })],
      ['an alias by the server', () => ofServer({ alias: 'alice' })],
      ['a tag by the client', () => ofSelf({ tags: { remove: ['b'] } })],
      ['an alias by the client', () => ofSelf({ alias: 'bob' })],
      ['a fact by the client', () => ofSelf({ language: 'de' })],
      ['another fact', () => ofSelf({ language: 'en' })],
      [
        'a tag given to many',
        () => call(world, 'POST /v4/tags/c', { body: { registration_ids: { add: [user.id] } } }),
      ],
      ['a tag that is deleted', () => call(world, 'DELETE /v4/tags/c')],
      ['an alias that another takes', () => call(world, `POST ${other.path}`, { body: { alias: 'bob' } })],
      ['all tags removed', () => ofServer({ tags: '' })],
    ]
    for (const [name, change] of raising) {
      const before = await look(world, user)
      await change()
      assert.notEqual(await look(world, user), before, name)
    }
    const standing: [name: string, change: () => Promise<unknown>][] = [
      ['a heartbeat', () => ofSelf({})],
      ['facts that are known', () => ofSelf({ os: 'Linux', language: 'en' })],
      ['a tag that it does not have', () => ofServer({ tags: { remove: ['nothing'] } })],
      ['an alias that it has not', () => ofServer({ alias: '' })],
      ['a look', () => call(world, `GET ${user.path}`)],
      ['somebody else', () => call(world, `POST ${other.path}`, { body: { tags: { add: ['d'] } } })],
    ]
    for (const [name, change] of standing) {
      const before = await look(world, user)
      await change()
      assert.equal(await look(world, user), before, name)
    }
  })
})
