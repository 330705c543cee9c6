// size: one suite, told once and run on both engines.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { prepareDatabase } from '../../src/app.ts'
import type { App } from '../../src/apps/app.ts'
import { readChannelCredentials } from '../../src/apps/channel-credentials.store.ts'
import { openCredentials } from '../../src/apps/channel-credentials.ts'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { serviceAccount, webPushKeys } from '../support/channel-keys.ts'
import { forEachEngine, personalTables, type TestDatabase } from '../support/engines.ts'
import { allRows, fileBytes } from '../support/everything-stored.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { runOutside } from '../support/outside-sql.ts'

const CHANNELS = `/admin/v1/apps/${APP_KEY}/channels`

async function startNode(
  t: TestContext,
  database: TestDatabase,
  deps: Partial<TestApp['deps']> = {},
): Promise<TestApp> {
  const node = await startTestApp({}, { database, deps })
  t.after(node.close)
  return node
}

async function operate(node: TestApp, line: string, payload?: object) {
  const [method, url = ''] = line.split(' ')
  const request = { method: method as 'GET', url, headers: { ...node.bearer } }
  const response = await node.app.http.inject(payload ? { ...request, payload } : request)
  assert.equal(response.statusCode, 200, response.body)
  return response.json()
}

async function publicKeyAt(node: TestApp): Promise<string | null> {
  const response = await node.app.http.inject(`/client/v1/apps/${APP_KEY}`)
  return response.json().vapid_public_key
}

/** The app as the server sees it. */
async function find({ deps }: TestApp): Promise<App> {
  const seal = createSeal(deps.secretKey, systemRandom)
  const app = await createAppDirectory({ ...deps, seal }).find(APP_KEY)
  assert.ok(app)
  return app
}

function credentialsOf(app: App, channel: 'webPush' | 'fcm'): Readonly<Record<string, string>> {
  return { ...app.channels.get(channel)?.credentials }
}

forEachEngine('credentials of channels', (open, engine) => {
  test('nothing of a secret is readable in the database', async (t) => {
    const database = await open(t)
    const node = await startNode(t, database)
    const account = serviceAccount()
    await operate(node, `PUT ${CHANNELS}/fcm`, account)
    const app = await find(node)
    const minted = credentialsOf(app, 'webPush')['privateKey'] ?? ''
    assert.equal(Buffer.from(minted, 'base64url').length, 32)
    assert.equal(credentialsOf(app, 'fcm')['privateKey'], account.private_key)

    const lines = account.private_key.split('\n').filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line))
    const secrets = [minted, ...lines, account['client_email'] ?? '']
    const stored = [...(await allRows(database.database)), ...filesOf(database)]
    assert.ok(lines.length > 20)
    assert.ok(stored.some((text) => text.includes(APP_KEY)))
    for (const secret of secrets) assert.ok(!stored.some((text) => text.includes(secret)))
  })

  test('another secret key does not open them, nor does another app or channel', async (t) => {
    const database = await open(t)
    const node = await startNode(t, database)
    const [stored] = await readChannelCredentials(database.database.read, APP_KEY)
    assert.ok(stored)
    const openWith = (fill: number) =>
      openCredentials(createSeal(new Uint8Array(32).fill(fill), systemRandom), APP_KEY, stored)
    assert.equal(openWith(1).channel, 'webPush')
    assert.throws(() => openWith(2))
    await operate(node, `PUT ${CHANNELS}/stub`, {})
    const take = (from: string) =>
      runOutside(
        database,
        `update channel_credential set sealed = (select sealed from channel_credential where ${from})
          where app_key = '${APP_KEY}' and channel = 'webPush'`,
      )
    await take(`app_key = '${APP_KEY}' and channel = 'stub'`)
    await assert.rejects(find(node))
    const made = await node.app.http.inject({
      method: 'POST',
      url: '/admin/v1/apps',
      headers: { ...node.bearer },
      payload: { name: 'Other', app_key: 'other' },
    })
    assert.equal(made.statusCode, 201)
    await take(`app_key = 'other' and channel = 'webPush'`)
    await assert.rejects(find(node))
  })

  test('a change is there at once on its node, and within a second on every other', async (t) => {
    const database = await open(t)
    const clock = new FakeClock()
    const here = await startNode(t, database)
    const there = await startNode(t, database, { clock })
    const before = await publicKeyAt(here)
    assert.equal(await publicKeyAt(there), before)

    const keys = webPushKeys()
    await operate(here, `PUT ${CHANNELS}/web-push`, keys)
    assert.equal(await publicKeyAt(here), keys.public_key)
    await clock.advance(999)
    assert.equal(await publicKeyAt(there), before)
    await clock.advance(1)
    assert.equal(await publicKeyAt(there), keys.public_key)

    await operate(here, `DELETE ${CHANNELS}/web-push?confirm=true`)
    assert.equal(await publicKeyAt(here), null)
    await clock.advance(1_000)
    assert.equal(await publicKeyAt(there), null)
  })

  test('a revision never comes again, and what was removed stays removed over a new start', async (t) => {
    const database = await open(t)
    const node = await startNode(t, database)
    const revision = async () => (await find(node)).channels.get('webPush')?.revision
    assert.equal(await revision(), 1)
    await operate(node, `DELETE ${CHANNELS}/web-push?confirm=true`)
    assert.equal(await revision(), undefined)
    await prepareDatabase(node.deps)
    assert.equal(await revision(), undefined)
    await operate(node, `PUT ${CHANNELS}/web-push`, {})
    assert.equal(await revision(), 3)
    await operate(node, `PUT ${CHANNELS}/web-push`, { subject: 'https://example.com/push' })
    assert.equal(await revision(), 4)
  })

  test('an app that never had a key pair gets one, the same for all nodes that start at once', async (t) => {
    const database = await open(t)
    const node = await startNode(t, database)
    await runOutside(database, 'delete from channel_credential')
    assert.equal((await find(node)).channels.size, 0)
    const nodes = await Promise.all([1, 2, 3, 4].map(() => openAgain(t, database)))
    await Promise.all(nodes.map((one) => prepareDatabase({ ...node.deps, database: one })))
    const app = await find(node)
    assert.equal(app.channels.get('webPush')?.revision, 1)
    await prepareDatabase(node.deps)
    assert.deepEqual((await find(node)).channels, app.channels)
  })

  /** As another node has it; on SQLite there is none. */
  async function openAgain(t: TestContext, { database, url }: TestDatabase): Promise<Db> {
    if (engine === 'sqlite') return database
    const opened: Db = await openPostgres({ url, clock: systemClock(), onFault: () => {} }, personalTables)
    t.after(() => opened.close())
    return opened
  }

  function filesOf({ directory }: TestDatabase): string[] {
    return engine === 'sqlite' ? fileBytes(directory).map(({ bytes }) => bytes.toString('latin1')) : []
  }
})
