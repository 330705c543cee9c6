/** Makes a backup of a database, while servers work on it. Neither the secret key nor the ledger is in it. */

import { chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { dumpPostgres, type PostgresPlace } from '../postgres/dump.ts'
import { copyDatabase } from '../sqlite/copy-database.ts'
import { type BackupManifest, FORMAT, hashFile, type OnShare, writeManifest } from './backup-manifest.ts'

/** Where the database is. */
export type DatabasePlace =
  | { readonly engine: 'sqlite'; readonly file: string }
  | ({ readonly engine: 'postgres' } & PostgresPlace)

export interface CreateBackupInput {
  readonly place: DatabasePlace
  /** Is made; must not exist. */
  readonly folder: string
  /** The version that makes it. */
  readonly lethe: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export type Stage = 'copying' | 'checking'
/** `share`: of the stage, 0 to 1; undefined: not known. */
export type OnProgress = (stage: Stage, share: number | undefined) => void

/**
 * Resolves once the backup is on disk. Interrupted, it leaves a folder whose name ends in `.unfinished` and nothing else.
 * @throws Error with a sentence for the operator.
 */
export async function createBackup(
  input: CreateBackupInput,
  onProgress: OnProgress,
): Promise<BackupManifest> {
  const { place, folder, lethe, now } = input
  if (await exists(folder)) throw new Error(`${folder} exists: give the backup a name that is free.`)
  if (place.engine === 'sqlite' && !(await exists(place.file)))
    throw new Error(`There is no database at ${place.file}: say with LETHE_DATA_DIR where it is.`)
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  try {
    const file = await copy(place, unfinished, (share) => onProgress('copying', share))
    const at = path.join(unfinished, file)
    await chmod(at, 0o600)
    await sync(at)
    const { size: bytes } = await stat(at)
    const manifest: BackupManifest = {
      format: FORMAT,
      engine: place.engine,
      lethe,
      created_at: new Date(now).toISOString(),
      file,
      bytes,
      sha256: await hashFile(at, (share) => onProgress('checking', share)),
    }
    await writeManifest(unfinished, manifest)
    await rename(unfinished, folder)
    await sync(path.dirname(path.resolve(folder)))
    return manifest
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    throw error
  }
}

/** Answers the name of the file. */
async function copy(
  place: DatabasePlace,
  folder: string,
  onShare: (share: number | undefined) => void,
): Promise<string> {
  if (place.engine === 'sqlite') {
    const name = 'lethe.sqlite'
    await copyDatabase({ from: place.file, to: path.join(folder, name) }, onShare as OnShare)
    return name
  }
  const name = 'lethe.dump'
  onShare(undefined)
  await dumpPostgres(place, path.join(folder, name))
  return name
}

export function exists(at: string): Promise<boolean> {
  return stat(at).then(
    () => true,
    () => false,
  )
}

/** A file or a folder. Windows cannot open a folder, and keeps names by itself. */
async function sync(at: string): Promise<void> {
  const isFolder = (await stat(at)).isDirectory()
  if (isFolder && process.platform === 'win32') return
  const handle = await open(at, isFolder ? 'r' : 'r+')
  await handle.sync()
  await handle.close()
}
