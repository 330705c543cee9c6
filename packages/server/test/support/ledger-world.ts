/** Servers with a ledger, on databases that can be copied while nobody has them open: that is what a backup is. */

import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, type TestContext } from 'node:test'
import pg from 'pg'
import { testDatabaseUrl } from '../../../../tools/postgres/test-database.ts'
import {
  type AppDeps,
  createApp,
  type Ledger,
  type LedgerPlace,
  personalTables,
  prepareDatabase,
  prepareLedger,
  type RunningApp,
  writerThread,
} from '../../src/app.ts'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { acceptErasure } from '../../src/erasure/accept-erasure.ts'
import { type AppendFile, openAppendFile } from '../../src/kernel/append-file.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { openSqlite } from '../../src/storage/sqlite/sqlite-database.ts'
import { APP_KEY, basicAuth, MASTER_SECRET, OPERATOR_TOKEN } from './app.ts'
import { captureLog, type LogLine } from './capture-log.ts'
import { inParallel } from './nodes.ts'
import { RecordingChannels } from './recording-channel.ts'
import { until } from './until.ts'

/** A database that nobody has open. */
export interface Place {
  /** Settings with which `lethe serve` works on it. */
  readonly env: Readonly<Record<string, string>>
  open(): Promise<Db>
  copy(): Promise<Place>
}

const secretKey = new Uint8Array(32).fill(1)
const SECRET = { LETHE_SECRET_KEY: Buffer.from(secretKey).toString('hex') }

type NewPlace = (t: TestContext) => Promise<Place>

/** Describes the same behaviour once for each engine. */
export function forEachPlace(title: string, suite: (newPlace: NewPlace) => void): void {
  describe(`${title}, on SQLite`, () => suite(async (t) => sqlitePlace(t, newFolder(t))))
  describe(`${title}, on PostgreSQL`, () => suite(newPostgresPlace))
}

export async function newPostgresPlace(t: TestContext): Promise<Place> {
  const { url, drop } = await testDatabaseUrl()
  t.after(drop)
  return postgresPlace(t, url)
}

export function newFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-ledger-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function sqlitePlace(t: TestContext, folder: string): Place {
  const file = path.join(folder, 'lethe.sqlite')
  return {
    env: { LETHE_DATA_DIR: folder, ...SECRET },
    open: () => openSqlite({ file, writerThread, clock: systemClock(), onFault }),
    copy: async () => {
      const other = newFolder(t)
      for (const end of ['', '-wal'])
        if (existsSync(file + end)) copyFileSync(file + end, path.join(other, `lethe.sqlite${end}`))
      return sqlitePlace(t, other)
    },
  }
}

let copyCount = 0

