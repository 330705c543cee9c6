/** Backups of PostgreSQL with its own programs, pg_dump and pg_restore. */

import { spawn } from 'node:child_process'

/** What a program complains of is kept up to here. */
const COMPLAINT_CHARACTERS_MAX = 2_000

/** A database, and the environment in which the programs are started: it says where they are. */
export interface PostgresPlace {
  readonly url: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Writes the database, as it is at one moment, into `file`. @throws Error with a sentence for the operator. */
export function dumpPostgres(place: PostgresPlace, file: string): Promise<void> {
  return run('pg_dump', place, ['--format=custom', '--no-owner', '--no-privileges', `--file=${file}`])
}

/** Fills an empty database with what `dumpPostgres` wrote, all or nothing. @throws Error with a sentence for the operator. */
export function restorePostgres(place: PostgresPlace, file: string): Promise<void> {
  const flags = ['--no-owner', '--no-privileges', '--exit-on-error', '--single-transaction']
  return run('pg_restore', place, [...flags, file])
}

function run(
  program: 'pg_dump' | 'pg_restore',
  { url, environment }: PostgresPlace,
  args: readonly string[],
): Promise<void> {
  const { address, password } = withoutPassword(url)
  // Others on this machine see arguments, and not the environment.
  const env = { ...environment, ...(password === undefined ? {} : { PGPASSWORD: password }) }
  return new Promise((resolve, reject) => {
    const child = spawn(program, [`--dbname=${address}`, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaint = ''
    child.stderr.on('data', (chunk) => {
      complaint = `${complaint}${chunk}`.slice(0, COMPLAINT_CHARACTERS_MAX)
    })
    child.once('error', (error) => reject(new Error(notStarted(program, error))))
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${GAVE_UP[program]}: ${complaint.trim() || `exit code ${code}`}`))
    })
  })
}

const GAVE_UP = {
  pg_dump: 'pg_dump gave up',
  pg_restore: 'pg_restore gave up, and the database, which has to be empty, is as it was',
}

function notStarted(program: string, error: Error): string {
  const isMissing = (error as { code?: unknown }).code === 'ENOENT'
  return isMissing
    ? `${program} is not there: install the client programs of PostgreSQL, of the server's version or a newer one, or use what your ` +
        'PostgreSQL is backed up with otherwise (docs/guides/backups.md).'
    : `${program} cannot be started: ${error.message}`
}

function withoutPassword(url: string): { address: string; password?: string } {
  const parsed = URL.parse(url)
  if (!parsed?.password) return { address: url }
  const password = decodeURIComponent(parsed.password)
  parsed.password = ''
  return { address: parsed.href, password }
}
