/** Somebody else's hand in the database: SQL past every unit of the server. */

import path from 'node:path'
import Sqlite from 'better-sqlite3'
import pg from 'pg'

/** Where the database is; `url` is empty on SQLite. */
interface Outside {
  readonly directory: string
  readonly url: string
}

export async function runOutside({ directory, url }: Outside, statement: string): Promise<void> {
  if (url === '') {
    const connection = new Sqlite(path.join(directory, 'lethe.sqlite'))
    connection.exec(statement)
    connection.close()
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
