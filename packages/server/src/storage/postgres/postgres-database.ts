/**
 * PostgreSQL as the database of any number of equal nodes. Inputs of one unit that wait while all writing sessions are
 * busy go into the next transaction together; background units have sessions of their own.
 */

import type { Kysely } from 'kysely'
import { Kysely as KyselyClass, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Clock } from '../../kernel/clock.ts'
import { type Database, type Reader, type Transaction, type Unit, WAITING_WRITES_MAX } from '../database.ts'
import { OutcomeUnknown, StorageUnavailable } from '../errors.ts'
import { migrate } from '../migrations/migrate.ts'
import { ONCE, type Statement, statement } from '../statement.ts'
import { Announcements } from './announcements.ts'
import { clearStatisticsOfEmpty } from './clear-statistics.ts'
import {
  countUse,
  guardedPool,
  isUnavailable,
  isWorthAnotherTry,
  poolOptions,
  readerOf,
  runStatement,
  type StatementSeam,
} from './connection.ts'

export interface PostgresOptions {
  readonly url: string
  readonly clock: Clock
  readonly onFault: (error: unknown) => void
  /** How long a transaction of a stopped node holds what it locked; see `poolOptions`. */
  readonly idleInTransactionMs?: number
  /** Sessions for interactive writes. Few: waiting inputs share a transaction, and shared commits are cheap. */
  readonly writersMax?: number
  readonly seam?: StatementSeam
}

/** Ten seconds: far above any pause of a healthy node, far below what somebody waits for an erasure. */
const IDLE_IN_TRANSACTION_MS = 10_000
/** More sessions make smaller batches, and so more round trips for each input: two accept more deletions than four. */
const WRITERS_MAX = 2
const BACKGROUND_WRITERS_MAX = 2
const READERS_MAX = 8
/** Bounds the locks of one transaction: the server's table holds 6,400 by default, shared by all nodes. */
const BATCH_INPUTS_MAX = 64
/** A unit that loses a race this often in a row is not losing a race. */
const TRIES_MAX = 6

type AnyUnit = Unit<unknown, unknown, unknown>

interface Waiting {
  readonly input: unknown
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Migrates the database and opens the pools. `personalTables` are those whose planner statistics `scrub` refreshes. */
export async function openPostgres<Tables>(
  options: PostgresOptions,
  personalTables: readonly string[],
): Promise<Database<Tables>> {
  const database = new PostgresDatabase<Tables>(options, personalTables)
  try {
    await database.migrate()
  } catch (error) {
    await database.close()
    throw isUnavailable(error)
      ? new StorageUnavailable('PostgreSQL cannot be reached at LETHE_DATABASE_URL')
      : error
  }
  return database
}

class PostgresDatabase<Tables> implements Database<Tables> {
  readonly engine = 'postgres'
  readonly read: Reader<Tables>
  readonly #options: PostgresOptions
  readonly #personalTables: readonly string[]
  readonly #readers: pg.Pool
  readonly #interactive: UnitQueue
  readonly #background: UnitQueue
  readonly #announcements: Announcements
  #closing: Promise<void> | undefined

