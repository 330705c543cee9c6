/** `lethe serve`: reads the world (files, clock, randomness, sockets, signals), starts the server in it, and ends it in order. */

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import pino from 'pino'
import {
  type AppDeps,
  createApp,
  type FirstStart,
  holdCalls,
  type Ledger,
  personalTables,
  prepareDatabase,
  prepareLedger,
  writerThread,
} from './app.ts'
import { dataFiles, parseSecretKey, type Settings } from './config.ts'
import { openAppendFile, shareDevice } from './kernel/append-file.ts'
import { systemClock } from './kernel/clock.ts'
import { errorFields, type Log } from './kernel/log.ts'
import { systemRandom } from './kernel/random.ts'
import { openPostgres } from './storage/postgres/postgres-database.ts'
import { lockFile, lockFolder } from './storage/sqlite/lock-folder.ts'
import { openSqlite } from './storage/sqlite/sqlite-database.ts'

export type { FirstStart } from './app.ts'
export { readSettings, type Setting, type Settings, settingTable } from './config.ts'

/** A server that answers. */
export interface Started {
  /** Where it listens, as a URL. */
  readonly address: string
  readonly firstStart: FirstStart
  /** Whether it serves the demo. */
  readonly hasDemo: boolean
}

const webSdkFolder = path.join(import.meta.dirname, '..', '..', 'web-sdk')

/** Draining requests takes ten seconds at most; this is the end of all patience. */
const STOP_MS = 12_000

/**
 * Runs a server until SIGTERM or SIGINT, and answers with the exit code of the process. A second signal ends it at once.
 * `onStarted` tells people where it is, and what a first start has minted.
 */
export async function serve(settings: Settings, onStarted: (started: Started) => void): Promise<number> {
  const asked = stopSignal()
  // What the data folder holds is for nobody else on this machine.
  process.umask(0o077)
  try {
    const server = await start(settings)
    onStarted(server.started)
    await asked
    await server.stop()
    return 0
  } catch (error) {
    process.stderr.write(`${sentenceOf(error, settings)}\n`)
    return 1
  }
}

