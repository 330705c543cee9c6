/** Takes the planner's statistics of an empty table away: `analyze` finds no row there and leaves the old ones, which quote. */

import pg from 'pg'

/** Waiting for the lock keeps everybody else from the table. */
const LOCK_TIMEOUT_MS = 500

/** Does nothing while the table has rows. False: others used the table all the time; ask again later. */
export async function clearStatisticsOfEmpty(pool: pg.Pool, table: string): Promise<boolean> {
  if (!(await isEmpty(pool, table)) || (await quotedColumns(pool, table)).length === 0) return true
  const session = await pool.connect()
  let isBroken = true
  try {
    await session.query(`begin; set local lock_timeout = ${LOCK_TIMEOUT_MS}`)
    const isDone = await clearUnderLock(session, table)
    await session.query(isDone ? 'commit' : 'rollback')
    isBroken = false
    return isDone
  } finally {
    session.release(isBroken)
  }
}

type Session = Pick<pg.ClientBase, 'query'>

async function clearUnderLock(session: Session, table: string): Promise<boolean> {
  const name = pg.escapeIdentifier(table)
  try {
    await session.query(`lock table ${name} in access exclusive mode`)
    if (!(await isEmpty(session, table))) return true
    // A column whose type is set loses its statistics, even if it had that type. On an empty table this is instant.
    const changes = (await quotedColumns(session, table)).map(
      (column) => `alter column ${pg.escapeIdentifier(column)} type text`,
    )
    if (changes.length > 0) await session.query(`alter table ${name} ${changes.join(', ')}`)
    return true
  } catch (error) {
    if (error instanceof Error && LOCK_FAILURES.has((error as { code?: unknown }).code)) return false
    throw error
  }
}

/** The lock was not to be had in time, or somebody waited for us. */
const LOCK_FAILURES: ReadonlySet<unknown> = new Set(['55P03', '40P01'])

async function isEmpty(session: Session, table: string): Promise<boolean> {
  const found = await session.query(`select 1 from ${pg.escapeIdentifier(table)} limit 1`)
  return found.rows.length === 0
}

/** Text columns of which there are statistics. */
async function quotedColumns(session: Session, table: string): Promise<string[]> {
  const found = await session.query(
    `select s.attname from pg_stats s
      join pg_attribute a on a.attrelid = to_regclass(quote_ident(s.tablename)) and a.attname = s.attname
      where s.schemaname = current_schema() and s.tablename = $1 and a.atttypid = 'text'::regtype`,
    [table],
  )
  return found.rows.map((row: { attname: string }) => row.attname)
}
