/** What `lethe` commands do with the files of a server by themselves, whether it runs or not. */

import path from 'node:path'
import { dataFiles } from './config.ts'
import { mergeLedgers as joinLedgers, type MergedLedger } from './erasure/ledger/merge-ledgers.ts'
import { type LedgerFindings, readLedger } from './erasure/ledger/read-ledger.ts'
import { openAppendFile, readFrom } from './kernel/append-file.ts'
import { systemClock } from './kernel/clock.ts'
import { randomId, systemRandom } from './kernel/random.ts'
import type { BackupManifest } from './storage/backup/backup-manifest.ts'
import {
  type DatabasePlace,
  createBackup as makeBackup,
  type OnProgress,
} from './storage/backup/create-backup.ts'
import { restoreBackup as putBack } from './storage/backup/restore-backup.ts'

export type { BackupManifest, LedgerFindings, MergedLedger }

/** The settings that say where a server has its data, as they are written. */
export interface DataPlace {
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly ledger: string | undefined
  /** Of this process: programs of PostgreSQL are started with it. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The files beside a database that belong to it; the key may be given as a setting instead. */
export function filesBeside({ dataDir, ledger }: Pick<DataPlace, 'dataDir' | 'ledger'>): {
  ledger: string
  secretKey: string
} {
  return {
    ledger: ledger ?? path.join(dataDir, dataFiles.ledger),
    secretKey: path.join(dataDir, dataFiles.secretKey),
  }
}

/** Makes the folder `folder`, while servers work. @throws Error with a sentence for the operator, or the error of a file. */
export function createBackup(
  { folder, lethe, at }: { readonly folder: string; readonly lethe: string; readonly at: DataPlace },
  onProgress: OnProgress,
): Promise<BackupManifest> {
  return makeBackup({ folder, lethe, place: databasePlace(at), now: systemClock().now() }, onProgress)
}

/** While no server works. @throws Error with a sentence for the operator when it refuses, or the error of a file. */
export function restoreBackup(
  given: { readonly folder: string; readonly mayReplace: boolean; readonly at: DataPlace },
  onProgress: OnProgress,
): Promise<BackupManifest> {
  const { folder, mayReplace, at } = given
  return putBack({ folder, mayReplace, place: databasePlace(at) }, onProgress)
}

function databasePlace({ dataDir, databaseUrl, environment }: DataPlace): DatabasePlace {
  return databaseUrl === undefined
    ? { engine: 'sqlite', file: path.join(dataDir, dataFiles.database) }
    : { engine: 'postgres', url: databaseUrl, environment }
}

/** Is told how many bytes were read since it was told last. */
type OnBytes = (byteCount: number) => void

/** Reads a ledger, which a server may be writing to meanwhile. @throws the error of a file that cannot be read. */
export function verifyLedger(file: string, onBytes: OnBytes): Promise<LedgerFindings> {
  return readLedger(counted(file, onBytes))
}

/**
 * Joins ledgers into `out`, a file that does not exist.
 * @throws Error with a sentence for the operator when they do not belong together, or the error of a file that cannot be read.
 */
export async function mergeLedgers(
  given: { readonly files: readonly string[]; readonly out: string },
  onBytes: OnBytes,
): Promise<MergedLedger> {
  const out = await openAppendFile(given.out)
  try {
    return await joinLedgers({
      sources: given.files.map((file) => ({ name: file, chunks: counted(file, onBytes) })),
      out,
      fileId: randomId(systemRandom),
    })
  } finally {
    await out.close()
  }
}

async function* counted(file: string, onBytes: OnBytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of readFrom(file)) {
    yield chunk
    onBytes(chunk.length)
  }
}
