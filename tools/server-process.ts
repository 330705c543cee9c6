// A whole Lethe in a process of its own, as an operator starts it: a data folder or a database, a free port, a known first
// app. What is done with it is left to the caller.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

export const appKey = 'aladdin'
export const masterSecret = 'opensesame'
export const operatorToken = 'operator-token-of-the-tools'
/** The header Authorization of the server API: the very one of the document on Delete User. */
export const basicAuth = `Basic ${Buffer.from(`${appKey}:${masterSecret}`).toString('base64')}`

export type ServerProcess = {
  /** Where it answers: `http://127.0.0.1:<port>`. */
  url: string
  /** Ends it as an operator would and removes its data folder. Answers its exit code. */
  stop(): Promise<number | null>
}

/** The `lethe` command, plain JavaScript. */
export const lethe = path.join(import.meta.dirname, '..', 'packages', 'cli', 'bin', 'lethe.mjs')

/** A drain takes ten seconds at most; what takes longer is ended. */
const stopTimeoutMs = 15_000
const startTimeoutMs = 30_000

/**
 * Starts a server. `databaseUrl`: an empty PostgreSQL database; absent: SQLite in a temporary folder. If this process ends
 * without `stop`, the server is killed and its folder removed all the same.
 */
export async function startServer(
  given: { databaseUrl?: string; environment?: Readonly<Record<string, string>> } = {},
): Promise<ServerProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-server-'))
  const child = spawn(process.execPath, [lethe, 'serve'], {
    env: {
      ...environment(),
      LETHE_PORT: '0',
      LETHE_DATA_DIR: path.join(folder, 'data'),
      LETHE_APP_KEY: appKey,
      LETHE_MASTER_SECRET: masterSecret,
      LETHE_OPERATOR_TOKEN: operatorToken,
      ...given.environment,
      ...(given.databaseUrl === undefined
        ? {}
        : { LETHE_DATABASE_URL: given.databaseUrl, LETHE_SECRET_KEY: '01'.repeat(32) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  const endAtOnce = () => {
    child.kill('SIGKILL')
    removeFolder()
  }
  process.once('exit', endAtOnce)
  const stop = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    child.kill('SIGTERM')
    const [code] = (await exited) as [number | null]
    clearTimeout(timer)
    process.off('exit', endAtOnce)
    removeFolder()
    return code
  }
  try {
    return { url: await addressOf(child), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Ours without the settings of another Lethe. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LETHE_')))
}

/** The address stands in the lines that a server prints once it answers. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = () => reject(new Error(`The server did not start:\n${output}`))
    const timer = setTimeout(fail, startTimeoutMs)
    const read = (chunk: Buffer) => {
      output += chunk
      const address = /^Lethe listens on (\S+)$/m.exec(output)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      resolve(address)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', () => {
      clearTimeout(timer)
      fail()
    })
  })
}
