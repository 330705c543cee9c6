/** A message is forgotten after 30 days, with everything that became of it; no other is touched. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { deleteOldMessages } from '../../src/push/old-messages.store.ts'
import type { Db } from '../../src/schema.ts'
import { startTestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase, type TestDatabase } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'
import { openRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const TABLES = ['push', 'push_span', 'pending_message', 'message_status', 'message_count'] as const
const MONTH_MS = 30 * 86_400_000
/** More than go in one step, twice over. */
const USERS = 2_500

/** How many rows each message has in each table, as `message:rows`. */
async function rowsIn({ read }: Db): Promise<Record<string, string[]>> {
  const found = TABLES.map(async (table) => {
    const rows = await read.kysely
      .selectFrom(table)
      .select(({ fn }) => ['msg_id', fn.countAll<number>().as('count')])
      .groupBy('msg_id')
      .orderBy('msg_id')
      .execute()
    return [table, rows.map((row) => `${row.msg_id}:${row.count}`)] as const
  })
  return Object.fromEntries(await Promise.all(found))
}

/** Messages 1, a month old, and 2, a minute younger, with rows in every table. */
async function openWithTwoMessages(t: TestContext, open: OpenDatabase): Promise<TestDatabase> {
  const opened = await open(t)
  await openRegistry(opened.database)
  const now = await opened.database.now()
  const users = `(with recursive counted (n) as (select 1 union all select n + 1 from counted where n < ${USERS})
    select n from counted) as users`
  await runOutside(
    opened,
    `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
      select 'registry', 'user' || n, 'web', 'live', 1, 1 from ${users}`,
  )
  for (const [id, age] of [
    [1, MONTH_MS],
    [2, MONTH_MS - 60_000],
  ] as const) {
    await runOutside(
      opened,
      `insert into push (msg_id, app_key, kind, state, accepted_at, expires_at, is_targeted, collapse_id)
          values (${id}, 'registry', 'message', 'sending', ${now - age}, ${now}, 0, '${id}');
        insert into push_span (msg_id, span, app_key, start_slice, next_slice, end_slice, chunk_slices, due_at, spread_ms, served_at)
          values (${id}, 0, 'registry', 0, 0, 1, 1, ${now + MONTH_MS}, 0, 0);
        insert into pending_message (app_key, registration_id, msg_id, way, due_at, expires_at, attempts)
          values ('registry', 'user1', ${id}, 'socket', ${now}, ${now + MONTH_MS}, 0);
        insert into message_status (app_key, registration_id, msg_id, status, channel, changed_at)
          select 'registry', 'user' || n, ${id}, 'sent', 'chrome', 1 from ${users};
        insert into message_count (msg_id, app_key, platform, channel, targets, sent, delivered, impressions, clicks)
          values (${id}, 'registry', 'web', 'chrome', 1, 1, 0, 0, 0), (${id}, 'registry', 'web', 'edge', 1, 1, 0, 0, 0)`,
    )
  }
  return opened
}

/** Works while another transaction has what became of the message. */
async function whileHeld({ url }: TestDatabase, msgId: number, work: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query('select 1 from message_status where msg_id = $1 for update', [msgId])
    await work()
  } finally {
    await client.end()
  }
}

const OF_YOUNG = {
  push: ['2:1'],
  push_span: ['2:1'],
  pending_message: ['2:1'],
  message_status: [`2:${USERS}`],
  message_count: ['2:2'],
}

forEachEngine('a message that is 30 days old', (open, engine) => {
  test('goes in small steps, with all its rows, and a younger one stays whole', async (t) => {
    const { database } = await openWithTwoMessages(t, open)
    const outputs = [await database.write(deleteOldMessages, null)]
    const first = await rowsIn(database)
    assert.deepEqual(first['push'], ['1:1', '2:1'])
    assert.deepEqual(first['message_count'], ['1:2', '2:2'])
    while (outputs.at(-1) === 'more') outputs.push(await database.write(deleteOldMessages, null))
    assert.ok(outputs.length >= 3, `${outputs.length} steps`)
    assert.deepEqual(await rowsIn(database), OF_YOUNG)
    assert.equal(await database.write(deleteOldMessages, null), 'done')
    assert.deepEqual(await rowsIn(database), OF_YOUNG)
  })

  test('goes once where two work at it', async (t) => {
    const { database } = await openWithTwoMessages(t, open)
    const work = async () => {
      while ((await database.write(deleteOldMessages, null)) === 'more');
    }
    await until('the old message is gone', async () => {
      await Promise.all([work(), work()])
      return (await rowsIn(database))['push']?.length === 1
    })
    assert.deepEqual(await rowsIn(database), OF_YOUNG)
  })

  test('is forgotten by a server by itself', async (t) => {
    const opened = await openWithTwoMessages(t, open)
    const app = await startTestApp({}, { database: opened })
    t.after(app.close)
    await until('the old message is gone', async () => {
      const rows = await rowsIn(opened.database)
      return rows['push']?.join() === '2:1' && rows['message_status']?.join() === `2:${USERS}`
    })
  })

  // On SQLite nobody else can have a row.
  if (engine === 'postgres') {
    test('stays while another transaction has it, and those behind it do not wait', async (t) => {
      const opened = await open(t)
      await openRegistry(opened.database)
      const then = (await opened.database.now()) - MONTH_MS
      await runOutside(
        opened,
        `insert into push (msg_id, app_key, kind, state, accepted_at, expires_at, is_targeted, collapse_id)
          select n, 'registry', 'message', 'done', ${then} - 200 + n, ${then}, 0, n from generate_series(1, 150) as n;
        insert into message_count (msg_id, app_key, platform, channel, targets, sent, delivered, impressions, clicks)
          values (1, 'registry', 'web', 'chrome', 1, 1, 0, 0, 0);
        insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
          values ('registry', 'user', 'web', 'live', 1, 1);
        insert into message_status (app_key, registration_id, msg_id, status, channel, changed_at)
          values ('registry', 'user', 1, 'sent', 'chrome', 1)`,
      )
      const forgetAll = async () => {
        while ((await opened.database.write(deleteOldMessages, null)) === 'more');
      }
      await whileHeld(opened, 1, forgetAll)
      const nothing = { push: [], push_span: [], pending_message: [], message_status: [], message_count: [] }
      const held = { push: ['1:1'], message_status: ['1:1'], message_count: ['1:1'] }
      assert.deepEqual(await rowsIn(opened.database), { ...nothing, ...held })
      await forgetAll()
      assert.deepEqual(await rowsIn(opened.database), nothing)
    })
  }
})
