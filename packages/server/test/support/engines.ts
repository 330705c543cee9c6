/** Real databases for tests: a fresh SQLite file, a fresh PostgreSQL database. Every suite runs on both. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, type TestContext } from 'node:test'
import { testDatabaseUrl } from '../../../../tools/postgres/test-database.ts'
import { personalTables } from '../../src/app.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import type { Db } from '../../src/schema.ts'
import type { Engine } from '../../src/storage/database.ts'
import { openPostgres, type PostgresOptions } from '../../src/storage/postgres/postgres-database.ts'
import { openSqlite, type SqliteOptions } from '../../src/storage/sqlite/sqlite-database.ts'

export interface TestDatabase {
  readonly database: Db
  /** SQLite: the folder of the file. */
  readonly directory: string
  /** PostgreSQL: where the database is; empty on SQLite. */
  readonly url: string
  close(): Promise<void>
}

export interface TestDatabaseOptions {
  readonly clock?: Clock
  readonly sqlite?: Partial<SqliteOptions>
  readonly postgres?: Partial<PostgresOptions>
}

/** Opens a fresh database that is closed and removed when the test ends, however it ends. */
export { personalTables }

export type OpenDatabase = (t: TestContext, options?: TestDatabaseOptions) => Promise<TestDatabase>

const WRITER_THREAD = new URL('../../src/writer-thread.ts', import.meta.url)

/** Describes the same behaviour once for each engine. */
export function forEachEngine(title: string, suite: (open: OpenDatabase, engine: Engine) => void): void {
  describe(`${title}, on SQLite`, () => suite(closing(openTestSqlite), 'sqlite'))
  describe(`${title}, on PostgreSQL`, () => suite(closing(openTestPostgres), 'postgres'))
}

/** A test that fails half-way must not leave a writer behind: the runner would wait for it for ever. */
function closing(open: (options?: TestDatabaseOptions) => Promise<TestDatabase>): OpenDatabase {
  return async (t, options) => {
    const opened = await open(options)
    t.after(opened.close)
    return opened
  }
}

export async function openTestSqlite(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const directory = mkdtempSync(path.join(tmpdir(), 'lethe-test-'))
  const database: Db = await openSqlite({
    file: path.join(directory, 'lethe.sqlite'),
    writerThread: WRITER_THREAD,
    clock: options.clock ?? systemClock(),
    onFault: rethrow,
    ...options.sqlite,
  })
  const close = async () => {
    await database.close()
    rmSync(directory, { recursive: true, force: true })
  }
  return { database, directory, url: '', close }
}

export async function openTestPostgres(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url, drop } = await testDatabaseUrl()
  const database: Db = await openPostgres(
    { url, clock: options.clock ?? systemClock(), onFault: rethrow, ...options.postgres },
    personalTables,
  )
  const close = async () => {
    await database.close()
    await drop()
  }
  return { database, directory: '', url, close }
}

function rethrow(error: unknown): never {
  throw error
}
