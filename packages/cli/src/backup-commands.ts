/** `lethe backup create|restore`: copies of the database, made and put back without the operator API. */

import { existsSync } from 'node:fs'
import process from 'node:process'
import type { BackupManifest, DataPlace } from '@lethe/server/offline.ts'
import { type Command, Option } from 'commander'
import packageManifest from '../package.json' with { type: 'json' }
import { orComplaint } from './complaint.ts'
import { type Json, jsonOption, print } from './operator-command.ts'
import { ProgressLine } from './progress-line.ts'

interface BackupOptions extends Json {
  readonly dataDir: string
  readonly databaseUrl?: string
  readonly ledger?: string
}

export function addBackupCommands(program: Command): void {
  const backup = program
    .command('backup')
    .description('Copy the database and put a copy back; docs/guides/backups.md has all about it.')
  placed(backup.command('create'))
    .description(
      'Make a backup, while the server works. The secret key and the ledger of erasures are not in it. Exit code 0: it is on disk; 1: ' +
        'there is none; 2: called wrongly.',
    )
    .argument('<folder>', 'where it goes; it must not exist')
    .action(create)
  placed(backup.command('restore'))
    .description(
      'Put a backup in the place of the database, while no server works. The next start erases again whoever was erased since. Exit ' +
        'code 0: done; 1: nothing was changed; 2: called wrongly.',
    )
    .argument('<folder>', 'the backup')
    .option('--replace', 'the SQLite database that is there may go')
    .action(restore)
}

/** The settings that say where the data is. */
function placed(command: Command): Command {
  const option = (flag: string, words: string, variable: string) => new Option(flag, words).env(variable)
  return command
    .addOption(option('--data-dir <folder>', 'data folder of the server', 'LETHE_DATA_DIR').default('./data'))
    .addOption(
      option('--database-url <url>', 'PostgreSQL; absent: SQLite in the data folder', 'LETHE_DATABASE_URL'),
    )
    .addOption(option('--ledger <file>', 'the ledger of erasures', 'LETHE_LEDGER'))
    .addOption(jsonOption())
}

async function create(folder: string, options: BackupOptions): Promise<void> {
  const { createBackup, filesBeside } = await import('@lethe/server/offline.ts')
  const at = placeOf(options)
  const manifest = await withProgress((onProgress) =>
    createBackup({ folder, lethe: packageManifest.version, at }, onProgress),
  )
  const { secretKey, ledger } = filesBeside(at)
  const key = existsSync(secretKey) ? secretKey : 'LETHE_SECRET_KEY'
  print(options, { folder, ...manifest }, [
    `The backup is in ${folder}.`,
    ...figures(manifest),
    'Not in it, on purpose:',
    `  the secret key (${key}), without which it cannot be used: keep a copy apart from the backups`,
    `  the ledger (${ledger}), which must stay as new as it is: it knows who was erased after the backup`,
  ])
}

async function restore(folder: string, options: BackupOptions & { replace?: true }): Promise<void> {
  const { filesBeside, restoreBackup } = await import('@lethe/server/offline.ts')
  const at = placeOf(options)
  const mayReplace = options.replace === true
  const manifest = await withProgress((onProgress) => restoreBackup({ folder, mayReplace, at }, onProgress))
  const { secretKey, ledger } = filesBeside(at)
  const missing = [
    ...(existsSync(ledger)
      ? []
      : [
          `There is no ledger at ${ledger}: put it there, the newest there is, or say where it is with LETHE_LEDGER. Without it the ` +
            'start is refused, since users who were erased would be back.',
        ]),
    ...(existsSync(secretKey) || process.env['LETHE_SECRET_KEY']
      ? []
      : [`There is no secret key at ${secretKey}: put it there, or give it as LETHE_SECRET_KEY.`]),
  ]
  print(options, { folder, ...manifest, missing }, [
    `The backup ${folder} is in place.`,
    ...figures(manifest),
    'The next start erases again whoever was erased since, before it serves anybody.',
    ...missing,
  ])
}

function placeOf({ dataDir, databaseUrl, ledger }: BackupOptions): DataPlace {
  return { dataDir, databaseUrl, ledger, environment: process.env }
}

type OnProgress = Parameters<typeof import('@lethe/server/offline.ts').createBackup>[1]

async function withProgress<Result>(work: (onProgress: OnProgress) => Promise<Result>): Promise<Result> {
  const line = new ProgressLine()
  try {
    return await orComplaint(() =>
      work((stage, share) =>
        line.show({ ...(share === undefined ? {} : { share }), words: stage, stage: '' }),
      ),
    )
  } finally {
    line.end()
  }
}

function figures({ engine, bytes, sha256, created_at, lethe }: BackupManifest): string[] {
  return [
    `  Database  ${engine === 'sqlite' ? 'SQLite' : 'PostgreSQL'}, as it was at ${created_at}, made with Lethe ${lethe}`,
    `  Size      ${bytes} bytes`,
    `  SHA-256   ${sha256}`,
  ]
}
