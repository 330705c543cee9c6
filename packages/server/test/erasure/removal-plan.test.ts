/**
 * What happens when the plan of a removal is not complete: the erasure stays open, says which table, alarms, and holds up
 * nobody; and what the boot check says of a database that the plan does not know.
 */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { prepareDatabase } from '../../src/app.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { openSqlite } from '../../src/storage/sqlite/sqlite-database.ts'
import { removalPlan, unitsWith } from '../../src/units.ts'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { captureLog } from '../support/capture-log.ts'
import { forEachEngine, openTestPostgres, openTestSqlite, type TestDatabase } from '../support/engines.ts'
import { hurriedClock } from '../support/hurried-clock.ts'
import { runOutside } from '../support/outside-sql.ts'
import { until } from '../support/until.ts'

const PRODUCT_WRITER = new URL('../../src/writer-thread.ts', import.meta.url)

const WRITERS_WITHOUT: Readonly<Record<string, URL>> = {
  device: new URL('../support/writer-without-device.ts', import.meta.url),
  device_tag: new URL('../support/writer-without-device-tag.ts', import.meta.url),
}

async function openWithout(engine: string, table: string): Promise<TestDatabase> {
  if (engine === 'postgres') return openTestPostgres()
  return openTestSqlite({ sqlite: { writerThread: WRITERS_WITHOUT[table] ?? PRODUCT_WRITER } })
}

async function startWithout(t: TestContext, engine: string, table: string) {
  const opened = await openWithout(engine, table)
  const captured = captureLog()
  const clock = hurriedClock(10)
  const removeDevices = unitsWith(removalPlan().filter((step) => step.table !== table)).removeDevices
  const app = await startTestApp(
    { rateLimit: 0 },
    { database: opened, deps: { log: captured.log, clock, removeDevices } },
  )
  const running = { app }
  t.after(async () => {
    await running.app.close()
    await opened.close()
  })
  return { opened, app, running, captured }
}

async function register(app: TestApp, tags: readonly string[]): Promise<string> {
  const url = `/client/v1/apps/${APP_KEY}/registrations`
  const answer = await app.app.http.inject({ method: 'POST', url, payload: { platform: 'web', tags } })
  return answer.json().registration_id
}

/** The id of the erasure. */
async function remove(app: TestApp, id: string): Promise<string> {
  const answer = await app.app.http.inject({ method: 'DELETE', url: `/v4/devices/${id}`, headers: app.basic })
  assert.equal(answer.statusCode, 200)
  return String(answer.headers['lethe-erasure'])
}

async function stateOf(app: TestApp, erasureId: string): Promise<string> {
  const answer = await app.app.http.inject({ url: `/v4/erasures/${erasureId}`, headers: app.basic })
  return answer.json().state
}

function untilErased(app: TestApp, erasureId: string): Promise<unknown> {
  return until('the erasure is finished', async () => (await stateOf(app, erasureId)) === 'erased')
}

async function failureOf(database: Db, erasureId: string): Promise<string | null> {
  const found = await sql<{
    failure: string | null
  }>`select failure from erasure where erasure_id = ${erasureId}`.execute(database.read.kysely)
  return found.rows[0]?.failure ?? null
}

function untilFailed(database: Db, erasureId: string): Promise<string> {
  return until('the erasure fails', async () => (await failureOf(database, erasureId)) ?? undefined)
}

async function textOf(app: TestApp, url: string): Promise<string> {
  return (await app.app.http.inject(url)).body
}

/** Starts a server that has the whole plan on what the other one left. */
async function startWhole(
  engine: string,
  opened: TestDatabase,
): Promise<TestApp & { closeAll(): Promise<void> }> {
  const clock = hurriedClock(10)
  let { database } = opened
  if (engine === 'sqlite') {
    await database.close()
    const file = `${opened.directory}/lethe.sqlite`
    database = await openSqlite({ file, writerThread: PRODUCT_WRITER, clock, onFault: () => {} })
  }
  const app = await startTestApp({ rateLimit: 0 }, { database: { ...opened, database }, deps: { clock } })
  const closeAll = async () => {
    await app.close()
    if (engine === 'sqlite') await database.close()
  }
  return { ...app, closeAll }
}

