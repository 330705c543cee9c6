// Where the data of several rounds is: a folder for SQLite, a database on a PostgreSQL of our own. Both can be asked
// directly, past the server, once it has stopped.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { type EmbeddedPostgres, startPostgres } from '../postgres/embedded-postgres.ts'

export type Engine = 'sqlite' | 'postgres'

export type Row = Record<string, string | number | null>

export type Look = {
  query(sql: string): Promise<Row[]>
  /** What the engine itself finds damaged in the files; empty: nothing. */
  damage(): Promise<string[]>
  close(): Promise<void>
}

export type Store = {
  engine: Engine
  /** The settings of a server that works here. */
  place: Record<string, string>
  look(): Promise<Look>
  remove(): Promise<void>
}

/** One engine's supply of fresh stores. */
export type Stores = {
  /** What the engine says about its own durability. */
  durability(): Promise<string>
  fresh(): Promise<Store>
  postgres: EmbeddedPostgres | undefined
  close(): Promise<void>
}

export async function openStores(engine: Engine): Promise<Stores> {
  return engine === 'sqlite' ? sqliteStores() : postgresStores()
}

function sqliteStores(): Stores {
  return {
    durability: async () => 'files written through by SQLite, synchronous=FULL',
    fresh: async () => sqliteStore(mkdtempSync(path.join(tmpdir(), 'lethe-crash-'))),
    postgres: undefined,
    close: async () => {},
  }
}

function sqliteStore(folder: string): Store {
  return {
    engine: 'sqlite',
    place: { LETHE_DATA_DIR: folder },
    look: async () => {
      const database = new DatabaseSync(path.join(folder, 'lethe.sqlite'), { readOnly: true })
      const query = async (sql: string) => database.prepare(sql).all() as Row[]
      return {
        query,
        damage: async () => {
          const [integrity] = await query('pragma integrity_check')
          const orphans = await query('pragma foreign_key_check')
          const found = integrity?.['integrity_check'] === 'ok' ? [] : [JSON.stringify(integrity)]
          return [...found, ...orphans.map((row) => `foreign key: ${JSON.stringify(row)}`)]
        },
        close: async () => database.close(),
      }
    },
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function postgresStores(): Promise<Stores> {
  const postgres = await startPostgres({ fsync: true })
  let count = 0
  return {
    durability: async () => {
      const client = await connect(postgres.url('postgres'))
      const values: string[] = []
      for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
        const { rows } = await client.query<Record<string, string>>(`show ${name}`)
        values.push(`${name}=${rows[0]?.[name]}`)
      }
      await client.end()
      return values.join(', ')
    },
    fresh: async () => {
      const name = `crash_${++count}`
      await runAlone(postgres.url('postgres'), `create database ${name}`)
      return postgresStore(postgres, name)
    },
    postgres,
    close: () => postgres.stop(),
  }
}

function postgresStore(postgres: EmbeddedPostgres, name: string): Store {
  // The ledger of the node, which outlives its processes.
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-crash-'))
  return {
    engine: 'postgres',
    place: { LETHE_DATABASE_URL: postgres.url(name), LETHE_DATA_DIR: folder },
    look: async () => {
      const client = await connect(postgres.url(name))
      const query = async (sql: string) => (await client.query<Row>(sql)).rows
      return {
        query,
        damage: async () => {
          await client.query('create extension if not exists amcheck')
          // Raises an error that names the index; every heap row must be found in it.
          const check = `select bt_index_check(c.oid, true) from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'i' and n.nspname = 'public'`
          try {
            await client.query(check)
            return []
          } catch (error) {
            return [String(error)]
          } finally {
            await client.query('drop extension amcheck')
          }
        },
        close: () => client.end(),
      }
    },
    remove: async () => {
      rmSync(folder, { recursive: true, force: true })
      await runAlone(postgres.url('postgres'), `drop database ${name} with (force)`)
    },
  }
}

/** Whole numbers of 64 bits arrive as text by default. */
async function connect(url: string): Promise<pg.Client> {
  const types = {
    getTypeParser: (oid: number, format?: 'text') =>
      oid === 20 ? Number : pg.types.getTypeParser(oid, format),
  }
  const client = new pg.Client({ connectionString: url, types: types as pg.CustomTypesConfig })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function runAlone(url: string, statement: string): Promise<void> {
  const client = await connect(url)
  await client.query(statement)
  await client.end()
}
