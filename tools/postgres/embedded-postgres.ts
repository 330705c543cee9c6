// Starts a real PostgreSQL 18 on a machine that has none, reachable over a unix socket only, and takes everything away
// again. Databases and their contents are left to the caller.
//
// A server is running -> killed -> running … -> stopped. `kill` ends it as a crash would and keeps the data; `start`
// starts again over the same data; `stop` ends it properly and removes every folder that was not the caller's.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { runningProcesses, waitUntilGone } from '../processes.ts'
import { ownCopyOfBinaries, postgresBinaries, temporaryFolder } from './binaries.ts'

export type PostgresOptions = {
  /** `false` for ordinary tests: nothing is flushed, a crash may lose everything. `true` leaves PostgreSQL durable. */
  fsync: boolean
  /** Keeps data and log here and leaves them at `stop`. Without it: a temporary folder that `stop` removes. */
  directory?: string
  /** More settings, as in postgresql.conf. */
  settings?: Record<string, string>
}

export type EmbeddedPostgres = {
  /** A connection string for `pg`, over the unix socket, as the superuser `postgres`. */
  url(database: string): string
  stop(): Promise<void>
  /** SIGKILL to the postmaster; answers when all its backends are gone too. */
  kill(): Promise<void>
  /** Starts again after `kill` (or after `stop`, where the caller named the directory). */
  start(): Promise<void>
  /** The postmaster's process id. */
  pid(): number
  /** Holds `data/` and `server.log`. */
  directory: string
  /** Everything the server has logged, over all its starts. */
  log(): string
}

/** PostgreSQL refuses to run as root; this is `nobody` on most systems, and no name is needed. */
const unprivileged = { uid: 65_534, gid: 65_534 }

/** Enough for two nodes' pools and for every test file that runs at the same time. */
const connectionsMax = 200
/** Recovery after a kill takes longest; a loaded machine is granted half a minute. */
const startTimeoutMs = 30_000
/** After that long a proper stop becomes an immediate one, and a backend that outlived its postmaster is killed. */
const stopTimeoutMs = 10_000
const pollMs = 5

