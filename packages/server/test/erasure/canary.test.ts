/**
 * The canary test (design, section 3, lock 5). Marks enter over HTTP into every free-text field for Alice and Bob; Alice
 * is erased; then everything is searched: none of Alice, all of Bob, and nothing of requests that were refused.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { sql } from 'kysely'
import { startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { sha256 } from '../../src/kernel/digest.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import {
  assertAllFound,
  assertNowhere,
  CLIENT,
  call,
  erase,
  mark,
  markOf,
  remember,
  sendToStub,
  serverCall,
  startWithStub,
  untilSent,
} from '../support/canary.ts'
import { forEachEngine, personalTables } from '../support/engines.ts'
import { allRows, fileBytes, plannerStatistics } from '../support/everything-stored.ts'
import { hurriedClock } from '../support/hurried-clock.ts'
import { markedItem, markedMessage, markedNotification } from '../support/marked-pushes.ts'
import { subscriptionAt } from '../support/subscription.ts'

interface Person {
  /** What the server was told and holds at the end; all of it must be found while the person is there. */
  readonly kept: string[]
  /** What it was told and has replaced since, or keeps as a digest only: must never be found after an erasure. */
  readonly passed: string[]
  readonly ids: string[]
  /** The alias and a tag of the browser. */
  readonly names: { alias: string; tag: string }
}

/** Registers a browser and an Android phone of one person and changes every field of them that can be changed. */
async function arrive(app: TestApp, name: string): Promise<Person> {
  const person: Person = { kept: [], passed: [], ids: [], names: { alias: '', tag: '' } }
  const kept = (suffix: string) => remember(person.kept, markOf(name, suffix))
  const passed = (suffix: string) => remember(person.passed, markOf(name, suffix))

  const idempotencyKey = passed('key')
  const first = subscriptionAt(`https://push.example/${passed('oldendpoint')}`)
  const registered = await call(app, 201, {
    method: 'POST',
    url: CLIENT,
    headers: { 'idempotency-key': idempotencyKey },
    payload: {
      platform: 'web',
      subscription: first,
      ...factsOf(passed),
      tags: [kept('tag'), passed('oldtag')],
      alias: passed('oldalias'),
    },
  })
  const { registration_id: id, device_secret: secret } = registered as Record<string, string>
  const endpoint = `https://push.example/${kept('endpoint')}`
  const second = subscriptionAt(endpoint)
  await call(app, 200, {
    method: 'PUT',
    url: `${CLIENT}/${id}`,
    headers: { authorization: `Bearer ${secret}` },
    payload: {
      subscription: second,
      ...factsOf(kept),
      tags: { add: [kept('tag')], remove: person.passed.filter(isOldTag) },
    },
  })
  Object.assign(person.names, { alias: kept('alias'), tag: kept('tag') })
  const { alias, tag } = person.names
  await call(app, 200, serverCall(app, `POST /v4/devices/${id}`, { alias, tags: { add: [tag] } }))
  await call(app, 200, serverCall(app, `POST /v4/tags/${kept('tag')}`, { registration_ids: { add: [id] } }))
  person.kept.push(...Object.values(second.keys), sha256(`web:${endpoint}`), sha256(secret ?? ''), id ?? '')
  person.passed.push(...Object.values(first.keys), secret ?? '')

  // The stub puts off whatever goes to the phone.
  const token = `stub-retry-${kept('token')}${'x'.repeat(32)}`
  const tokens = await call(
    app,
    200,
    serverCall(app, 'POST /v4/devices/token/registration_id', { platform: 'android', tokens: [token] }),
  )
  const phone = (tokens as { results: { registration_id: string }[] }).results[0]?.registration_id ?? ''
  person.kept.push(phone, sha256(`android:${token}`))
  person.ids.push(id ?? '', phone)
  return person
}

