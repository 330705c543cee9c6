// On what was measured: a figure without its machine says nothing.
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { openSession, type Place } from './place.ts'

const syncsForMs = 500

/** One line each. */
export function describeMachine(): string[] {
  const cpus = os.cpus()
  return [
    `${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB of memory, ${os.type()} ${os.release()}`,
    `Node ${process.versions.node}; ${Math.round(syncsPerSecond()).toLocaleString('en-GB')} fdatasync of 4 KiB a second in ${os.tmpdir()}`,
    `load average of the last minute before the run: ${os.loadavg()[0]?.toFixed(2)}`,
  ]
}

/** The commit that is measured, and whether something was changed since. */
export function describeSource(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--', 'packages') !== ''
    return `commit ${git('rev-parse', '--short', 'HEAD')}${isChanged ? ', with changes that are not committed' : ''}`
  } catch {
    return 'not a git checkout'
  }
}

/** The engine's version and what makes its commits durable, read back from a connection like the server's. */
export async function describeEngine(place: Place): Promise<string> {
  const session = await openSession(place)
  try {
    if (place.engine === 'sqlite') {
      const [row] = await session.run('select sqlite_version() as version')
      const names = ['journal_mode', 'synchronous', 'secure_delete', 'cache_size', 'page_size']
      return `SQLite ${row?.['version']}: ${(await readBack(session, names, 'pragma')).join(', ')} (synchronous 2 is FULL)`
    }
    const names = [
      'fsync',
      'synchronous_commit',
      'full_page_writes',
      'wal_sync_method',
      'shared_buffers',
      'max_wal_size',
    ]
    const [version] = await readBack(session, ['server_version'], 'show')
    return `PostgreSQL ${version?.split(' ')[1]}: ${(await readBack(session, names, 'show')).join(', ')}`
  } finally {
    await session.close()
  }
}

async function readBack(
  session: { run(text: string): Promise<Record<string, unknown>[]> },
  names: readonly string[],
  verb: 'pragma' | 'show',
): Promise<string[]> {
  const lines: string[] = []
  for (const name of names) {
    const [row] = await session.run(`${verb} ${name}`)
    lines.push(`${name} ${Object.values(row ?? {})[0]}`)
  }
  return lines
}

/** What `wrk` makes of the address, requests a second; undefined where it is not installed. */
export function wrkRate(url: string, connections: number, seconds: number): number | undefined {
  const ran = spawnSync('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url], { encoding: 'utf8' })
  const found = /Requests\/sec: +([\d.]+)/.exec(ran.stdout ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

/** How often a second the disk takes a small write for good. */
function syncsPerSecond(): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lethe-bench-'))
  const file = openSync(path.join(folder, 'sync'), 'w')
  const block = Buffer.alloc(4_096, 1)
  const startedAt = performance.now()
  let count = 0
  while (performance.now() - startedAt < syncsForMs) {
    writeSync(file, block)
    fdatasyncSync(file)
    count++
  }
  const seconds = (performance.now() - startedAt) / 1_000
  closeSync(file)
  rmSync(folder, { recursive: true })
  return count / seconds
}
