/** Migrations: what they make is what is declared, they may run at several nodes at once, and never backwards. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { testDatabaseUrl } from '../../../../tools/postgres/test-database.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { type Db, tables } from '../../src/schema.ts'
import { readCatalogue } from '../../src/storage/catalogue.ts'
import { schemaDifferences } from '../../src/storage/check-schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { openSqlite } from '../../src/storage/sqlite/sqlite-database.ts'
import { forEachEngine, personalTables, type TestDatabase } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'

const clock = systemClock()
const writerThread = new URL('../../src/writer-thread.ts', import.meta.url)

function openAgain({ database, directory, url }: TestDatabase): Promise<Db> {
  return database.engine === 'sqlite'
    ? openSqlite({ file: `${directory}/lethe.sqlite`, writerThread, clock, onFault: () => {} })
    : openPostgres({ url, clock, onFault: () => {} }, personalTables)
}

/** Tables, columns with their types, and indexes, as the database tells them. */
async function describeSchema(database: Db): Promise<unknown[]> {
  const { kysely } = database.read
  if (database.engine === 'sqlite') {
    return (await sql`select type, name, sql from sqlite_master order by type, name`.execute(kysely)).rows
  }
  const columns =
    await sql`select table_name, column_name, data_type, is_nullable from information_schema.columns
    where table_schema = current_schema() order by 1, 2`.execute(kysely)
  const indexes =
    await sql`select indexdef from pg_indexes where schemaname = current_schema() order by 1`.execute(kysely)
  const constraints =
    await sql`select conrelid::regclass::text as table, conname, pg_get_constraintdef(oid) as definition
    from pg_constraint where connamespace = current_schema()::regnamespace order by 1, 2`.execute(kysely)
  return [columns.rows, indexes.rows, constraints.rows]
}

forEachEngine('migrations', (open) => {
  test('make exactly what is declared', async (t) => {
    const { database } = await open(t)
    const catalogue = await readCatalogue(database.read as never, database.engine)
    assert.deepEqual(schemaDifferences(tables, catalogue), [])
  })

  test('run once: a database that was migrated is the same as a fresh one', async (t) => {
    const [opened, fresh] = [await open(t), await open(t)]
    const again = await openAgain(opened)
    t.after(() => again.close())
    assert.deepEqual(await describeSchema(again), await describeSchema(fresh.database))
  })

  test('a database of a newer Lethe stops the start, and says what to do', async (t) => {
    const opened = await open(t)
    await runOutside(
      opened,
      "insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', 'now')",
    )
    await assert.rejects(
      openAgain(opened),
      /^Error: The database was made by a newer Lethe \(it has the migration 9999-of-tomorrow\)\. Start that version or a newer one/,
    )
  })
})

test('several nodes that start at once on an empty PostgreSQL database migrate it once', async (t) => {
  const { url, drop } = await testDatabaseUrl()
  t.after(drop)
  const nodes = await Promise.all(
    [1, 2, 3, 4].map((): Promise<Db> => openPostgres({ url, clock, onFault: () => {} }, personalTables)),
  )
  const [first] = nodes
  assert.ok(first)
  const catalogue = await readCatalogue(first.read as never, 'postgres')
  assert.deepEqual(schemaDifferences(tables, catalogue), [])
  for (const node of nodes) await node.close()
})