  constructor(options: PostgresOptions, personalTables: readonly string[]) {
    this.#options = options
    this.#personalTables = personalTables
    this.#readers = this.#pool(READERS_MAX, 'read')
    this.#interactive = new UnitQueue(this.#pool(options.writersMax ?? WRITERS_MAX, 'write'), options)
    this.#background = new UnitQueue(this.#pool(BACKGROUND_WRITERS_MAX, 'write'), options)
    this.#announcements = new Announcements(options)
    this.read = pooledReader(this.#readers)
  }

  async migrate(): Promise<void> {
    const kysely = new KyselyClass<never>({ dialect: new PostgresDialect({ pool: this.#pool(1, 'read') }) })
    try {
      await migrate(kysely, 'postgres')
    } finally {
      await kysely.destroy()
    }
  }

  write<Input, Output>(unit: Unit<Input, Output, Tables>, input: Input): Promise<Output> {
    const queue = unit.kind === 'interactive' ? this.#interactive : this.#background
    return queue.add(unit as unknown as AnyUnit, input) as Promise<Output>
  }

  /**
   * The planner's statistics quote rows. Refreshed after rows were removed, they quote only rows that are left.
   * Concurrent nodes wait for one another here.
   */
  async scrub(): Promise<boolean> {
    let isDone = true
    for (const table of this.#personalTables) {
      await this.#readers.query(`analyze ${pg.escapeIdentifier(table)}`)
      if (!(await clearStatisticsOfEmpty(this.#readers, table))) isDone = false
    }
    return isDone
  }

  announce(topic: string): void {
    this.#announcements.send(topic)
  }

  onAnnounced(topic: string, listener: () => void): () => void {
    return this.#announcements.on(topic, listener)
  }

  async now(): Promise<number> {
    const [row] = await this.read.query(NOW, ONCE)
    if (!row) throw new Error('PostgreSQL told no time')
    return row.now
  }

  async ping(): Promise<void> {
    try {
      await this.#readers.query('select 1')
    } catch {
      throw new StorageUnavailable('PostgreSQL does not answer')
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const writes = [this.#interactive.close(), this.#background.close()]
    await this.#announcements.close()
    await Promise.all([...writes, this.#readers.end()])
  }

  #pool(max: number, work: 'read' | 'write'): pg.Pool {
    const idleInTransactionMs = this.#options.idleInTransactionMs ?? IDLE_IN_TRANSACTION_MS
    const pool = new pg.Pool({ ...poolOptions(this.#options.url, { idleInTransactionMs, work }), max })
    // A session that dies while idle is reported here; the next use of the pool opens another.
    pool.on('error', () => {})
    // One that dies in use, between two statements, is reported to itself; its next statement fails.
    pool.on('connect', (session) => {
      session.on('error', () => {})
    })
    return pool
  }
}

/** Groups what waits by unit and runs each group in one transaction, as many at a time as the pool has sessions. */
class UnitQueue {
  readonly #pool: pg.Pool
  readonly #options: PostgresOptions
  readonly #waiting = new Map<AnyUnit, Waiting[]>()
  #waitingCount = 0
  #runningCount = 0
  #isClosed = false
  #onIdle = () => {}

  constructor(pool: pg.Pool, options: PostgresOptions) {
    this.#pool = pool
    this.#options = options
  }

  add(unit: AnyUnit, input: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new StorageUnavailable('the database is closed'))
    if (this.#waitingCount >= WAITING_WRITES_MAX) {
      return Promise.reject(new StorageUnavailable('too many writes are waiting'))
    }
    return new Promise((resolve, reject) => {
      const group = this.#waiting.get(unit)
      if (group) group.push({ input, resolve, reject })
      else this.#waiting.set(unit, [{ input, resolve, reject }])
      this.#waitingCount++
      if (this.#waitingCount === 1) setImmediate(() => this.#startAll())
    })
  }

  /** Takes nothing more and ends the sessions once everything that was taken is settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#waitingCount + this.#runningCount > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await this.#pool.end()
  }

  #startAll(): void {
    while (this.#runningCount < this.#pool.options.max && this.#waiting.size > 0) void this.#runNext()
  }

  /** Takes the unit that has waited longest; a Map keeps the order in which units began to wait. */
  async #runNext(): Promise<void> {
    const [next] = this.#waiting
    if (!next) return
    const [unit, group] = next
    this.#waiting.delete(unit)
    // A background input is a batch already, and several may run side by side.
    const batch = group.splice(0, unit.kind === 'background' ? 1 : BATCH_INPUTS_MAX)
    if (group.length > 0) this.#waiting.set(unit, group)
    this.#waitingCount -= batch.length
    this.#runningCount++
    await this.#settle(unit, batch)
    this.#runningCount--
    this.#startAll()
    if (this.#waitingCount + this.#runningCount === 0) this.#onIdle()
  }

  async #settle(unit: AnyUnit, batch: readonly Waiting[]): Promise<void> {
    try {
      const outputs = await this.#runWithRetries(
        unit,
        batch.map((waiting) => waiting.input),
      )
      batch.forEach((waiting, index) => {
        waiting.resolve(outputs[index])
      })
    } catch (error) {
      if (batch.length === 1 || error instanceof StorageUnavailable || error instanceof OutcomeUnknown) {
        for (const waiting of batch) waiting.reject(error)
        return
      }
      // Something in the batch is poisoned: run each input alone, so that only that one fails.
      for (const waiting of batch) await this.#settle(unit, [waiting])
    }
  }

  async #runWithRetries(unit: AnyUnit, inputs: readonly unknown[]): Promise<unknown[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#runOnce(unit, inputs)
      } catch (error) {
        if (tries >= TRIES_MAX || !isWorthAnotherTry(error)) throw error
      }
    }
  }

  async #runOnce(unit: AnyUnit, inputs: readonly unknown[]): Promise<unknown[]> {
    const session = await this.#connect()
    let isBroken = true
    let isCommitting = false
    try {
      const outputs = await this.#runInside(session, unit, inputs)
      isCommitting = true
      await session.query('commit')
      isBroken = false
      return outputs
    } catch (error) {
      if (isUnavailable(error)) {
        throw isCommitting
          ? new OutcomeUnknown('the connection was lost during a commit')
          : new StorageUnavailable('PostgreSQL ended the transaction or does not answer')
      }
      isBroken = !(await rollback(session))
      throw error
    } finally {
      session.release(isBroken)
    }
  }

  async #runInside(session: pg.PoolClient, unit: AnyUnit, inputs: readonly unknown[]): Promise<unknown[]> {
    const seam = this.#options.seam
    const begin = countUse(session) ? `discard plans; ${BEGIN}` : BEGIN
    const begun = (await session.query(begin)) as unknown as pg.QueryResult<{ now: number }>[]
    const now = begun.at(-1)?.rows[0]?.now
    if (now === undefined) throw new Error('begin gave no clock')
    const tx: Transaction<unknown> = {
      engine: 'postgres',
      isContended: false,
      now,
      lockNames: async (names) => {
        if (names.length > 0)
          await runStatement(session, LOCK_NAMES, {
            rows: names.map((name) => ({ name })),
            scalars: [],
            seam,
          })
      },
      ...readerOf<unknown>(session, seam),
    }
    const outputs = await unit.run(tx as never, inputs)
    if (outputs.length !== inputs.length) throw new Error(`${unit.name} gave a wrong number of outputs`)
    return outputs
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect()
    } catch {
      throw new StorageUnavailable('PostgreSQL cannot be reached')
    }
  }
}

const CLOCK = '(extract(epoch from clock_timestamp()) * 1000)::bigint'
const BEGIN = `begin; select ${CLOCK} as now`
const NOW = statement<{ now: number }>()('storage.now', {}, () => `select ${CLOCK} as now`)

/** Locks the names in one order in every transaction. Two names with one hash wait for each other needlessly, no more. */
const LOCK_NAMES: Statement = {
  name: 'storage.lock-names',
  columns: { name: 'text' },
  write: (q) => `select pg_advisory_xact_lock(hash)
    from (select distinct hashtextextended(input.name, 0) as hash from ${q.input} order by 1 offset 0) as ordered`,
}

async function rollback(session: pg.PoolClient): Promise<boolean> {
  try {
    await session.query('rollback')
    return true
  } catch {
    return false
  }
}

function pooledReader<Tables>(pool: pg.Pool): Reader<Tables> {
  const kysely: Kysely<Tables> = new KyselyClass<Tables>({
    dialect: new PostgresDialect({ pool: guardedPool(pool) }),
  })
  return {
    kysely,
    query: async (statement, rows, ...scalars) => {
      if (rows.length === 0) return []
      try {
        return await runStatement(pool as unknown as pg.Client, statement as Statement, { rows, scalars })
      } catch (error) {
        if (isUnavailable(error)) throw new StorageUnavailable('PostgreSQL does not answer')
        throw error
      }
    },
  }
}
