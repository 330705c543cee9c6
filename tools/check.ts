// `npm run check`: every check that needs no running server, one line each, with the output of those that failed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'

type Check = {
  name: string
  /** Arguments for Node, from the repository's root. */
  command: string[]
  /** Left out, and said so, while this file does not exist. */
  needs?: string
  /** Whether what it prints is worth reading also when all is well. */
  isTelling?: true
}

const checks: Check[] = [
  {
    name: 'format and lint',
    command: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'],
  },
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '-b'] },
  { name: 'sizes of the web SDK', command: ['tools/build-sdk.ts'], isTelling: true },
  { name: 'tidy', command: ['tools/tidy/main.ts'] },
  { name: 'generated documents', command: ['tools/docs.ts', '--check'], needs: 'tools/docs.ts' },
]

const root = path.join(import.meta.dirname, '..')
/** Wide enough for the longest name, so that the times stand in one column. */
const nameWidth = Math.max(...checks.map((check) => check.name.length))

let failures = 0
for (const check of checks) if (!(await hasPassed(check))) failures += 1
if (failures > 0) process.stdout.write(`${failures} of ${checks.length} checks failed.\n`)
process.exitCode = failures === 0 ? 0 : 1

async function hasPassed({ name, command, needs, isTelling }: Check): Promise<boolean> {
  const label = name.padEnd(nameWidth)
  if (needs !== undefined && !existsSync(path.join(root, needs))) {
    process.stdout.write(`left out  ${label}  there is no ${needs} yet\n`)
    return true
  }
  const start = performance.now()
  const { code, output } = await run(command)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stdout.write(`${code === 0 ? 'ok      ' : 'FAILED  '}  ${label}  ${seconds} s\n`)
  if (code !== 0 || isTelling) process.stdout.write(`${output.trimEnd().replace(/^/gm, '          ')}\n`)
  return code === 0
}

function run(command: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
