/** Puts a backup in the place of a database that no server works on. */

import { chmod, copyFile, mkdir, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { restorePostgres } from '../postgres/dump.ts'
import { lockFolder } from '../sqlite/lock-folder.ts'
import { type BackupManifest, checkFile, readManifest } from './backup-manifest.ts'
import { type DatabasePlace, exists, type OnProgress } from './create-backup.ts'

export interface RestoreBackupInput {
  readonly folder: string
  readonly place: DatabasePlace
  /** Whether a SQLite database that is there may go. A PostgreSQL database must be empty. */
  readonly mayReplace: boolean
}

/** @throws Error with a sentence for the operator when it refuses; nothing has changed then. */
export async function restoreBackup(
  { folder, place, mayReplace }: RestoreBackupInput,
  onProgress: OnProgress,
): Promise<BackupManifest> {
  const manifest = await readManifest(folder)
  if (manifest.engine !== place.engine) throw new Error(otherEngine(manifest, place))
  await checkFile(folder, manifest, (share) => onProgress('checking', share))
  onProgress('copying', undefined)
  const file = path.join(folder, manifest.file)
  if (place.engine === 'postgres') await restorePostgres(place, file)
  else await putInPlace(file, place.file, mayReplace)
  return manifest
}

async function putInPlace(from: string, to: string, mayReplace: boolean): Promise<void> {
  const unlock = lockFolder(path.dirname(to))
  try {
    if (!mayReplace && (await exists(to)))
      throw new Error(`There is a database at ${to}: move it away, or say with --replace that it may go.`)
    const unfinished = `${to}.restoring`
    await mkdir(path.dirname(to), { recursive: true, mode: 0o700 })
    await copyFile(from, unfinished)
    await chmod(unfinished, 0o600)
    const handle = await open(unfinished, 'r+')
    await handle.sync()
    await handle.close()
    // The log of the old database, which must not be taken for one of the new.
    for (const end of ['-wal', '-shm']) await rm(to + end, { force: true })
    await rename(unfinished, to)
  } finally {
    unlock()
  }
}

function otherEngine({ engine }: BackupManifest, place: DatabasePlace): string {
  const names = { sqlite: 'SQLite', postgres: 'PostgreSQL' }
  return `The backup is of ${names[engine]}, and the settings name ${names[place.engine]}: ${
    engine === 'postgres' ? 'set' : 'do not set'
  } LETHE_DATABASE_URL.`
}
