/** The audit log: what operators do and who is deleted stands in it, and nothing that tells who anybody is. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { auditUnits } from '../../src/audit/audit.store.ts'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'
import { openRegistry } from '../support/registry.ts'

const DAY_MS = 86_400_000

interface Entry {
  readonly id: string
  readonly actor: string
  readonly address_class: string | null
  readonly app_key: string | null
  readonly action: string
  readonly subject: string | null
  readonly figures: Record<string, number>
}

async function start(t: TestContext, open: OpenDatabase): Promise<TestApp> {
  const world = await startTestApp({}, { database: await open(t) })
  t.after(world.close)
  return world
}

async function call(world: TestApp, line: string, payload?: object) {
  const [method, url = ''] = line.split(' ')
  const headers = url.startsWith('/admin') ? world.bearer : url.startsWith('/v4') ? world.basic : {}
  const request = { method: method as 'GET', url, headers: { ...headers } }
  const response = await world.app.http.inject(payload ? { ...request, payload } : request)
  return { status: response.statusCode, body: response.json() }
}

async function entries(world: TestApp, query = ''): Promise<Entry[]> {
  const { status, body } = await call(world, `GET /admin/v1/audit${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body.entries
}

forEachEngine('the audit log', (open) => {
  test('tells what operators did, with figures and without what they typed', async (t) => {
    const world = await start(t, open)
    const app = `/admin/v1/apps/${APP_KEY}`
    await call(world, 'POST /admin/v1/apps', { name: 'Shop of Alice', app_key: 'shop' })
    await call(world, `PATCH ${app}`, { name: 'Bob', settings: { limits: { tag_bytes: 50 } } })
    await call(world, `POST ${app}/rotate-secret`)
    await call(world, `PUT ${app}/channels/stub`, {})
    await call(world, `DELETE ${app}/channels/stub`)
    const operator = {
      actor: 'operator',
      address_class: 'loopback',
      app_key: APP_KEY,
      subject: null,
      figures: {},
    }
    assert.deepEqual(
      (await entries(world)).map(({ id: _, ...entry }) => ({ ...entry, at: undefined })),
      [
        { ...operator, action: 'channel.removed', subject: 'stub' },
        { ...operator, action: 'channel.set', subject: 'stub', figures: { revision: 1 } },
        { ...operator, action: 'app.secret-rotated' },
        { ...operator, action: 'app.changed', subject: 'name limits', figures: { tag_bytes: 50 } },
        { ...operator, action: 'app.created', app_key: 'shop' },
      ].map((entry) => ({ ...entry, at: undefined })),
    )
  })

  test('tells nothing of what was refused', async (t) => {
    const world = await start(t, open)
    await call(world, 'POST /admin/v1/apps', { name: 'Again', app_key: APP_KEY })
    await call(world, 'PATCH /admin/v1/apps/nobody', { name: 'N' })
    await call(world, 'POST /admin/v1/apps/nobody/rotate-secret')
    await call(world, 'PUT /admin/v1/apps/nobody/channels/stub', {})
    await call(world, `DELETE /admin/v1/apps/${APP_KEY}/channels/stub`)
    assert.deepEqual(await entries(world), [])
  })
})

forEachEngine('the audit log as it is read', (open) => {
  test('has deletions as the digest of the tombstone: whose server asked, or that a device did', async (t) => {
    const world = await start(t, open)
    const { database } = world.deps
    const [mine, other] = await Promise.all([register(world), register(world)])
    await call(world, `DELETE /v4/devices/${mine.registration_id}`)
    await world.app.http.inject({
      method: 'DELETE',
      url: `/client/v1/apps/${APP_KEY}/registrations/${other.registration_id}`,
      headers: { authorization: `Bearer ${other.device_secret}` },
    })
    const found = await entries(world, '?action=user.deleted')
    const digests = await database.read.kysely
      .selectFrom('erasure')
      .select(['erasure_id', 'id_digest'])
      .execute()
    const digestOf = new Map(digests.map((row) => [row.erasure_id, row.id_digest]))
    assert.deepEqual(
      found
        .map((entry) => [entry.actor, entry.address_class, entry.subject === digestOf.get(entry.id)])
        .sort(),
      [
        ['app', 'loopback', true],
        ['device', null, true],
      ],
    )
    const text = JSON.stringify(await entries(world))
    for (const { registration_id } of [mine, other]) assert.ok(!text.includes(registration_id))
  })

  test('is read page by page, in one order, whatever stands where', async (t) => {
    const world = await start(t, open)
    for (let index = 0; index < 5; index++) {
      await call(world, 'POST /admin/v1/apps', { name: 'A', app_key: `app${index}` })
      const { registration_id } = await register(world)
      await call(world, `DELETE /v4/devices/${registration_id}`)
    }
    const all = await entries(world)
    assert.equal(all.length, 10)
    assert.deepEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
      all.map(({ id }) => id),
    )
    const paged: Entry[] = []
    for (let before: string | null = ''; before !== null; ) {
      const { body } = await call(world, `GET /admin/v1/audit?limit=3${before && `&before=${before}`}`)
      paged.push(...body.entries)
      before = body.next
    }
    assert.deepEqual(paged, all)
    assert.equal((await entries(world, '?action=app.created')).length, 5)
    for (const query of ['limit=0', 'limit=1001', 'before=x', 'action=nothing', 'other=1'])
      assert.equal((await call(world, `GET /admin/v1/audit?${query}`)).status, 400, query)
  })
})

forEachEngine('the audit log as it ages', (open) => {
  test('forgets an entry at the age that the setting says, and not before', async (t) => {
    const opened = await open(t)
    await openRegistry(opened.database)
    const now = await opened.database.now()
    const row = (id: string, age: number) =>
      `insert into audit (audit_id, at, actor, action, figures) values ('${id}', ${now - age}, 'operator', 'app.created', '{}')`
    await runOutside(opened, `${row('old', 2 * DAY_MS + 60_000)}; ${row('young', 2 * DAY_MS - 60_000)}`)
    assert.equal(await opened.database.write(auditUnits.forgetAudit, { olderThanMs: 2 * DAY_MS }), 'done')
    const left = await opened.database.read.kysely
      .selectFrom('audit')
      .select('audit_id')
      .where('action', '=', 'app.created')
      .execute()
    assert.deepEqual(left, [{ audit_id: 'young' }])
  })
})

async function register(world: TestApp): Promise<{ registration_id: string; device_secret: string }> {
  const { status, body } = await call(world, `POST /client/v1/apps/${APP_KEY}/registrations`, {
    platform: 'web',
  })
  assert.equal(status, 201)
  return body
}
