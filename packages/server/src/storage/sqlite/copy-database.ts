/** Copies a SQLite database as it is at one moment, while a server works on it. */

import Sqlite from 'better-sqlite3'

/** Pages copied in one go: 20 MB, some 50 ms. */
const PAGES_AT_ONCE = 5_000

const COUNT_TABLES = `select count(*) as tables from sqlite_master where type = 'table' and name = 'app'`

/**
 * Resolves once the copy is whole and was looked through; `onShare` is told how much of it is done, 0 to 1. Until then the
 * server's log is not truncated, so erasures of that time are finished after it.
 */
export async function copyDatabase(
  { from, to }: { readonly from: string; readonly to: string },
  onShare: (share: number) => void,
): Promise<void> {
  const source = new Sqlite(from, { readonly: true, fileMustExist: true })
  try {
    // A transaction holds the moment. Without it the copying would begin anew at every commit of the server.
    source.exec('begin')
    const { tables } = source.prepare<[], { tables: number }>(COUNT_TABLES).get() ?? { tables: 0 }
    if (tables === 0) throw new Error(`There are no tables in ${from} yet: start the server with it first.`)
    await source.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        onShare(totalPages === 0 ? 0 : 1 - remainingPages / totalPages)
        return PAGES_AT_ONCE
      },
    })
  } finally {
    source.close()
  }
  lookThrough(to)
}

/** @throws Error with a sentence for the operator when the copy is not sound. */
function lookThrough(file: string): void {
  const copy = new Sqlite(file, { fileMustExist: true })
  try {
    // One file alone, without a log beside it.
    copy.pragma('journal_mode = delete')
    const found = copy.pragma('quick_check(1)', { simple: true })
    if (found !== 'ok') throw new Error(`The database is damaged (${found}): this copy of it was given up.`)
  } finally {
    copy.close()
  }
}
