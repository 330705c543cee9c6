/** Everything that a database shows to somebody who looks without knowing what to look for. */

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import type { Db } from '../../src/schema.ts'

/** Every row of every table, as text, found by the catalogue. */
export async function allRows(database: Db): Promise<string[]> {
  const names =
    database.engine === 'sqlite'
      ? sql<{ name: string }>`select name from sqlite_master where type in ('table', 'view')`
      : sql<{ name: string }>`select c.oid::regclass::text as name from pg_class c
          where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'm')`
  const rows: string[] = []
  for (const { name } of (await names.execute(database.read.kysely)).rows) {
    const columns = database.engine === 'sqlite' ? '*' : 't::text'
    const found = await sql.raw(`select ${columns} from ${name} t`).execute(database.read.kysely)
    rows.push(...found.rows.map((row) => `${name} ${JSON.stringify(row)}`))
  }
  return rows
}

/** PostgreSQL: what the planner's statistics quote of our tables. */
export async function plannerStatistics(database: Db): Promise<string[]> {
  const found = await sql<
    Record<string, unknown>
  >`select tablename, attname, most_common_vals::text, histogram_bounds::text,
      most_common_elems::text from pg_stats where schemaname = current_schema()`.execute(database.read.kysely)
  return found.rows.map((row) => JSON.stringify(row))
}

/** SQLite: the bytes of every file in the folder, one character for each. */
export function fileBytes(folder: string): { name: string; bytes: Buffer }[] {
  return readdirSync(folder).map((name) => ({ name, bytes: readFileSync(path.join(folder, name)) }))
}
