/**
 * The ledger of this node: a file outside the database that holds the digests of every erasure of all nodes, in the order of
 * the database. No erasure is called erased before it stands there, so that a database which is restored from a backup can be told
 * whom it must not bring back. `open-ledger.ts` opens it; from then on:
 *
 *   run   what has got a place in the database since is appended, brought to disk, and reported to the database
 *
 * Killed between any two steps the file is the same as, or further than, what the database has been told.
 */

import type { Clock } from '../../kernel/clock.ts'
import type { Db } from '../../schema.ts'
import { readEntriesAfter, readLedgerState, reportLedgerFile } from './ledger.store.ts'
import { type LedgerLine, writeLine } from './ledger-line.ts'

/** Where the lines go; see `AppendFile` in the kernel. */
export interface LedgerStorage {
  readonly size: number
  read(): AsyncIterable<Uint8Array>
  append(bytes: Uint8Array): Promise<void>
  truncate(size: number): Promise<void>
}

export interface LedgerDeps {
  readonly database: Db
  readonly clock: Clock
  readonly storage: LedgerStorage
  /** The database has gone back behind the ledger while this node worked: it must stop at once and start again. */
  readonly onOlderDatabase: (sentence: string) => void
}

/** What erasure work needs of it. */
export interface Ledger {
  /** Erasures up to this place are on disk outside the database. */
  readonly position: number
  /** Brings the file up to date with all that was removed before the call. */
  run(): Promise<void>
  /** Sentences for the operator. */
  warnings(): readonly string[]
}

/** For a server without a ledger: a test's. */
export const noLedger: Ledger = {
  position: Number.MAX_SAFE_INTEGER,
  run: async () => {},
  warnings: () => [],
}

/** Entries that are written with one sync of the disk. */
const BATCH = 1_000
/** A node tells this often that it is at work; who looks for one waits for `AT_WORK_MS`. */
const REPORT_MS = 3_000
export const AT_WORK_MS = 5_000

export class NodeLedger implements Ledger {
  readonly #deps: LedgerDeps
  readonly #fileId: string
  readonly #warnings: readonly string[]
  #chain: string
  #written: number
  #position = 0
  #reportedAt = Number.NEGATIVE_INFINITY
  /** The run that was asked for last: they go one after another. */
  #lastRun: Promise<unknown> = Promise.resolve()

  constructor(
    deps: LedgerDeps,
    stands: { fileId: string; chain: string; lastPosition: number; warnings: readonly string[] },
  ) {
    this.#deps = deps
    this.#fileId = stands.fileId
    this.#chain = stands.chain
    this.#written = stands.lastPosition
    this.#warnings = stands.warnings
  }

  get position(): number {
    return this.#position
  }

  warnings(): readonly string[] {
    return this.#warnings
  }

  run(): Promise<void> {
    const next = () => this.#run()
    const run = this.#lastRun.then(next, next)
    this.#lastRun = run
    return run
  }

  async #run(): Promise<void> {
    const { database, clock, onOlderDatabase } = this.#deps
    const { position } = await readLedgerState(database.read)
    if (position < this.#written) {
      onOlderDatabase(
        'The database is older than the ledger: it was restored while this node worked. Start again: what was erased since is erased again first.',
      )
      return
    }
    const hasGrown = this.#position < position && (await this.#catchUp())
    if (hasGrown || clock.monotonic() - this.#reportedAt >= REPORT_MS) await this.#report()
  }

  /** Begins the positions anew: the database has given other erasures some of those that stand here. */
  async beginAgain(): Promise<void> {
    await this.#append([{ kind: 'again' }])
    this.#written = 0
  }

  async #catchUp(): Promise<boolean> {
    const before = this.#written
    for (let isMore = true; isMore; ) {
      const entries = await readEntriesAfter(this.#deps.database.read, this.#written, BATCH)
      const last = entries.at(-1)
      if (!last) break
      await this.#append(entries.map((entry) => ({ kind: 'erased', entry })))
      this.#written = last.position
      isMore = entries.length === BATCH
    }
    return this.#written > before
  }

  async #append(lines: readonly LedgerLine[]): Promise<void> {
    let chain = this.#chain
    const texts = lines.map((line) => {
      const written = writeLine(line, chain)
      chain = written.chain
      return written.text
    })
    await this.#deps.storage.append(new TextEncoder().encode(texts.join('')))
    this.#chain = chain
  }

  async #report(): Promise<void> {
    const { database, clock } = this.#deps
    const now = clock.monotonic()
    await database.write(reportLedgerFile, { fileId: this.#fileId, position: this.#written })
    this.#position = this.#written
    this.#reportedAt = now
  }
}
