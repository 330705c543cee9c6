/** One SQLite connection: its settings, its prepared statements, and the failures that mean "not available". */

import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Reader } from '../database.ts'
import type { Statement } from '../statement.ts'
import { sqliteDialect } from './dialect.ts'

export type Connection = Sqlite.Database

/** A writer waits this long for a reader that holds the log while it truncates it. Nobody else writes. */
const BUSY_TIMEOUT_MS = 1_000

/**
 * `secure_delete` overwrites what is deleted (what it misses: `UnusedSpace`), `temp_store` keeps spilled rows off the
 * disk, `synchronous=FULL` makes a commit wait for the disk. The writer makes its checkpoints itself.
 */
export function openConnection(file: string, options: { readonly: boolean }): Connection {
  const connection = new Sqlite(file, { readonly: options.readonly, timeout: BUSY_TIMEOUT_MS })
  if (!options.readonly) connection.pragma('journal_mode = wal')
  connection.pragma('synchronous = full')
  connection.pragma('foreign_keys = on')
  connection.pragma('secure_delete = on')
  connection.pragma('temp_store = memory')
  connection.pragma('cache_size = -32768')
  return connection
}

export function readerOf<Tables>(connection: Connection): Reader<Tables> {
  const prepared = new Map<string, Sqlite.Statement>()
  const prepare = (statement: Statement) => {
    const known = prepared.get(statement.name)
    if (known) return known
    const fresh = connection.prepare(sqliteDialect.text(statement))
    prepared.set(statement.name, fresh)
    return fresh
  }
  return {
    kysely: new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) }),
    async query<Input, Row>(
      statement: Statement<Input, Row>,
      rows: readonly Input[],
      ...scalars: (string | number)[]
    ) {
      if (rows.length === 0) return []
      const ready = prepare(statement as Statement)
      const parameters = sqliteDialect.parameters(statement as Statement, rows, scalars)
      if (ready.reader) return ready.all(...parameters) as Row[]
      ready.run(...parameters)
      return []
    },
  }
}

/** Failures of the disk or the file, as opposed to faults of the program. */
export function isUnavailable(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return (
    typeof code === 'string' &&
    /^SQLITE_(FULL|IOERR|BUSY|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL)/.test(code)
  )
}