/** Pushes to one person alone that say something about it, by every way that names it; and one to its tag, which says nothing. */
async function beTold(app: TestApp, { kept, ids, names }: Person): Promise<void> {
  const mark = (suffix: string) => remember(kept, markOf('told', suffix))
  const [browser = '', phone = ''] = ids
  const push = (to: object, content: object) =>
    call(app, 200, serverCall(app, 'POST /v4/push', { to, ...content }))
  await push({ registration_id: [browser] }, markedNotification(mark))
  await push({ registration_id: [phone] }, markedNotification(mark))
  await push({ alias: [names.alias] }, markedMessage(mark))
  await push({ registration_id: ids, tag: [names.tag] }, markedMessage(mark))
  const toIds = { requests: ids.map((id) => markedItem(id, mark)) }
  await call(app, 200, serverCall(app, 'POST /v4/batch/push/regid', toIds))
  const toAlias = { requests: [markedItem(names.alias, mark)] }
  await call(app, 200, serverCall(app, 'POST /v4/batch/push/alias', toAlias))
  await push(
    { tag: [names.tag, mark('none')] },
    { body: { platform: 'all', notification: { alert: 'Hello' } } },
  )
  kept.pop() // A tag that nobody has is in the audience alone, and goes with it.
  await untilSent(app)
}

/** Asks whether pushes would reach somebody, and what is said in them. */
async function beAskedAbout(app: TestApp, { ids, names }: Person): Promise<string[]> {
  const marks: string[] = []
  const mark = (suffix: string) => remember(marks, markOf('asked', suffix))
  for (const to of [
    { registration_id: ids },
    { alias: [names.alias, mark('alias')] },
    { tag: [names.tag, mark('tag')] },
  ])
    await call(app, 200, serverCall(app, 'POST /v4/push/validate', { to, ...markedNotification(mark) }))
  const items = {
    requests: [markedItem(mark('target'), mark), markedItem(ids[0] ?? '', () => mark('cid').repeat(9))],
  }
  await call(app, 200, serverCall(app, 'POST /v4/batch/push/alias', items))
  return marks
}

const isOldTag = (text: string) => text.includes('oldtag')

function factsOf(next: (suffix: string) => string) {
  return {
    os: next('os'),
    browser: next('browser'),
    model: `${next('model')} with a space`,
    app_version: next('app'),
    sdk_version: next('sdk'),
    language: `de-x-${next('lang')}`,
    timezone: 'Antarctica/Troll',
  }
}

/** Requests that are refused, each with a mark where somebody might log it. */
async function beRefused(app: TestApp, aliceId: string): Promise<string[]> {
  const marks: string[] = []
  const m = () => remember(marks, mark('refused'))
  const requests = [...refusedByTheServerApi(app, aliceId, m), ...refusedElsewhere(aliceId, m)]
  for (const request of requests) {
    const answer = await app.app.http.inject(request)
    assert.ok(
      answer.statusCode >= 400 && answer.statusCode < 500,
      `${request.method} ${request.url}: ${answer.statusCode}`,
    )
  }
  return marks
}

function refusedByTheServerApi(app: TestApp, aliceId: string, m: () => string): InjectOptions[] {
  return [
    serverCall(app, `GET /v4/devices/${m()}`),
    serverCall(app, `DELETE /v4/devices/${m()}`),
    serverCall(app, `DELETE /v4/devices/${m()},${m()}`),
    serverCall(app, `DELETE /v4/devices/${m()}%00`),
    serverCall(app, `GET /v4/devices/${m()}/erasure`),
    serverCall(app, `GET /v4/erasures/${m()}`),
    serverCall(app, `POST /v4/devices/${aliceId}`, { alias: `${m()} ${m()}` }),
    serverCall(app, `POST /v4/devices/${aliceId}`, { tags: { add: [m().repeat(3)] } }),
    serverCall(app, `POST /v4/devices/${aliceId}`, { [m()]: m() }),
    serverCall(app, `POST /v4/tags/${m()}`, { registration_ids: { add: [m()] } }),
    serverCall(app, `POST /v4/tags/${m()}`, { registration_ids: { add: [`${m()}!`] } }),
    serverCall(app, `GET /v4/tags_count?tags=${m()}%20x&platform=${m()}`),
    serverCall(app, `GET /v4/aliases/${m()}%2f${m()}`),
    serverCall(app, `POST /v4/${m()}?${m()}=${m()}`, { [m()]: m() }),
    serverCall(app, 'POST /v4/devices/status', { registration_ids: [`${m()} `] }),
    serverCall(app, 'POST /v4/devices/token/registration_id', { platform: 'ios', tokens: [m()] }),
    serverCall(app, 'POST /v4/push', { to: { alias: [m()], tag: [m()] }, ...markedNotification(m) }),
    serverCall(app, 'POST /v4/push', { to: { registration_id: [m()] }, ...markedMessage(m) }),
    serverCall(app, 'POST /v4/push', {
      to: { registration_id: [aliceId] },
      body: { platform: 'all', notification: { alert: m(), [m()]: m() } },
    }),
    serverCall(app, 'POST /v4/push', {
      to: { registration_id: [aliceId] },
      body: { platform: m(), notification: { alert: m() }, options: { cid: `${m()}!` } },
    }),
    serverCall(app, 'POST /v4/push/validate', { to: { tag: [m()] }, ...markedMessage(m) }),
    serverCall(app, 'POST /v4/batch/push/alias', { requests: [markedItem(m(), m), { [m()]: m() }] }),
    serverCall(app, `DELETE /v4/push/withdraw/${m()}`),
    serverCall(app, `GET /v4/status/detail?message_ids=${m()}`),
    serverCall(app, `GET /v4/status/message?message_id=${m()}&registration_ids=${m()}`),
    serverCall(app, `GET /v4/status/users?time_unit=${m()}&start=${m()}&duration=${m()}`),
    {
      ...serverCall(app, `POST /v4/devices/${aliceId}`),
      payload: `{"alias": "${m()}`,
      headers: { ...app.basic, 'content-type': 'application/json' },
    },
    {
      ...serverCall(app, `POST /v4/devices/${aliceId}`),
      payload: m(),
      headers: { ...app.basic, 'content-type': 'text/plain' },
    },
  ]
}

