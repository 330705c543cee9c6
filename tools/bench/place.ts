// Where a section's database is: a fresh SQLite folder, or a fresh database of the one PostgreSQL of the run. Both are
// removed afterwards.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { type AppDeps, personalTables, prepareDatabase, writerThread } from '../../packages/server/src/app.ts'
import type { App } from '../../packages/server/src/apps/app.ts'
import { createAppDirectory } from '../../packages/server/src/apps/find-app.ts'
import { createSeal, type Seal } from '../../packages/server/src/apps/seal.ts'
import { systemClock } from '../../packages/server/src/kernel/clock.ts'
import { silentLog } from '../../packages/server/src/kernel/log.ts'
import { systemRandom } from '../../packages/server/src/kernel/random.ts'
import type { Db, Read } from '../../packages/server/src/schema.ts'
import type { Engine } from '../../packages/server/src/storage/database.ts'
import * as postgresConnection from '../../packages/server/src/storage/postgres/connection.ts'
import { openPostgres } from '../../packages/server/src/storage/postgres/postgres-database.ts'
import * as sqliteConnection from '../../packages/server/src/storage/sqlite/connection.ts'
import { openSqlite } from '../../packages/server/src/storage/sqlite/sqlite-database.ts'
import type { EmbeddedPostgres } from '../postgres/embedded-postgres.ts'

export type Place =
  | { engine: 'sqlite'; folder: string; file: string; remove(): Promise<void> }
  | { engine: 'postgres'; url: string; folder: string; remove(): Promise<void> }

export const appKey = 'bench'
const masterSecret = 'bench-master-secret'
export const operatorToken = 'bench-operator-token'
const secretKey = new Uint8Array(32).fill(7)

/** The header with which the server API is called. */
export const authorization = `Basic ${Buffer.from(`${appKey}:${masterSecret}`).toString('base64')}`

/** Makes places on an engine; PostgreSQL needs a running server. */
export function placesOf(engine: Engine, postgres: EmbeddedPostgres | undefined): () => Promise<Place> {
  if (engine === 'sqlite') return async () => sqlitePlace()
  if (postgres === undefined) throw new Error('PostgreSQL was not started.')
  let count = 0
  return async () => {
    count++
    return postgresPlace(postgres, `bench_${count}`)
  }
}

function sqlitePlace(): Place {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-bench-'))
  return {
    engine: 'sqlite',
    folder,
    file: path.join(folder, 'lethe.sqlite'),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function postgresPlace(postgres: EmbeddedPostgres, name: string): Promise<Place> {
  await onServer(postgres, `create database ${name}`)
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-bench-'))
  return {
    engine: 'postgres',
    url: postgres.url(name),
    folder,
    remove: async () => {
      rmSync(folder, { recursive: true, force: true })
      await onServer(postgres, `drop database ${name} with (force)`)
    },
  }
}

async function onServer(postgres: EmbeddedPostgres, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url('postgres') })
  await client.connect()
  await client.query(statement)
  await client.end()
}

/** What a server in this place is told in its environment: no rate limits, everything else as it is by default. */
export function serverEnvironment(place: Place): Record<string, string> {
  return {
    LETHE_PORT: '0',
    LETHE_APP_KEY: appKey,
    LETHE_MASTER_SECRET: masterSecret,
    LETHE_OPERATOR_TOKEN: operatorToken,
    LETHE_SECRET_KEY: Buffer.from(secretKey).toString('hex'),
    LETHE_RATE_LIMIT: '0',
    LETHE_DATA_DIR: place.folder,
    ...(place.engine === 'sqlite' ? {} : { LETHE_DATABASE_URL: place.url }),
  }
}

/** The database opened in this process as the server opens it, with the app made. */
export type OpenPlace = { database: Db; deps: AppDeps; seal: Seal; app: App }

export async function openPlace(place: Place): Promise<OpenPlace> {
  const clock = systemClock()
  const onFault = (error: unknown) => {
    throw error
  }
  const database: Db =
    place.engine === 'sqlite'
      ? await openSqlite({ file: place.file, writerThread, clock, onFault })
      : await openPostgres({ url: place.url, clock, onFault }, personalTables)
  const deps: AppDeps = {
    database,
    secretKey,
    clock,
    random: systemRandom,
    log: silentLog,
    settings: { appKey, masterSecret, operatorToken },
    version: '0',
  }
  await prepareDatabase(deps)
  const seal = createSeal(secretKey, systemRandom)
  const app = await createAppDirectory({ database, seal, clock }).find(appKey)
  if (!app) throw new Error('The app was not made.')
  return { database, deps, seal, app }
}

/** A connection beside the server's, with the engine's own settings. */
export type Session = {
  read: Pick<Read, 'query'>
  /** Runs SQL without parameters and gives its rows. */
  run(text: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

export async function openSession(place: Place): Promise<Session> {
  return place.engine === 'sqlite' ? sqliteSession(place.file) : await postgresSession(place.url)
}

function sqliteSession(file: string): Session {
  const connection = sqliteConnection.openConnection(file, { readonly: false })
  return {
    read: sqliteConnection.readerOf(connection),
    run: async (text) => {
      const statement = connection.prepare(text)
      if (statement.reader) return statement.all() as Record<string, unknown>[]
      statement.run()
      return []
    },
    close: async () => {
      connection.close()
    },
  }
}

async function postgresSession(url: string): Promise<Session> {
  const client = await connectPostgres(url)
  return {
    read: postgresConnection.readerOf(client),
    run: async (text) => (await client.query(text)).rows as Record<string, unknown>[],
    close: () => client.end(),
  }
}

/** A client with the settings of the server's own sessions, but without their time-outs. */
export async function connectPostgres(url: string): Promise<pg.Client> {
  const { statement_timeout, lock_timeout, ...rest } = postgresConnection.poolOptions(url, {
    idleInTransactionMs: 0,
    work: 'write',
  })
  const client = new pg.Client(rest as pg.ClientConfig)
  await client.connect()
  return client
}
