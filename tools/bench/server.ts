// A real `lethe serve` in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { type Place, serverEnvironment } from './place.ts'

const lethe = path.join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'lethe.mjs')
const startTimeoutMs = 60_000

export type Server = {
  host: string
  port: number
  /** Milliseconds since the epoch at which it began to listen, as far as we could see. */
  startedAt: number
  pid: number
  /** Processor time of all its threads so far, in seconds; undefined where there is no /proc. */
  cpuSeconds(): number | undefined
  /** What it has logged. */
  log(): string
  stop(): Promise<void>
}

/** `profiles`: a folder into which every thread of the server writes where it spent its time. */
export async function startServer(place: Place, { profiles }: { profiles?: string } = {}): Promise<Server> {
  const flags = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LETHE_'))
  const child = spawn(process.execPath, [...flags, lethe, 'serve'], {
    env: { ...Object.fromEntries(own), ...serverEnvironment(place) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk
  })
  const url = await new Promise<URL>((resolve, reject) => {
    const giveUp = (why: string) => reject(new Error(`The server did not start: ${why}\n${log}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      giveUp('it took too long')
    }, startTimeoutMs)
    let banner = ''
    child.stdout.on('data', (chunk: Buffer) => {
      banner += chunk
      const address = /Lethe listens on (\S+)/.exec(banner)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      resolve(new URL(address))
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      giveUp(`it ended with ${code}`)
    })
  })
  return {
    host: url.hostname,
    port: Number(url.port),
    startedAt: Date.now(),
    pid: child.pid ?? 0,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Linux counts in hundredths of a second, user and system time in the 14th and 15th field. */
function cpuSecondsOf(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}
