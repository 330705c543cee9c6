/** Brings a database to the newest schema, and refuses one that is newer than this program. */

import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Engine } from '../database.ts'
import { registry } from './0001-registry.ts'
import { audience } from './0002-audience.ts'
import { sending } from './0003-sending.ts'
import { audit } from './0004-audit.ts'
import { bulk } from './0005-bulk.ts'
import { guard } from './0006-guard.ts'
import { version } from './0007-version.ts'
import { ledger } from './0008-ledger.ts'

/** A migration gives the statements that it runs on an engine. Once released it never changes. */
export type MigrationStatements = (engine: Engine) => readonly string[]

/** Every migration by its name, in order. Forward only. */
const migrations: Readonly<Record<string, MigrationStatements>> = {
  '0001-registry': registry,
  '0002-audience': audience,
  '0003-sending': sending,
  '0004-audit': audit,
  '0005-bulk': bulk,
  '0006-guard': guard,
  '0007-version': version,
  '0008-ledger': ledger,
}

/** Kysely's own tables, which stand in no declaration. */
export const MIGRATION_TABLES: readonly string[] = ['kysely_migration', 'kysely_migration_lock']

/** @throws Error with a sentence for the operator when the database is newer, or a migration fails. */
export async function migrate(kysely: Kysely<never>, engine: Engine): Promise<void> {
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => kyselyMigrations(engine) },
  })
  const applied = await appliedMigrations(kysely, engine)
  const unknown = applied.filter((name) => !(name in migrations))
  if (unknown.length > 0) {
    throw new Error(
      `The database was made by a newer Lethe (it has the migration ${unknown.join(', ')}). ` +
        'Start that version or a newer one; an older one would not know what to erase.',
    )
  }
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

function kyselyMigrations(engine: Engine): Record<string, Migration> {
  const entries = Object.entries(migrations).map(([name, statements]): [string, Migration] => [
    name,
    {
      up: async (db) => {
        for (const statement of statements(engine)) await sql.raw(statement).execute(db)
      },
    },
  ])
  return Object.fromEntries(entries)
}

/** Names of the migrations that stand in the database; none when it is new. */
async function appliedMigrations(kysely: Kysely<never>, engine: Engine): Promise<string[]> {
  const exists =
    engine === 'sqlite'
      ? sql<{ one: number }>`select 1 as one from sqlite_master where name = 'kysely_migration'`
      : sql<{ one: number }>`select 1 as one where to_regclass('kysely_migration') is not null`
  const found = await exists.execute(kysely)
  if (found.rows.length === 0) return []
  const applied = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(kysely)
  return applied.rows.map((row) => row.name)
}
