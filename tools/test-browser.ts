// `npm run test:browser [-- --rounds <n>] [<files and flags>]`: the suites that need real browsers, offline, on fakes of the
// browsers' push services. It installs nothing: when a browser is missing it says how to get it, and fails.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import {
  type BrowserName,
  browserNames,
  browserVariable,
  complaintOfMissing,
} from './browsers/find-browsers.ts'
import { seconds, summaryOfRounds } from './browsers/rounds.ts'

/** A story takes some seconds; the rest is for a busy machine. A test that hangs must not take its round along. */
const testTimeoutMs = 120_000

/** Every story starts a server, and every server a thread that loads its modules anew. */
const compileCache = path.join(
  import.meta.dirname,
  '..',
  'node_modules',
  '.cache',
  'compiled-for-browser-tests',
)

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const missing = complaintOfMissing()
if (missing === undefined) process.exitCode = await runRounds(process.argv.slice(2))
else {
  process.stderr.write(`${missing}\n`)
  process.exitCode = 1
}

/** Stops at the first round that fails, so that its output is the last but for a line. */
async function runRounds(given: string[]): Promise<number> {
  const { rounds, rest } = readRounds(given)
  const passed: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    const start = performance.now()
    const code = await runSuites(rest)
    const milliseconds = performance.now() - start
    process.stdout.write(
      `round ${round} of ${rounds}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds(milliseconds)}\n`,
    )
    if (code === 0) passed.push(milliseconds)
    if (code !== 0 || round === rounds) process.stdout.write(`${summaryOfRounds(passed, rounds)}\n`)
    if (code !== 0) return code
  }
  return 0
}

function readRounds(given: string[]): { rounds: number; rest: string[] } {
  const at = given.indexOf('--rounds')
  if (at < 0) return { rounds: 1, rest: given }
  const rounds = Number(given[at + 1])
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on.')
  return { rounds, rest: given.toSpliced(at, 2) }
}

/** The browsers side by side, each in a process of its own that runs one file after another in one browser. */
async function runSuites(given: string[]): Promise<number> {
  const flags = given.filter((argument) => argument.startsWith('-'))
  const named = given.filter((argument) => !argument.startsWith('-'))
  const files = named.length > 0 ? named : suiteFiles()
  const args = ['--test', '--test-isolation=none', `--test-timeout=${testTimeoutMs}`, ...flags, ...files]
  const codes = await Promise.all(browserNames.map((name) => runIn(name, args)))
  return codes.find((code) => code !== 0) ?? 0
}

/** What the one says is not mixed with what the other says: it is written when all is said. */
async function runIn(name: BrowserName, args: string[]): Promise<number> {
  const env = { NODE_COMPILE_CACHE: compileCache, ...process.env, [browserVariable]: name }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of stopSignals) process.once(signal, stop)
  const said: Buffer[] = []
  for (const output of [child.stdout, child.stderr]) output.on('data', (part: Buffer) => said.push(part))
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return code ?? 1
  } finally {
    for (const signal of stopSignals) process.off(signal, stop)
    process.stdout.write(Buffer.concat(said))
  }
}

function suiteFiles(): string[] {
  const patterns = ['packages/*/test/browser/**/*.browser.ts', 'tools/browsers/*.browser.ts']
  return globSync(patterns, { exclude: ['**/node_modules'] }).sort()
}
