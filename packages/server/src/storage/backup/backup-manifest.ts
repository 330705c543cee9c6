/** The manifest of a backup: a folder with one file of the database, and a JSON text that says what it is. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Engine } from '../database.ts'

export interface BackupManifest {
  readonly format: typeof FORMAT
  readonly engine: Engine
  /** The version of Lethe that made it. */
  readonly lethe: string
  /** When the copying began: what was erased later is erased again after a restore. */
  readonly created_at: string
  /** The name of the file in the folder. */
  readonly file: string
  readonly bytes: number
  /** Of the file, hexadecimal. */
  readonly sha256: string
}

export const FORMAT = 'lethe-backup-1'
const NAME = 'manifest.json'
const READ_BYTES = 1 << 20

/** Is told how much of the work is done, 0 to 1. */
export type OnShare = (share: number) => void

/** On disk when it resolves. */
export async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  const handle = await open(path.join(folder, NAME), 'wx', 0o600)
  await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
  await handle.sync()
  await handle.close()
}

/** @throws Error with a sentence for the operator when the folder is no backup, or one of a newer kind. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const text = await readFile(path.join(folder, NAME), 'utf8').catch(() => undefined)
  const manifest = text === undefined ? undefined : parse(text)
  if (manifest === undefined)
    throw new Error(`${folder} is not a backup of Lethe: it has no ${NAME} that fits.`)
  if (manifest.format !== FORMAT)
    throw new Error(`The backup ${folder} is of a kind that this version does not know (${manifest.format}).`)
  return manifest
}

/** @throws Error with a sentence for the operator when the file is not the one that was written. */
export async function checkFile(folder: string, manifest: BackupManifest, onShare: OnShare): Promise<void> {
  const file = path.join(folder, manifest.file)
  const found = await stat(file).catch(() => undefined)
  if (!found) throw new Error(`The backup ${folder} is not complete: ${manifest.file} is missing.`)
  if (found.size === manifest.bytes && (await hashFile(file, onShare)) === manifest.sha256) return
  throw new Error(
    `The backup ${folder} is damaged: ${manifest.file} is not what was written. Take another one.`,
  )
}

export async function hashFile(file: string, onShare: OnShare): Promise<string> {
  const { size } = await stat(file)
  const hash = createHash('sha256')
  let read = 0
  for await (const chunk of createReadStream(file, { highWaterMark: READ_BYTES })) {
    hash.update(chunk as Buffer)
    read += (chunk as Buffer).length
    onShare(read / Math.max(1, size))
  }
  return hash.digest('hex')
}

function parse(text: string): BackupManifest | undefined {
  try {
    const { format, engine, file, bytes, sha256, lethe, created_at } = JSON.parse(text)
    const texts = [format, engine, file, sha256, lethe, created_at]
    const isWhole = texts.every((one) => typeof one === 'string') && typeof bytes === 'number'
    // It names a file beside itself and nothing else.
    return isWhole && path.basename(file) === file
      ? { format, engine, lethe, created_at, file, bytes, sha256 }
      : undefined
  } catch {
    return undefined
  }
}
