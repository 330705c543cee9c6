/** One PostgreSQL session: its settings, its prepared statements, and which of its errors mean what. */

import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Reader } from '../database.ts'
import { StorageUnavailable } from '../errors.ts'
import type { Statement } from '../statement.ts'
import { postgresDialect } from './dialect.ts'

export type Session = pg.ClientBase

/**
 * Lets a test look at, hold up or change a statement before it is sent; `undefined` in the product. The race tests pause
 * here between any two statements of a unit, and take single locks out.
 */
export type StatementSeam = (statement: { name: string; text: string }) => Promise<string> | string

/** Whole numbers above 32 bits arrive as text by default; ours are below 2^53. */
const INT8_OID = 20
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig

/** A statement of ours takes milliseconds; one that takes this long is stuck. */
const STATEMENT_TIMEOUT_MS = 30_000
/** Waiting longer than this for a row means that its holder is stuck: better a 503 than a hanging call. */
const LOCK_TIMEOUT_MS = 5_000
/** Every node's first sign of an unreachable server. */
const CONNECT_TIMEOUT_MS = 5_000

/**
 * `idleInTransactionMs` is the lease of a node on what its transactions hold: when a node stops in the middle of one, the server
 * ends it after that time, by the server's own clock, and another node takes over.
 */
export function poolOptions(
  url: string,
  { idleInTransactionMs, work }: { idleInTransactionMs: number; work: 'read' | 'write' },
): pg.PoolConfig {
  return {
    connectionString: url,
    types,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    options: PLANNING[work],
    keepAlive: true,
  }
}

/**
 * A plan that is made while a table is empty and kept while it grows reads the whole table, or all of an app through the wrong
 * index. Reads are planned anew at each call. Writes run batches of one shape, so their plans are kept, for a while (see
 * `countUse`), and must look rows up by index, one by one.
 */
const PLANNING = {
  read: '-c plan_cache_mode=force_custom_plan',
  write:
    '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off',
} as const

const uses = new WeakMap<object, number>()

/** A session drops its plans at each doubling of its uses, and from then on after this many. */
const USES_PER_PLAN_MAX = 1_024

/** Counts a use of the session; true: its plans are to be dropped, since tables may have outgrown them. */
export function countUse(session: object): boolean {
  const count = (uses.get(session) ?? 0) + 1
  uses.set(session, count)
  return count >= USES_PER_PLAN_MAX ? count % USES_PER_PLAN_MAX === 0 : (count & (count - 1)) === 0
}

/** Sends prepared statements through `session`, by name, so that the server parses each once per session. */
export async function runStatement<Row>(
  session: Pick<Session, 'query'>,
  statement: Statement,
  input: {
    rows: readonly unknown[]
    scalars: readonly (string | number)[]
    seam?: StatementSeam | undefined
  },
): Promise<Row[]> {
  const values = postgresDialect.parameters(statement, input.rows, input.scalars)
  const text = textOf(statement)
  if (!input.seam) return (await session.query({ name: statement.name, text, values })).rows as Row[]
  const changed = await input.seam({ name: statement.name, text })
  return (await session.query({ text: changed, values })).rows as Row[]
}

const texts = new WeakMap<Statement, string>()

function textOf(statement: Statement): string {
  const known = texts.get(statement)
  if (known !== undefined) return known
  const text = postgresDialect.text(statement)
  texts.set(statement, text)
  return text
}

/** A reader whose Kysely queries run in this session, and so in its transaction. */
export function readerOf<Tables>(session: Session, seam?: StatementSeam): Reader<Tables> {
  const only = {
    connect: async () => ({ query: session.query.bind(session), release: () => {} }),
    end: async () => {},
  }
  return {
    kysely: new Kysely<Tables>({ dialect: new PostgresDialect({ pool: only as unknown as pg.Pool }) }),
    query: (statement, rows, ...scalars) =>
      rows.length === 0
        ? Promise.resolve([])
        : runStatement(session, statement as Statement, { rows, scalars, seam }),
  }
}

/** The pool as Kysely reads through it: what fails because the server is gone is told as StorageUnavailable. */
export function guardedPool(pool: pg.Pool): pg.Pool {
  const guarded = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } catch (error) {
      if (isUnavailable(error)) throw new StorageUnavailable('PostgreSQL does not answer')
      throw error
    }
  }
  const only = {
    connect: async () => {
      const session = await guarded(pool.connect())
      return {
        query: (text: string, values: unknown[]) => guarded(session.query(text, values)),
        release: () => session.release(),
      }
    },
    end: () => pool.end(),
  }
  return only as unknown as pg.Pool
}

/** Serialisation failures, deadlocks, and a unique value that somebody else took in between: run the unit again. */
export function isWorthAnotherTry(error: unknown): boolean {
  return ['40001', '40P01', '23505'].includes(sqlState(error) ?? '')
}

/**
 * The server is gone, going, full, or has ended our session: nothing that was not committed stands. Errors without an
 * SQLSTATE are the driver's and the socket's own.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof StorageUnavailable) return true
  if (!(error instanceof Error)) return false
  const state = sqlState(error)
  if (state !== undefined) return /^(08|53|57|58|25P0[34]|55P03|XX)/.test(state)
  const code = (error as { code?: unknown }).code
  const isSocketError = typeof code === 'string' && /^E[A-Z]+$/.test(code)
  return isSocketError || /connection|timeout|Client has encountered/i.test(error.message)
}

function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)
    ? code
    : undefined
}