/** @throws Error whose message is for the operator, or one that is a fault of the program. */
async function start(settings: Settings): Promise<{ started: Started; stop(): Promise<void> }> {
  const log = createLog(settings.logLevel)
  const ending: (() => Promise<void> | void)[] = []
  const stop = async () => {
    for (const end of ending.splice(0).reverse()) await end()
  }
  try {
    if (settings.databaseUrl === undefined) ending.push(lockFolder(settings.dataDir))
    const deps = await openWorld(settings, log)
    ending.push(() => deps.database.close())
    const firstStart = await prepareDatabase(deps)
    const opened = await openLedgerFile(settings, deps)
    ending.push(opened.close)
    const app = await createApp({ ...deps, ledger: opened.ledger })
    ending.push(() => app.stop())
    await opened.release()
    const address = await app.http.listen(settings)
    log.info({ engine: deps.database.engine, version: deps.version }, 'server.started')
    ending.push(() => log.info({}, 'server.stopping'))
    const hasDemo = settings.demo && existsSync(path.join(webSdkFolder, 'demo'))
    return { started: { address, firstStart, hasDemo }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function openWorld(settings: Settings, log: Log): Promise<AppDeps> {
  const clock = systemClock()
  const secretKey = settings.secretKey ?? secretKeyOf(settings.dataDir)
  const onFault = (error: unknown) => log.error(errorFields(error), 'storage.fault')
  const database: AppDeps['database'] =
    settings.databaseUrl === undefined
      ? await openSqlite({
          file: path.join(settings.dataDir, dataFiles.database),
          writerThread,
          clock,
          onFault,
        })
      : await openPostgres(
          { url: settings.databaseUrl, clock, onFault, idleInTransactionMs: settings.transactionLeaseMs },
          personalTables,
        )
  const version = readVersion()
  return { database, secretKey, clock, random: systemRandom, log, settings, version, webSdkFolder }
}

interface OpenedLedger {
  readonly ledger: Ledger
  /** Ends the 503 that calls got while erasures were replayed. */
  release(): Promise<void>
  close(): Promise<void>
}

async function openLedgerFile(settings: Settings, deps: AppDeps): Promise<OpenedLedger> {
  const place = settings.ledger ?? path.join(settings.dataDir, dataFiles.ledger)
  mkdirSync(path.dirname(path.resolve(place)), { recursive: true, mode: 0o700 })
  const unlock = lockFile(
    `${place}.lock`,
    `Another Lethe writes the ledger ${place}: give every node one of its own (LETHE_LEDGER).`,
  )
  const file = await openAppendFile(place).catch((error: unknown) => {
    unlock()
    throw error
  })
  let release = async () => {}
  const close = async () => {
    await release()
    await file.close()
    unlock()
  }
  try {
    const ledger = await prepareLedger(deps, {
      storage: file,
      place,
      lostAt: settings.ledgerLost,
      warnings: isOnDeviceOfData(settings, place) ? [SHARED_DEVICE] : [],
      onReplay: async (erasureCount) => {
        deps.log.warn({ erasureCount }, 'ledger.replaying')
        release = await holdCalls(
          settings,
          'users who were erased are being erased again: nothing was changed',
        )
      },
      onOlderDatabase: (sentence) => {
        process.stderr.write(`${sentence}\n`)
        process.exit(1)
      },
    })
    return {
      ledger,
      close,
      release: async () => {
        await release()
        release = async () => {}
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A PostgreSQL's disks are not for us to see. */
function isOnDeviceOfData({ databaseUrl, dataDir }: Settings, place: string): boolean {
  return databaseUrl === undefined && shareDevice(place, path.join(dataDir, dataFiles.database))
}

const SHARED_DEVICE =
  'the ledger of erasures is on the same device as the data: one broken disk, or one restored snapshot, takes both (LETHE_LEDGER)'

/** JSON lines on stderr, written at once: the last line before an end is the one that matters. */
function createLog(level: string): Log {
  const logger = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
  return {
    debug: (fields, event) => logger.debug(fields as object, event),
    info: (fields, event) => logger.info(fields as object, event),
    warn: (fields, event) => logger.warn(fields as object, event),
    error: (fields, event) => logger.error(fields as object, event),
  }
}

/** The key in the data folder; made there when missing, and on disk before anything is sealed with it. */
function secretKeyOf(folder: string): Uint8Array {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, dataFiles.secretKey)
  const known = readIfThere(file)
  if (known === undefined) return makeSecretKey(file)
  const parsed = parseSecretKey(known.trim())
  if (parsed.ok) return parsed.value
  throw new Error(`The file ${file} must hold ${parsed.reason}. Restore it: without it the keys are lost.`)
}

function makeSecretKey(file: string): Uint8Array {
  const key = systemRandom.bytes(32)
  const descriptor = openSync(file, 'wx', 0o600)
  writeSync(descriptor, `${Buffer.from(key).toString('hex')}\n`)
  fsyncSync(descriptor)
  closeSync(descriptor)
  syncFolder(path.dirname(file))
  return key
}

/** Makes the names of new files durable. Windows cannot open a folder, and keeps names by itself. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

/** Resolves at the first signal. The second one, or too long a drain, ends the process. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false
    const onSignal = () => {
      if (isAsked) process.exit(1)
      isAsked = true
      setTimeout(() => process.exit(1), STOP_MS).unref()
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

/** What stopped the start, in one sentence where an operator can mend it, and with its stack where it is our fault. */
function sentenceOf(error: unknown, settings: Settings): string {
  const code = codeOf(error) ?? ''
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'EADDRINUSE') {
    return `Port ${settings.port} on ${settings.host} is in use: stop what listens there, or set LETHE_PORT.`
  }
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(code)) {
    return `This machine has no address ${settings.host}: set LETHE_HOST to one that it has.`
  }
  if (code === 'EACCES' && (error as { syscall?: string }).syscall === 'listen') {
    return `Port ${settings.port} may not be used by this user: set LETHE_PORT to one above 1023.`
  }
  if (FOLDER_FAULTS.test(code)) {
    return `The data folder ${settings.dataDir} cannot be used (${code}): see that it is a folder which this user may write to, or set LETHE_DATA_DIR.`
  }
  if (/^[0-9A-Z]{5}$/.test(code)) return `PostgreSQL refuses to work with LETHE_DATABASE_URL: ${message}.`
  const isOurs = error instanceof Error && ['Error', 'StorageUnavailable'].includes(error.name) && code === ''
  return isOurs ? message : `Lethe could not start: ${(error as Error).stack ?? message}`
}

const FOLDER_FAULTS =
  /^(EACCES|EPERM|EROFS|ENOSPC|ENOTDIR|EEXIST|EISDIR|SQLITE_(CANTOPEN|READONLY|IOERR|FULL|NOTADB|CORRUPT|PERM))/

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : undefined
}
