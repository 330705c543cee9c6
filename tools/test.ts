// `npm test [-- <files and flags>]`: runs the tests against a PostgreSQL of their own. Without files it runs every
// `*.test.ts` of the packages and the tools; other suites (`*.contract.ts`, `*.crash.ts` …) have scripts of their own.
// Flags go to `node --test`, written as one word: `npm test -- --test-name-pattern=alias packages/server/src/devices/*.test.ts`.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { constants } from 'node:os'
import process from 'node:process'
import { startPostgres } from './postgres/embedded-postgres.ts'
import { serverVariable } from './postgres/test-database.ts'

/** How many test files run at the same time. More would only make two-core machines report time-outs. */
const testFilesAtOnce = 2
/** How long tests may take to end after Ctrl-C. */
const stopTimeoutMs = 5_000

type Stop = { signal: NodeJS.Signals | undefined; onSignal: (signal: NodeJS.Signals) => void }

process.exitCode = await runTests(process.argv.slice(2))

async function runTests(given: string[]): Promise<number> {
  const flags = given.filter((argument) => argument.startsWith('-'))
  const named = given.filter((argument) => !argument.startsWith('-'))
  const files = named.length > 0 ? named : testFiles()
  if (files.length === 0) throw new Error('There is no *.test.ts in packages/ or tools/.')

  const stop = listenForStop()
  const server = await startPostgres({ fsync: false })
  try {
    if (stop.signal !== undefined) return exitCodeOf(stop.signal)
    const args = ['--test', `--test-concurrency=${testFilesAtOnce}`, ...flags, ...files]
    return await runNode(args, { ...process.env, [serverVariable]: server.url('postgres') }, stop)
  } finally {
    await server.stop()
  }
}

function testFiles(): string[] {
  const patterns = ['packages/**/*.test.ts', 'tools/**/*.test.ts']
  return globSync(patterns, { exclude: ['**/node_modules'] }).sort()
}

/** From now on a signal no longer ends this process; it is noted and handed to whoever is running. */
function listenForStop(): Stop {
  const stop: Stop = { signal: undefined, onSignal: () => {} }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.signal = signal
      stop.onSignal(signal)
    })
  }
  return stop
}

/** Runs the tests as a process group of their own, so that a stop reaches every test file's process, exactly once. */
function runNode(args: string[], env: NodeJS.ProcessEnv, stop: Stop): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (stop.signal !== undefined) signalGroup(child.pid, 'SIGKILL')
      resolve(stop.signal === undefined ? (code ?? exitCodeOf(signal)) : exitCodeOf(stop.signal))
    })
    stop.onSignal = (signal) => {
      signalGroup(child.pid, signal)
      setTimeout(() => signalGroup(child.pid, 'SIGKILL'), stopTimeoutMs).unref()
    }
  })
}

/** A group whose last process has ended cannot be signalled any more, and need not be. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** As a shell counts it. */
function exitCodeOf(signal: NodeJS.Signals | null): number {
  return signal === null ? 1 : 128 + constants.signals[signal]
}