forEachEngine('a removal without a step', (_open, engine) => {
  for (const { table, step, event } of [
    { table: 'device_tag', step: 'remove', event: 'erasure.not-removed' },
    { table: 'device', step: 'look-again', event: 'erasure.something-left' },
  ]) {
    test(`for ${table} stays open and says so, until the step is there`, async (t) => {
      const { opened, app, running, captured } = await startWithout(t, engine, table)
      const [alice, carol] = [await register(app, ['one', 'two']), await register(app, [])]
      const erasureId = await remove(app, alice)
      assert.match(await untilFailed(opened.database, erasureId), new RegExp(`\\b${table}\\b`))
      if (table !== 'device') await untilErased(app, await remove(app, carol))

      const line = captured.lines.find((one) => one.event === event)
      assert.equal(line?.level, 'error')
      assert.match(String(line?.fields['tables']), new RegExp(`\\b${table}\\b`))
      assert.match(
        await textOf(app, '/metrics'),
        new RegExp(`lethe_erasure_failures_total\\{step="${step}"\\} [1-9]`),
      )
      assert.deepEqual(JSON.parse(await textOf(app, '/readyz')).warnings, [])
      await runOutside(opened, 'update erasure set accepted_at = accepted_at - 61000')
      assert.match(
        JSON.parse(await textOf(app, '/readyz')).warnings[0],
        /oldest open erasure was accepted 6\d s ago/,
      )
      assert.ok(!captured.text().includes(alice))
      assert.notEqual(await stateOf(app, erasureId), 'erased')

      await app.close()
      const whole = await startWhole(engine, opened)
      running.app = { ...whole, close: whole.closeAll }
      await untilErased(whole, erasureId)
      assert.equal(await failureOf(whole.deps.database, erasureId), null)
    })
  }

  test('what comes to lie in a table that nobody declared is found by the second look', async (t) => {
    const { opened, app, captured } = await startWithout(t, engine, 'none')
    await runOutside(opened, 'create table note (app_key text, registration_id text, words text)')
    const [alice, bob] = [await register(app, ['one']), await register(app, [])]
    const note = (id: string) => `insert into note values ('${APP_KEY}', '${id}', 'of the user')`
    await runOutside(opened, `${note(alice)}; ${note(bob)}`)
    const erasureId = await remove(app, alice)
    assert.equal(await untilFailed(opened.database, erasureId), 'note')
    assert.ok(
      captured.lines.some(
        ({ event, fields }) => event === 'erasure.something-left' && fields['tables'] === 'note',
      ),
    )
    await runOutside(opened, `delete from note where registration_id = '${alice}'`)
    await untilErased(app, erasureId)
  })
})

forEachEngine('the boot check', (open) => {
  const cases = [
    ['create table note (words text)', /the table note is in the database but is not declared/],
    ['create view note as select alias from device', /the table note is in the database but is not declared/],
    [
      'alter table device add column nickname text',
      /the column device\.nickname is in the database but is not declared/,
    ],
    ['alter table device drop column os', /the column device\.os is missing/],
    ['drop table device_tag', /the table device_tag is missing/],
  ] as const
  for (const [statement, sentence] of cases) {
    test(`stops a start after: ${statement}`, async (t) => {
      const opened = await open(t)
      await runOutside(opened, statement)
      const world = { clock: systemClock(), random: systemRandom, log: silentLog, settings: {}, version: '0' }
      const preparing = prepareDatabase({
        database: opened.database,
        secretKey: new Uint8Array(32),
        ...world,
      })
      await assert.rejects(preparing, sentence)
    })
  }
})

describe('the plan', () => {
  test('ends with the device row', () => {
    assert.deepEqual(
      removalPlan().map(({ table }) => table),
      ['device_tag', 'deletion_target', 'pending_message', 'socket_presence', 'message_status', 'device'],
    )
  })
})
