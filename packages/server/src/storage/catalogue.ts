/** The live database described by itself: what stands in it, whatever this program believes. */

import { sql } from 'kysely'
import type { CatalogueTable, Engine, Reader } from './database.ts'

/** Every table of ours with its columns, sorted by name. */
export async function readCatalogue(
  reader: Pick<Reader<never>, 'kysely'>,
  engine: Engine,
): Promise<CatalogueTable[]> {
  const found = await (engine === 'sqlite' ? SQLITE : POSTGRES).execute(reader.kysely)
  const tables = Map.groupBy(found.rows, (row) => row.table)
  return [...tables].map(([name, rows]) => ({
    name,
    columns: rows.map((row) => ({ name: row.column, isNullable: Number(row.nullable) === 1 })),
  }))
}

interface CatalogueRow {
  table: string
  column: string
  nullable: number
}

const SQLITE = sql<CatalogueRow>`
  select m.name as "table", c.name as "column", 1 - c."notnull" as nullable
  from sqlite_master m join pragma_table_info(m.name) c
  where m.type in ('table', 'view') and m.name not like 'sqlite|_%' escape '|'
  order by m.name, c.cid`

const POSTGRES = sql<CatalogueRow>`
  select t.relname as "table", a.attname as "column", case when a.attnotnull then 0 else 1 end as nullable
  from pg_class t join pg_attribute a on a.attrelid = t.oid
  where t.relnamespace = current_schema()::regnamespace and t.relkind in ('r', 'p', 'v', 'm', 'f')
    and a.attnum > 0 and not a.attisdropped
  order by t.relname, a.attnum`