function refusedElsewhere(aliceId: string, m: () => string): InjectOptions[] {
  return [
    {
      method: 'GET',
      url: `/v4/devices/${aliceId}`,
      headers: { authorization: `Basic ${Buffer.from(`${m()}:${m()}`).toString('base64')}` },
    },
    { method: 'GET', url: `${CLIENT}/${aliceId}`, headers: { authorization: `Bearer ${m()}` } },
    { method: 'GET', url: `/client/v1/apps/${m()}`, headers: { origin: `https://${m()}.example` } },
    {
      method: 'POST',
      url: CLIENT,
      payload: {
        platform: 'web',
        subscription: { endpoint: `http://${m()}`, keys: { p256dh: m(), auth: m() } },
      },
    },
    { method: 'POST', url: CLIENT, payload: { platform: 'android', token: m() } },
    { method: 'POST', url: CLIENT, payload: { platform: 'web', language: m(), timezone: m() } },
    {
      method: 'POST',
      url: CLIENT,
      payload: { platform: 'web' },
      headers: { 'idempotency-key': `${m()} ${m()}` },
    },
    {
      method: 'POST',
      url: CLIENT,
      payload: { platform: 'web', alias: `${m()}/` },
      headers: { 'x-forwarded-for': m(), 'user-agent': m(), referer: m() },
    },
    { method: 'GET', url: '/admin/v1/apps', headers: { authorization: `Bearer ${m()}` } },
    { method: 'OPTIONS', url: `${CLIENT}/${m()}`, headers: { origin: `https://${m()}.example` } },
  ]
}

