import { readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { personalTables } from '../../src/app.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { openTestSqlite } from '../support/engines.ts'
import { type Answer, assertAnswer, send } from '../support/wire.ts'

const UNAVAILABLE = '{"error":{"code":21030,"message":"storage is not available: nothing was changed"}}'

/** One call of every kind of look-up: by prepared statement, by query builder, before and after the app is known. */
const CALLS: readonly (readonly [line: string, body?: string])[] = [
  ['GET /v4/tags'],
  ['GET /v4/tags/quota-info'],
  ['GET /v4/devices/abc123'],
  ['GET /v4/devices/abc123/erasure'],
  ['GET /v4/erasures/abc123'],
  ['GET /v4/aliases/alice'],
  ['POST /v4/devices/abc123', '{"alias":"alice"}'],
  ['DELETE /v4/devices/abc123'],
  ['GET /client/v1/apps/aladdin/registrations/abc123'],
]

async function assertUnavailable(t: TestApp): Promise<void> {
  const { port } = new URL(await t.app.http.listen({ host: '127.0.0.1', port: 0 }))
  const headers = { ...t.basic, 'content-type': 'application/json' }
  for (const [line, body] of CALLS) {
    const answer: Answer = await send(
      Number(port),
      line,
      body === undefined ? { headers } : { headers, body },
    )
    assertAnswer(answer, { status: 503, body: UNAVAILABLE }, line)
  }
}

test('with PostgreSQL gone every call is 503, whatever it reads first', async (t) => {
  const postgres = await startPostgres({ fsync: false })
  const database: Db = await openPostgres(
    { url: postgres.url('postgres'), clock: systemClock(), onFault: () => {} },
    personalTables,
  )
  const opened = { database, directory: '', url: postgres.url('postgres'), close: () => database.close() }
  const app = await startTestApp({ rateLimit: 0 }, { database: opened })
  t.after(async () => {
    await app.close()
    await database.close()
    await postgres.stop()
  })
  await postgres.kill()
  await assertUnavailable(app)
})

test('with the SQLite file destroyed every call is 503, whatever it reads first', async (t) => {
  const opened = await openTestSqlite()
  const app = await startTestApp({ rateLimit: 0 }, { database: opened })
  t.after(async () => {
    await app.close()
    await opened.close()
  })
  for (const name of readdirSync(opened.directory).filter((one) => one.startsWith('lethe.sqlite'))) {
    const file = path.join(opened.directory, name)
    writeFileSync(file, Buffer.alloc(statSync(file).size, 0xa5))
  }
  await assertUnavailable(app)
})