function postgresPlace(t: TestContext, url: string): Place {
  return {
    env: { LETHE_DATABASE_URL: url, LETHE_DATA_DIR: newFolder(t), ...SECRET },
    open: () => openPostgres({ url, clock: systemClock(), onFault }, personalTables),
    copy: async () => {
      const name = /(test_[a-z0-9_]+)/.exec(url)?.[1] ?? ''
      const copy = `${name}_${++copyCount}`
      const server = url.replace(name, 'postgres')
      await runOn(server, `create database ${copy} template ${name}`)
      t.after(() => runOn(server, `drop database ${copy} with (force)`))
      return postgresPlace(t, url.replace(name, copy))
    },
  }
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

function onFault(error: unknown): never {
  throw error
}

export interface LedgerServer {
  readonly app: RunningApp
  readonly database: Db
  readonly ledger: Ledger
  readonly channels: RecordingChannels
  readonly log: readonly LogLine[]
  /** How many erasures were about to be replayed, if any. */
  readonly replayed: readonly number[]
  /** Sentences of a database that went back while the server ran. */
  readonly older: readonly string[]
  /** Ends it and closes the database; a test that ends does it too. */
  stop(): Promise<void>
}

/** `file`: of the ledger. */
export async function startLedgerServer(
  t: TestContext,
  place: Place,
  given: {
    file: string
    lostAt?: number
    deps?: Partial<AppDeps>
    onReplay?: LedgerPlace['onReplay']
    /** Awaited before lines are written. */
    beforeAppend?: () => Promise<void>
  },
): Promise<LedgerServer> {
  const database = await place.open()
  const opened = await openAppendFile(given.file)
  const storage = given.beforeAppend ? heldBack(opened, given.beforeAppend) : opened
  let stop = async () => {
    await storage.close()
    await database.close()
  }
  t.after(() => stop())
  const channels = new RecordingChannels()
  const { log, lines } = captureLog()
  const deps: AppDeps = {
    database,
    secretKey,
    clock: systemClock(),
    random: systemRandom,
    log,
    settings: {
      appKey: APP_KEY,
      masterSecret: MASTER_SECRET,
      operatorToken: OPERATOR_TOKEN,
      rateLimit: 0,
    },
    version: '0.0.0',
    makeChannel: channels.make,
    ...given.deps,
  }
  await prepareDatabase(deps)
  const [replayed, older]: [number[], string[]] = [[], []]
  const ledger = await prepareLedger(deps, {
    storage,
    place: given.file,
    lostAt: given.lostAt,
    warnings: [],
    onReplay: async (count) => {
      replayed.push(count)
      await given.onReplay?.(count)
    },
    onOlderDatabase: (sentence) => older.push(sentence),
  })
  const app = await createApp({ ...deps, ledger })
  stop = async () => {
    stop = async () => {}
    await app.stop()
    await storage.close()
    await database.close()
  }
  return { app, database, ledger, channels, log: lines, replayed, older, stop: () => stop() }
}

function heldBack(file: AppendFile, beforeAppend: () => Promise<void>): AppendFile {
  return {
    path: file.path,
    get size() {
      return file.size
    },
    read: () => file.read(),
    append: async (bytes) => {
      await beforeAppend()
      await file.append(bytes)
    },
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  }
}

export interface LedgerUser {
  readonly id: string
  readonly secret: string
  readonly token: string
}

const BASIC = { authorization: basicAuth(APP_KEY, MASTER_SECRET) }
/** Registrations and deletions that a test has under way at once. */
const WIDTH = 50

export async function call(
  { app }: LedgerServer,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  target: string | { url: string; body?: object; secret?: string },
): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> {
  const { url, body, secret } = typeof target === 'string' ? { url: target } : target
  const headers = secret === undefined ? BASIC : { authorization: `Bearer ${secret}` }
  const response = await app.http.inject({ method, url, headers, ...(body ? { body } : {}) })
  return { status: response.statusCode, body: response.json() }
}

/** Calls the operator API, which must not refuse. */
export async function operate(
  { app }: LedgerServer,
  method: 'GET' | 'POST' | 'PUT',
  target: string | { url: string; body: object },
): Promise<ReturnType<typeof JSON.parse>> {
  const given = typeof target === 'string' ? { url: target } : target
  const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` }
  const response = await app.http.inject({ method, headers, ...given })
  assert.ok(response.statusCode < 300, response.body)
  return response.json()
}

/** Lets pushes go to recording channels. */
export async function openChannel(server: LedgerServer): Promise<void> {
  await operate(server, 'PUT', { url: `/admin/v1/apps/${APP_KEY}/channels/stub`, body: {} })
}

/** Users with a token, a tag and an alias each. */
export function registerUsers(server: LedgerServer, names: readonly string[]): Promise<LedgerUser[]> {
  return inParallel(names, WIDTH, async (name) => {
    const token = `${name}-`.padEnd(40, 'x')
    const answer = await call(server, 'POST', {
      url: `/client/v1/apps/${APP_KEY}/registrations`,
      body: { platform: 'android', token, tags: ['all_of_them'], alias: `alias_${name}` },
    })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    return { id: answer.body.registration_id, secret: answer.body.device_secret, token }
  })
}

/** Deletes the users and waits until they are erased. */
export async function eraseUsers(server: LedgerServer, users: readonly LedgerUser[]): Promise<void> {
  await inParallel(users, WIDTH, async ({ id }) =>
    assert.equal((await call(server, 'DELETE', `/v4/devices/${id}`)).status, 200),
  )
  await allErased(server)
}

/** Accepts the deletion while no server works, so that it stays as it is. */
export async function acceptOnly(place: Place, { id }: LedgerUser): Promise<string> {
  const database = await place.open()
  const world = { database, clock: systemClock(), random: systemRandom }
  const seal = createSeal(secretKey, systemRandom)
  const app = await createAppDirectory({ ...world, seal }).find(APP_KEY)
  assert.ok(app)
  const input = { app, registrationId: id as RegistrationId, origin: 'server' } as const
  const accepted = await acceptErasure(world, input)
  assert.ok(accepted.kind === 'accepted')
  await database.close()
  return accepted.erasureId
}

/** Waits until no erasure is open. */
export async function allErased({ database }: LedgerServer): Promise<void> {
  await until('no erasure is open', async () => {
    const open = await database.read.kysely
      .selectFrom('erasure')
      .select('erasure_id')
      .where('state', '<>', 'erased')
      .limit(1)
      .execute()
    return open.length === 0
  })
}

/** Sends to everybody and answers the tokens that got it. */
export async function pushToAll(server: LedgerServer): Promise<string[]> {
  const answer = await call(server, 'POST', {
    url: '/v4/push',
    body: { from: 'push', to: 'all', body: { platform: 'all', notification: { alert: 'Hello' } } },
  })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  await until('nothing is left to be sent', async () => {
    const { kysely } = server.database.read
    const spans = await kysely.selectFrom('push_span').select('msg_id').limit(1).execute()
    const pending = await kysely.selectFrom('pending_message').select('way').limit(1).execute()
    return spans.length + pending.length === 0
  })
  return server.channels.receivers(answer.body.msg_id)
}

export function nameUsers(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}
