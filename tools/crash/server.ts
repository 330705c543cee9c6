// A server process of the product, as an operator starts it, that can be killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { appKey, environment, lethe, masterSecret } from '../server-process.ts'

const startTimeoutMs = 30_000
const stopTimeoutMs = 15_000

export type Server = {
  url: string
  pid: number
  /** Lines that the server logged as errors. */
  errors(): string[]
  isRunning(): boolean
  /** SIGKILL; answers when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; rejects unless the server stops in order. */
  stop(): Promise<void>
}

/** `place`: the settings that say where the data is. */
export async function startServer(place: Record<string, string>): Promise<Server> {
  const child = spawn(process.execPath, [lethe, 'serve'], {
    env: { ...environment(), ...settings, ...place },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  const exited = once(child, 'exit').finally(() => process.off('exit', killWithUs))
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString()
  })
  const url = await addressOf(child, () => log)
  await switchGuardOff(url)
  return {
    url,
    pid: child.pid ?? 0,
    errors: () => log.split('\n').filter(isErrorLine),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    stop: async () => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
      const [code, signal] = await exited
      clearTimeout(timer)
      if (code !== 0) throw new Error(`the server did not stop in order: ${code ?? signal}\n${log}`)
    },
  }
}

/** The deletion guard would stop the callers, who delete many of few users. */
async function switchGuardOff(url: string): Promise<void> {
  const answer = await fetch(`${url}/admin/v1/apps/${appKey}/guard`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${settings.LETHE_OPERATOR_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ is_on: false }),
  })
  if (!answer.ok) throw new Error(`the guard was not switched off: ${answer.status}`)
}

const settings = {
  LETHE_PORT: '0',
  LETHE_APP_KEY: appKey,
  LETHE_MASTER_SECRET: masterSecret,
  LETHE_OPERATOR_TOKEN: 'operator-token-of-the-crash-test',
  LETHE_SECRET_KEY: '5e'.repeat(32),
  LETHE_RATE_LIMIT: '0',
  // What the killed server had taken is free again this soon.
  LETHE_TRANSACTION_LEASE: '2000',
}

function addressOf(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the server does not start:\n${log()}`))
    }, startTimeoutMs)
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const address = /Lethe listens on (\S+)\n/.exec(output)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      resolve(address)
    })
    child.once('exit', () => {
      clearTimeout(timer)
      reject(new Error(`the server does not start:\n${log()}`))
    })
  })
}

/** pino writes levels as numbers; 50 is error. Anything that is not a line of the log is worth a look, too. */
function isErrorLine(line: string): boolean {
  if (line === '') return false
  const level = /^\{"level":(\d+)/.exec(line)?.[1]
  return level === undefined || Number(level) >= 50
}
