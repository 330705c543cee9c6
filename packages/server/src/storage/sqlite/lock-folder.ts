/** One process per folder or file: a lock of the operating system, which a killed process does not leave behind. */

import { chmodSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'

/**
 * Holds the folder until the answer is called or the process ends. The folder is made when missing.
 * @throws Error with a sentence for the operator when another server holds it.
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return lockFile(
    path.join(folder, 'lock'),
    `Another Lethe works in ${folder}: stop it first, or give this one a folder of its own (LETHE_DATA_DIR).`,
  )
}

/** The same by a file, which is made and stays. `sentence` is thrown when another process holds it. */
export function lockFile(file: string, sentence: string): () => void {
  // An exclusive transaction on a database of its own, never committed, is a lock that works wherever SQLite works.
  const connection = new Sqlite(file, { timeout: 0 })
  try {
    connection.exec('begin exclusive')
  } catch (error) {
    connection.close()
    if (error instanceof Error && (error as { code?: unknown }).code === 'SQLITE_BUSY')
      throw new Error(sentence)
    throw error
  }
  chmodSync(file, 0o600)
  return () => connection.close()
}
