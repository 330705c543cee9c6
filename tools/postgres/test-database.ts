// A fresh, empty database for one test file, on the PostgreSQL that `npm test` has started.
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import pg from 'pg'

export type TestDatabase = {
  /** A connection string for `pg`. */
  url: string
  /** Removes the database, whoever is still connected to it. */
  drop(): Promise<void>
}

/** Where the runner says which server to use: a connection string of that server's `postgres` database. */
export const serverVariable = 'LETHE_TEST_POSTGRES'

/** Creates the database. Throws when no runner has started a server. */
export async function testDatabaseUrl(): Promise<TestDatabase> {
  const server = process.env[serverVariable]
  if (server === undefined) {
    throw new Error('This test needs the PostgreSQL that the test runner starts: use `npm test -- <file>`.')
  }
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runOnServer(server, `create database ${name}`)
  return {
    url: withDatabase(server, name),
    drop: () => runOnServer(server, `drop database if exists ${name} with (force)`),
  }
}

async function runOnServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Names another database in a connection string. The host is empty there, so `URL` cannot be asked. */
function withDatabase(server: string, name: string): string {
  return server.replace(/^(postgres:\/\/[^/]*\/)[^?]*/, `$1${name}`)
}
