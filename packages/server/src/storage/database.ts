/**
 * What the rooms know of storage. Reads go through `read`; every write is a named unit handed to `write`, whose answer
 * means that the write is on disk. The two engines stand behind this file, and nothing outside `storage/` knows which one runs.
 */

import type { Kysely } from 'kysely'
import type { Statement } from './statement.ts'

/** Somewhere to ask questions: a connection that reads, or a transaction. */
export interface Reader<Tables> {
  readonly kysely: Kysely<Tables>
  /** Runs a prepared statement over a batch. A statement over an empty batch is not sent and answers no rows. */
  query<Input, Row>(
    statement: Statement<Input, Row>,
    rows: readonly Input[],
    ...scalars: readonly (string | number)[]
  ): Promise<Row[]>
}

export interface Transaction<Tables> extends Reader<Tables> {
  readonly engine: Engine
  /** Others wait while this transaction runs, because there is one writer: background work takes a small step. */
  readonly isContended: boolean
  /**
   * The database's clock when the transaction began, in milliseconds since the epoch: one clock for all nodes. Leases,
   * retries and the three clocks of an erasure are read from it; everything else uses the clock of its node.
   */
  readonly now: number
  /**
   * Waits until no other transaction holds any of these names, and holds them until the end of this one. Always
   * before the first row lock. There is nothing to wait for where there is one writer.
   */
  lockNames(names: readonly string[]): Promise<void>
}

export type Engine = 'sqlite' | 'postgres'

/**
 * A write unit: takes all inputs that wait and gives one output for each, in order. It awaits nothing but `tx`, keeps
 * no state, and runs again from the start when the engine asks it to. A refusal is an output; an exception fails the
 * inputs and leaves no trace.
 */
export interface Unit<Input, Output, Tables = never> {
  readonly name: string
  /** Interactive: somebody waits for the answer. Background: the work loop's batches, which give way to the former. */
  readonly kind: 'interactive' | 'background'
  run(tx: Transaction<Tables>, inputs: readonly Input[]): Promise<Output[]>
}

/** A table or view as the live database describes it. */
export interface CatalogueTable {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly isNullable: boolean }[]
}

export interface Database<Tables> {
  readonly engine: Engine
  readonly read: Reader<Tables>
  /**
   * Runs the unit with this input and resolves once its commit is on disk.
   * @throws StorageUnavailable when nothing was done; OutcomeUnknown when the commit's answer was lost.
   */
  write<Input, Output>(unit: Unit<Input, Output, Tables>, input: Input): Promise<Output>
  /**
   * Makes what was removed before this call unreadable below the rows, as far as the engine can: a truncating
   * checkpoint on SQLite, fresh planner statistics on PostgreSQL. False: something was in the way; ask again later.
   */
  scrub(): Promise<boolean>
  /** Tells every node, this one included, that there is news under `topic`. A hint: it may get lost, and polling finds it too. */
  announce(topic: string): void
  /** Calls `listener` upon announcements of `topic`; the answer ends it. */
  onAnnounced(topic: string, listener: () => void): () => void
  /** The clock that `Transaction.now` is read from: for the ages of what was stamped with it. */
  now(): Promise<number>
  /** Rejects with StorageUnavailable when the database does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Waiting writes beyond this are refused as StorageUnavailable: about a second of work, so that memory stays bounded. */
export const WAITING_WRITES_MAX = 20_000
