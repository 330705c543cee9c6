// `npm run test:browser [-- --rounds <n>] [<files and flags>]`: the suites that need real browsers, offline, on fakes of the
// browsers' push services. It installs nothing: when a browser is missing it says how to get it, and fails.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import process from 'node:process'
import { complaintOfMissing } from './browsers/find-browsers.ts'

/** A story takes some seconds; the rest is for a busy machine. A test that hangs must not take its round along. */
const testTimeoutMs = 120_000

const missing = complaintOfMissing()
if (missing === undefined) process.exitCode = await runRounds(process.argv.slice(2))
else {
  process.stderr.write(`${missing}\n`)
  process.exitCode = 1
}

/** Stops at the first round that fails, so that its output is the last. */
async function runRounds(given: string[]): Promise<number> {
  const { rounds, rest } = readRounds(given)
  for (let round = 1; round <= rounds; round += 1) {
    const start = performance.now()
    const code = await runSuites(rest)
    const seconds = ((performance.now() - start) / 1_000).toFixed(1)
    process.stdout.write(`round ${round} of ${rounds}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`)
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

/** One file after another: a browser wants the machine for itself. */
function runSuites(given: string[]): Promise<number> {
  const flags = given.filter((argument) => argument.startsWith('-'))
  const named = given.filter((argument) => !argument.startsWith('-'))
  const files = named.length > 0 ? named : suiteFiles()
  const args = ['--test', '--test-concurrency=1', `--test-timeout=${testTimeoutMs}`, ...flags, ...files]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => child.kill(signal))
  })
}

function suiteFiles(): string[] {
  const patterns = ['packages/*/test/browser/**/*.browser.ts', 'tools/browsers/*.browser.ts']
  return globSync(patterns, { exclude: ['**/node_modules'] }).sort()
}