/** What does not even look like a request, over a real socket. */
async function beGarbage(app: TestApp): Promise<string[]> {
  const marks: string[] = []
  const m = () => remember(marks, mark('garbage'))
  const address = new URL(await app.app.http.listen({ host: '127.0.0.1', port: 0 }))
  const texts = [
    `GET /${m()} HTTP/1.1\r\nhost: x\r\nbad header ${m()}\r\n\r\n`,
    `${m()} /${m()} HTTP/1.1\r\nhost: x\r\n\r\n`,
    `GET /v4/devices/${m()} HTTP/1.1\r\nhost: x\r\nx: ${m().repeat(1_000)}\r\n\r\n`,
    `POST ${CLIENT} HTTP/1.1\r\nhost: x\r\ncontent-length: ${m()}\r\n\r\n`,
    `GET /%${m()}%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
  ]
  for (const text of texts) {
    const socket = connect(Number(address.port), address.hostname)
    socket.on('error', () => {}) // A reset is one way of being refused.
    socket.resume()
    socket.write(text)
    await once(socket, 'close')
  }
  return marks
}

async function metricsOf(app: TestApp): Promise<string> {
  return (await app.app.http.inject('/metrics')).body
}

forEachEngine('the canary', (open, engine) => {
  test('of an erased user nothing is found in any table, log line or metric; of another everything', async (t) => {
    const opened = await open(t)
    const { app, captured } = await startWithStub(t, opened)
    const [alice, bob] = [await arrive(app, 'alice'), await arrive(app, 'bob')]
    for (const person of [alice, bob]) await beTold(app, person)
    const refused = [
      ...(await beRefused(app, alice.ids[0] ?? '')),
      ...(await beGarbage(app)),
      ...(await beAskedAbout(app, alice)),
    ]
    const told = [...alice.kept, ...alice.passed]
    const before = await allRows(opened.database)
    assertAllFound([...alice.kept, ...bob.kept], before)
    assertNowhere(refused, before)
    if (engine === 'postgres') {
      await sql`analyze`.execute(opened.database.read.kysely)
      const quoted = await plannerStatistics(opened.database)
      assert.ok(
        told.filter((text) => quoted.some((row) => row.includes(text))).length > 10,
        'statistics quote rows',
      )
    }

    await erase(app, alice.ids)

    const rows = await allRows(opened.database)
    assertNowhere([...told, ...refused], rows)
    assertAllFound(bob.kept, rows)
    assertNowhere([...told, ...refused, ...bob.kept, ...bob.passed], [captured.text(), await metricsOf(app)])
    if (engine === 'sqlite') {
      const files = fileBytes(opened.directory).map(
        ({ name, bytes }) => `${name} ${bytes.toString('latin1')}`,
      )
      assertNowhere([...told, ...refused], files)
      assertAllFound(bob.kept, files)
    } else {
      const quoted = await plannerStatistics(opened.database)
      assertNowhere([...told, ...refused], quoted)
      assert.ok(
        bob.kept.some((text) => quoted.some((row) => row.includes(text))),
        'the search finds Bob',
      )
    }
  })

  test('of the last user nothing is found either', async (t) => {
    const opened = await open(t)
    const { app } = await startWithStub(t, opened)
    const alice = await arrive(app, 'alice')
    await beTold(app, alice)
    if (engine === 'postgres') await sql`analyze`.execute(opened.database.read.kysely)
    await erase(app, alice.ids)
    assertNowhere([...alice.kept, ...alice.passed], await allRows(opened.database))
    if (engine === 'sqlite') {
      const files = fileBytes(opened.directory).map(
        ({ name, bytes }) => `${name} ${bytes.toString('latin1')}`,
      )
      assertNowhere([...alice.kept, ...alice.passed], files)
    } else assertNowhere([...alice.kept, ...alice.passed], await plannerStatistics(opened.database))
  })
})

test('PostgreSQL writes nothing of anybody into its own log, although it quotes rows that collide', async (t) => {
  const server = await startPostgres({ fsync: false })
  const url = server.url('postgres')
  const clock = systemClock()
  const database: Db = await openPostgres({ url, clock, onFault: () => {}, writersMax: 8 }, personalTables)
  const app = await startTestApp(
    { rateLimit: 0 },
    { database: { database, directory: '', url, close: async () => {} }, deps: { clock: hurriedClock(10) } },
  )
  t.after(async () => {
    await app.close()
    await database.close()
    await server.stop()
  })
  await sendToStub(app)
  const [alice, bob] = [await arrive(app, 'alice'), await arrive(app, 'bob')]
  for (const person of [alice, bob]) await beTold(app, person)
  const shared = mark('shared')
  const everybody = [...alice.ids, ...bob.ids]
  for (let round = 0; round < 20; round++) {
    // Everybody wants the same alias, tag and new tokens at the same time.
    await Promise.all(
      everybody.flatMap((id) => [
        app.app.http.inject(
          serverCall(app, `POST /v4/devices/${id}`, { alias: shared, tags: { add: [shared] } }),
        ),
        app.app.http.inject(
          serverCall(app, 'POST /v4/devices/token/registration_id', {
            platform: 'android',
            tokens: [`${shared}_${round}_${'y'.repeat(32)}`],
          }),
        ),
      ]),
    )
  }
  await beRefused(app, alice.ids[0] ?? '')
  await erase(app, alice.ids)
  const told = [
    ...alice.kept,
    ...alice.passed,
    ...bob.kept,
    ...bob.passed,
    shared,
    'refused',
    'duplicate key',
  ]
  assertNowhere(told, server.log().split('\n'))
  await assert.rejects(
    sql`insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
      select app_key, registration_id, platform, state, 0, 0 from device`.execute(database.read.kysely),
  )
  assert.match(server.log(), /duplicate key/, 'the search finds what does stand there')
})
