/** Announcements: hints that reach every listener, and whose loss costs no more than a poll. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Db } from '../../src/schema.ts'
import { ANNOUNCEMENTS_SESSION } from '../../src/storage/postgres/announcements.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { APP_KEY, startTestApp } from '../support/app.ts'
import { forEachEngine, openTestPostgres, personalTables } from '../support/engines.ts'
import { until } from '../support/until.ts'

/** Counts what a listener hears. */
function listen(database: Db, topic: string) {
  const heard = { count: 0 }
  const stop = database.onAnnounced(topic, () => {
    heard.count++
  })
  return { heard, stop }
}

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

function endSessions(url: string): Promise<unknown[]> {
  return ask(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = '${ANNOUNCEMENTS_SESSION}'`,
  )
}

/** Two nodes; the second has a listener, and so a session, of its own. */
async function openNodes(t: TestContext) {
  const opened = await openTestPostgres()
  const other: Db = await openPostgres(
    { url: opened.url, clock: systemClock(), onFault: () => {} },
    personalTables,
  )
  t.after(async () => {
    await other.close()
    await opened.close()
  })
  return { url: opened.url, one: opened.database, other }
}

forEachEngine('announcements', (open, engine) => {
  test('reach the listeners of their topic at the same node until these stop', async (t) => {
    const { database } = await open(t)
    const [wanted, foreign] = [listen(database, 'wanted'), listen(database, 'foreign')]
    // On PostgreSQL every listener hears once that the node is connected.
    if (engine === 'postgres') await until('it is connected', () => foreign.heard.count > 0)
    const foreignBefore = foreign.heard.count
    const before = wanted.heard.count
    database.announce('wanted')
    await until('it is heard', () => wanted.heard.count > before)
    assert.equal(foreign.heard.count, foreignBefore)

    wanted.stop()
    const last = listen(database, 'wanted')
    const atEnd = wanted.heard.count
    database.announce('wanted')
    await until('the other listener hears it', () => last.heard.count > 0)
    assert.equal(wanted.heard.count, atEnd)
  })
})

test('an announcement reaches another node at once', async (t) => {
  const { one, other } = await openNodes(t)
  const local = listen(one, 'news')
  const remote = listen(other, 'news')
  // Each hears once that it is connected.
  await until('both nodes listen', () => local.heard.count > 0 && remote.heard.count > 0)
  const [before, sentAt] = [remote.heard.count, performance.now()]
  one.announce('news')
  await until('the other node hears it', () => remote.heard.count > before, 1_000)
  assert.ok(performance.now() - sentAt < 1_000)
})

test('a node that lost its session listens again, and looks once for what it may have missed', async (t) => {
  const { url, one, other } = await openNodes(t)
  const local = listen(one, 'news')
  const remote = listen(other, 'news')
  await until('both nodes listen', () => local.heard.count > 0 && remote.heard.count > 0)
  const before = remote.heard.count
  await endSessions(url)
  await until('it is connected again', () => remote.heard.count > before, 5_000)
  await until('the other one too', async () => {
    const sessions = await ask(
      url,
      `select 1 from pg_stat_activity where datname = current_database()
      and application_name = '${ANNOUNCEMENTS_SESSION}'`,
    )
    return sessions.length === 2
  })
  const again = remote.heard.count
  one.announce('news')
  await until('it hears again', () => remote.heard.count > again, 5_000)
})

test('a deletion whose announcement was lost is erased all the same', async (t) => {
  const { url, one, other } = await openNodes(t)
  const place = { directory: '', url, close: async () => {} }
  const accepting = await startTestApp({ rateLimit: 0 }, { database: { ...place, database: one } })
  await accepting.app.http.inject('/healthz')
  for (const worker of accepting.app.workers) await worker.stop()
  const erasing = await startTestApp({ rateLimit: 0 }, { database: { ...place, database: other } })
  t.after(() => Promise.all([accepting.close(), erasing.close()]))
  const registered = await accepting.app.http.inject({
    method: 'POST',
    url: `/client/v1/apps/${APP_KEY}/registrations`,
    payload: { platform: 'web' },
  })
  const device = `/v4/devices/${registered.json().registration_id}`
  await endSessions(url)
  const deleted = await accepting.app.http.inject({ method: 'DELETE', url: device, headers: accepting.basic })
  assert.equal(deleted.statusCode, 200)
  await until('it is erased by the other node', async () => {
    const answer = await accepting.app.http.inject({ url: `${device}/erasure`, headers: accepting.basic })
    return answer.json().state === 'erased'
  })
})