export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const server = new PostgresServer(options)
  try {
    server.initialize()
    await server.start()
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

class PostgresServer implements EmbeddedPostgres {
  readonly directory: string
  readonly #options: PostgresOptions
  readonly #runAs: { uid: number; gid: number } | undefined
  readonly #binaries: string
  readonly #socketFolder: string
  #postmaster: ChildProcess | undefined
  #watch: ChildProcess | undefined

  constructor(options: PostgresOptions) {
    this.#options = options
    this.#runAs = process.getuid?.() === 0 ? unprivileged : undefined
    this.#binaries = postgresBinaries({ asOtherUser: this.#runAs !== undefined })
    this.#socketFolder = temporaryFolder('lethe-pg-')
    this.directory = path.resolve(options.directory ?? this.#socketFolder)
  }

  url(database: string): string {
    return `postgres://postgres@/${encodeURIComponent(database)}?host=${encodeURIComponent(this.#socketFolder)}`
  }

  pid(): number {
    const pid = this.#postmaster?.pid
    if (pid === undefined) throw new Error('This PostgreSQL is not running: call start() first.')
    return pid
  }

  log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : ''
  }

  initialize(): void {
    for (const folder of [this.#socketFolder, this.directory]) this.#makeFolder(folder)
    if (existsSync(path.join(this.#dataFolder, 'PG_VERSION'))) return
    const flags = ['-U', 'postgres', '--auth=trust', '--locale=C', '--encoding=UTF8']
    if (!this.#options.fsync) flags.push('--no-sync')
    const made = spawnSync(this.#program('initdb'), ['-D', this.#dataFolder, ...flags], {
      ...this.#surroundings(),
      encoding: 'utf8',
    })
    if (made.status !== 0) {
      throw new Error(`initdb failed: ${made.error?.message ?? ''}${made.stdout}${made.stderr}`)
    }
  }

  async start(): Promise<void> {
    if (this.#postmaster !== undefined) throw new Error('This PostgreSQL is already running.')
    this.#makeFolder(this.#socketFolder)
    const log = openSync(this.#logFile, 'a')
    const postmaster = spawn(this.#program('postgres'), this.#startArguments(), {
      ...this.#surroundings(),
      // A session of its own: Ctrl-C in the terminal reaches the runner alone, which then stops things in their order.
      detached: true,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#postmaster = postmaster
    this.#watch = this.#watchOverParent(postmaster)
    await this.#untilReady(postmaster)
  }

  async kill(): Promise<void> {
    const pid = this.pid()
    // Held still first, so that it starts no backend between our look at its children and its end.
    process.kill(pid, 'SIGSTOP')
    const backends = runningProcesses().filter((running) => running.parentPid === pid)
    process.kill(pid, 'SIGKILL')
    await this.#gone([pid, ...backends.map((backend) => backend.pid)])
    await this.#collected()
    this.#forgetPostmaster()
  }

  /** Until its end is collected its number is taken, and the next start believes that it runs. */
  async #collected(): Promise<void> {
    const postmaster = this.#postmaster
    if (postmaster?.exitCode === null && postmaster.signalCode === null) await once(postmaster, 'exit')
  }

  async stop(): Promise<void> {
    const pid = this.#postmaster?.pid
    if (pid !== undefined && this.#postmaster?.exitCode === null && this.#postmaster.signalCode === null) {
      process.kill(pid, 'SIGINT') // PostgreSQL's fast shutdown: it does not wait for its clients.
      if ((await waitUntilGone([pid], stopTimeoutMs)).length > 0) process.kill(pid, 'SIGQUIT')
      await this.#gone([pid])
    }
    this.#forgetPostmaster()
    rmSync(this.#socketFolder, { recursive: true, force: true })
  }

  get #dataFolder(): string {
    return path.join(this.directory, 'data')
  }

  get #logFile(): string {
    return path.join(this.directory, 'server.log')
  }

  #program(name: 'initdb' | 'postgres'): string {
    return path.join(this.#binaries, 'bin', name)
  }

  #surroundings() {
    return { ...this.#runAs, cwd: this.#socketFolder, env: { LC_ALL: 'C', TZ: 'UTC' } }
  }

  #makeFolder(folder: string): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (this.#runAs !== undefined) chownSync(folder, this.#runAs.uid, this.#runAs.gid)
  }

  #startArguments(): string[] {
    const settings: Record<string, string> = {
      listen_addresses: '',
      unix_socket_directories: this.#socketFolder,
      max_connections: String(connectionsMax),
      ...(this.#options.fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
      ...this.#options.settings,
    }
    return [
      '-D',
      this.#dataFolder,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]
  }

  /**
   * A shell that does nothing but wait for our end of its pipe to close, which happens however we die, SIGKILL included;
   * then it ends the server at once and removes what would have been removed.
   */
  #watchOverParent(postmaster: ChildProcess): ChildProcess {
    // At most ten seconds of waiting: where nobody collects ended processes, the number stays taken for ever.
    const untilGone = 'for i in $(seq 100); do kill -0 "$1" || break; sleep 0.1; done'
    const script = `cat >/dev/null; kill -QUIT "$1"; ${untilGone}; shift; rm -rf "$@"`
    const folders = [this.#socketFolder, ownCopyOfBinaries()].filter((folder) => folder !== undefined)
    const watch = spawn('sh', ['-c', script, 'sh', String(postmaster.pid), ...folders], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    // The pipe must stay open as long as we live and must not keep us alive.
    watch.unref()
    if (watch.stdin !== null && 'unref' in watch.stdin && typeof watch.stdin.unref === 'function')
      watch.stdin.unref()
    return watch
  }

  async #untilReady(postmaster: ChildProcess): Promise<void> {
    const deadline = performance.now() + startTimeoutMs
    let spawnError: Error | undefined
    postmaster.once('error', (error) => {
      spawnError = error
    })
    while (!this.#isReady(postmaster)) {
      const ended = postmaster.exitCode !== null || postmaster.signalCode !== null || spawnError !== undefined
      if (ended) this.#forgetPostmaster()
      if (ended || performance.now() > deadline) {
        throw new Error(`PostgreSQL did not start: ${spawnError?.message ?? ''}\n${this.log()}`)
      }
      await sleep(pollMs)
    }
  }

  /** The postmaster writes its state into the eighth line of its pid file; the first line tells whose file it is. */
  #isReady(postmaster: ChildProcess): boolean {
    const file = path.join(this.#dataFolder, 'postmaster.pid')
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
    return lines[0] === String(postmaster.pid) && lines[7]?.trim() === 'ready'
  }

  async #gone(pids: number[]): Promise<void> {
    const left = await waitUntilGone(pids, stopTimeoutMs)
    for (const pid of left) process.kill(pid, 'SIGKILL')
    const stuck = await waitUntilGone(left, stopTimeoutMs)
    if (stuck.length > 0) throw new Error(`These processes of PostgreSQL do not end: ${stuck.join(', ')}.`)
  }

  #forgetPostmaster(): void {
    // Also when the server died by itself: nobody may later signal a number that has become somebody else's.
    this.#watch?.kill('SIGKILL')
    this.#watch = undefined
    this.#postmaster = undefined
  }
}
