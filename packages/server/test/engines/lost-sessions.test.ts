/** PostgreSQL ends sessions when it crashes, stops or is told to: the node loses what was under way, and nothing else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { prepareDatabase } from '../../src/app.ts'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { registerClient } from '../../src/devices/register-client.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { StorageUnavailable } from '../../src/storage/errors.ts'
import { APP_KEY, MASTER_SECRET } from '../support/app.ts'
import { openTestPostgres } from '../support/engines.ts'

test('a session that ends between two statements of a transaction fails that write alone', async (t) => {
  let isEnding = false
  const opened = await openTestPostgres({
    postgres: {
      seam: async ({ text }) => {
        if (isEnding) await endSessions(opened.url)
        return text
      },
    },
  })
  t.after(opened.close)
  const register = await registering(opened.database)
  isEnding = true
  await assert.rejects(register, StorageUnavailable)
  isEnding = false
  assert.equal((await register()).kind, 'registered')
})

test('reads that lose their session say that the storage is not available, whoever built the statement', async (t) => {
  const opened = await openTestPostgres()
  t.after(opened.close)
  const { kysely } = opened.database.read
  const waiting = [1, 2].map(() => kysely.selectFrom('app').select('app_key').execute())
  await Promise.all(waiting)
  const client = new pg.Client({ connectionString: opened.url })
  await client.connect()
  await client.query('begin; lock table app in access exclusive mode')
  const read = assert.rejects(kysely.selectFrom('app').select('app_key').execute(), StorageUnavailable)
  await sleep(100)
  await endSessions(opened.url, 'active')
  await read
  await client.query('rollback')
  await client.end()
  assert.deepEqual(await kysely.selectFrom('app').select('app_key').execute(), [])
})

/** Ends all sessions of the database but the one that asks, and waits until their owners have heard of it. */
async function endSessions(url: string, state?: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and ($1::text is null or state = $1)`,
    [state],
  )
  await client.end()
  await sleep(100)
}

async function registering(database: Db) {
  const world = { database, clock: systemClock(), random: systemRandom, log: silentLog, version: '0' }
  const secretKey = new Uint8Array(32).fill(1)
  const settings = { appKey: APP_KEY, masterSecret: MASTER_SECRET }
  await prepareDatabase({ ...world, secretKey, settings })
  const seal = createSeal(secretKey, systemRandom)
  const app = await createAppDirectory({ ...world, seal }).find(APP_KEY)
  assert.ok(app)
  return () => registerClient(world, app, { body: { platform: 'web' }, idempotencyKey: undefined })
}
