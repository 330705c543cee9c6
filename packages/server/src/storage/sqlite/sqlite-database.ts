/**
 * SQLite as the database of one server: reads on this thread's own connection, writes sent to the writer thread, all
 * calls of one turn of the event loop in one message.
 */

import { closeSync, mkdirSync, openSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { Kysely, type SqliteDatabase as KyselyConnection, SqliteDialect, type SqliteStatement } from 'kysely'
import type { Clock } from '../../kernel/clock.ts'
import { type Database, type Reader, type Unit, WAITING_WRITES_MAX } from '../database.ts'
import { OutcomeUnknown, StorageUnavailable } from '../errors.ts'
import { migrate } from '../migrations/migrate.ts'
import { type Connection, isUnavailable, openConnection, readerOf } from './connection.ts'
import type { Failure, FromWriter, ToWriter, WriteCall, WriterData } from './messages.ts'

export interface SqliteOptions {
  /** The database file; its folder is made when missing. */
  readonly file: string
  /** The module that the writer thread runs: it calls `runWriter` with every unit. */
  readonly writerThread: URL
  readonly clock: Clock
  readonly onFault: (error: unknown) => void
}

/** A message leaves at this many calls: the writer should begin while this thread still reads other requests. */
const MESSAGE_CALLS_MAX = 16

/** Ours: long enough to do no harm, short enough for those who wait. */
const RESTART_MS = 200

interface Waiting {
  readonly call: WriteCall
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Migrates the file and starts the writer. */
export async function openSqlite<Tables>(options: SqliteOptions): Promise<Database<Tables>> {
  mkdirSync(path.dirname(options.file), { recursive: true, mode: 0o700 })
  const migrating = openConnection(options.file, { readonly: false })
  try {
    await migrate(readerOf<never>(migrating).kysely, 'sqlite')
  } finally {
    migrating.close()
  }
  const database = new SqliteDatabase<Tables>(options)
  try {
    await database.start()
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

class SqliteDatabase<Tables> implements Database<Tables> {
  readonly engine = 'sqlite'
  readonly read: Reader<Tables>
  readonly #options: SqliteOptions
  readonly #connection: Connection
  /** Closed last: closing any descriptor of the file ends the locks that SQLite holds on it in this process. */
  readonly #descriptor: number
  readonly #listeners = new Map<string, Set<() => void>>()
  readonly #announced = new Set<string>()
  readonly #sent = new Map<number, Waiting>()
  readonly #scrubs = new Map<number, (isDone: boolean) => void>()
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #isClosed = false
  #closing: Promise<void> | undefined
  #nextId = 1

  constructor(options: SqliteOptions) {
    this.#options = options
    this.#connection = openConnection(options.file, { readonly: true })
    this.#descriptor = openSync(options.file, 'r+')
    this.read = guarded(this.#connection)
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const workerData: WriterData = { file: this.#options.file, descriptor: this.#descriptor }
      const worker = new Worker(this.#options.writerThread, { workerData })
      this.#worker = worker
      worker.on('message', (message: FromWriter) => {
        if (message.kind === 'ready') resolve()
        else if (message.kind !== 'closed') this.#receive(message)
      })
      worker.on('error', (error) => {
        reject(error)
        this.#options.onFault(error)
      })
      worker.on('exit', () => this.#loseWriter())
    })
  }

  write<Input, Output>(unit: Unit<Input, Output, Tables>, input: Input): Promise<Output> {
    if (this.#isClosed) return Promise.reject(new StorageUnavailable('the database is closed'))
    if (this.#sent.size + this.#waiting.length >= WAITING_WRITES_MAX) {
      return Promise.reject(new StorageUnavailable('too many writes are waiting'))
    }
    return new Promise<Output>((resolve, reject) => {
      const call = { id: this.#nextId++, unit: unit.name, input }
      if (this.#waiting.length === 0) setImmediate(() => this.#flush())
      this.#waiting.push({ call, resolve: resolve as (output: unknown) => void, reject })
      if (this.#waiting.length >= MESSAGE_CALLS_MAX) this.#flush()
    })
  }

  scrub(): Promise<boolean> {
    if (!this.#worker) return Promise.resolve(false)
    return new Promise((resolve) => {
      const id = this.#nextId++
      this.#scrubs.set(id, resolve)
      this.#post({ kind: 'scrub', id })
    })
  }

  announce(topic: string): void {
    if (this.#announced.size === 0) setImmediate(() => this.#deliverAnnouncements())
    this.#announced.add(topic)
  }

  onAnnounced(topic: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  async now(): Promise<number> {
    return this.#options.clock.now()
  }

  async ping(): Promise<void> {
    if (this.#isClosed || !this.#worker) throw new StorageUnavailable('the database is closed')
    this.#connection.prepare('select 1').get()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    if (worker) {
      const isGone = new Promise((resolve) => worker.once('exit', resolve))
      this.#flush()
      worker.postMessage({ kind: 'close' } satisfies ToWriter)
      await isGone
    }
    this.#connection.close()
    closeSync(this.#descriptor)
  }

  #deliverAnnouncements(): void {
    const topics = [...this.#announced]
    this.#announced.clear()
    for (const topic of topics) for (const listener of this.#listeners.get(topic) ?? []) listener()
  }

  /** Sends what waits; while the writer is starting again, it goes on waiting. */
  #flush(): void {
    if (!this.#worker || this.#waiting.length === 0) return
    const batch = this.#waiting.splice(0)
    for (const waiting of batch) this.#sent.set(waiting.call.id, waiting)
    this.#post({ kind: 'write', now: this.#options.clock.now(), calls: batch.map((waiting) => waiting.call) })
  }

  #post(message: ToWriter): void {
    this.#worker?.postMessage(message)
  }

  #receive(message: Exclude<FromWriter, { kind: 'ready' | 'closed' }>): void {
    if (message.kind === 'scrubbed') {
      for (const id of message.ids) this.#takeScrub(id)?.(message.isDone)
      return
    }
    for (const outcome of message.outcomes) {
      const waiting = this.#sent.get(outcome.id)
      this.#sent.delete(outcome.id)
      if (outcome.failure) waiting?.reject(errorOf(outcome.failure))
      else waiting?.resolve(outcome.output)
    }
  }

  #takeScrub(id: number): ((isDone: boolean) => void) | undefined {
    const resolve = this.#scrubs.get(id)
    this.#scrubs.delete(id)
    return resolve
  }

  /** The writer is gone. What it had been sent may or may not stand; unless we are closing, another one starts. */
  #loseWriter(): void {
    this.#worker = undefined
    for (const waiting of this.#sent.values()) waiting.reject(new OutcomeUnknown('the writer stopped'))
    this.#sent.clear()
    for (const resolve of this.#scrubs.values()) resolve(false)
    this.#scrubs.clear()
    if (this.#isClosed) {
      for (const waiting of this.#waiting.splice(0))
        waiting.reject(new StorageUnavailable('the database is closed'))
      return
    }
    void this.#restart()
  }

  /** After a pause: a writer that cannot start must not be started over and over. Until then calls wait. */
  async #restart(): Promise<void> {
    await this.#options.clock.sleep(RESTART_MS)
    if (this.#isClosed) return
    await this.start().then(
      () => this.#flush(),
      (error) => this.#options.onFault(error),
    )
  }
}

function errorOf(failure: Failure): unknown {
  switch (failure.kind) {
    case 'unavailable':
      return new StorageUnavailable('the database file cannot be written')
    case 'unknown':
      return new OutcomeUnknown('the commit failed half-way')
    case 'fault':
      return failure.error
  }
}

/** Turns failures of the disk during a read into StorageUnavailable, whoever built the statement. */
function guarded<Tables>(connection: Connection): Reader<Tables> {
  const reader = readerOf<Tables>(connection)
  const statement = (prepared: SqliteStatement): SqliteStatement => ({
    reader: prepared.reader,
    all: (parameters) => guard(() => prepared.all(parameters)),
    run: (parameters) => guard(() => prepared.run(parameters)),
    iterate: (parameters) => guard(() => prepared.iterate(parameters)),
  })
  const database: KyselyConnection = {
    prepare: (sql) => guard(() => statement(connection.prepare(sql) as SqliteStatement)),
    close: () => {},
  }
  return {
    kysely: new Kysely<Tables>({ dialect: new SqliteDialect({ database }) }),
    query: (...query) => guardAsync(reader.query(...query)),
  }
}

function guard<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw named(error)
  }
}

async function guardAsync<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw named(error)
  }
}

function named(error: unknown): unknown {
  return isUnavailable(error) ? new StorageUnavailable('the database file cannot be read') : error
}
