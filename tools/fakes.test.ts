import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { isRunning } from './processes.ts'
import { environment, lethe, startServer } from './server-process.ts'

const program = [path.join(import.meta.dirname, 'run.mjs'), path.join(import.meta.dirname, 'fakes.ts')]
const lastOfInstructions = 'What arrives is printed here'
/** Of a busy machine. */
const waitMs = 60_000

test('what the fakes print can be pasted, every message arrives decrypted, and Ctrl-C leaves nothing behind', async (t) => {
  const [folder, temporary] = [makeFolder(t), makeFolder(t)]
  const fakes = startFakes(t, { folder, temporary })
  await fakes.line((line) => line.startsWith(lastOfInstructions))
  assert.deepEqual(readdirSync(folder).sort(), ['apns.p8', 'apns.txt', 'ca.pem', 'fcm.json'])

  const [start, exports, ...rest] = commandsIn(fakes.lines)
  const server = await startServer({
    environment: await variablesOf(`export ${start?.replace(' npm start', '')}`),
  })
  t.after(server.stop)
  const variables = { ...(await variablesOf(exports)), LETHE_URL: server.url }
  for (const command of rest) await paste(command, variables)

  const [web, android, ios] = await Promise.all(
    ['web', 'android', 'ios'].map(async (name) => {
      const line = await fakes.line((one) => one.startsWith(`${name}: `))
      return JSON.parse(line.slice(name.length + 2))
    }),
  )
  assert.equal(web.message.body, 'Hello')
  assert.equal(android.android.notification.body, 'Hello')
  assert.equal(ios.payload.aps.alert, 'Hello')

  fakes.child.kill('SIGINT')
  assert.deepEqual(await once(fakes.child, 'exit'), [0, null])
  assert.equal(isRunning(fakes.child.pid ?? 0), false)
  assert.deepEqual(readdirSync(temporary), [])
  assert.equal(fakes.lines.filter((line) => /^(web|android|ios)\b/.test(line)).length, 3)
})

test('a flag that is not known is answered with the one there is', async () => {
  const failed = await promisify(execFile)(process.execPath, [...program, '--port', '1']).catch(
    (error) => error,
  )
  assert.deepEqual([failed.code, failed.stdout], [2, ''])
  assert.equal(failed.stderr, 'There is one flag: --folder <folder>, ./data/fakes unless given.\n')
})

type Fakes = {
  child: ChildProcess
  lines: string[]
  /** The first that is so, now or later. */
  line(isIt: (line: string) => boolean): Promise<string>
}

/** With a name that a shell has to be told as one word. */
function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "lethe's fakes "))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function startFakes(t: TestContext, { folder, temporary }: { folder: string; temporary: string }): Fakes {
  const env = { ...process.env, TMPDIR: temporary }
  const child = spawn(process.execPath, [...program, '--folder', folder], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const line = async (isIt: (line: string) => boolean) => {
    const deadline = performance.now() + waitMs
    for (;;) {
      const found = lines.find(isIt)
      if (found !== undefined) return found
      if (performance.now() > deadline) throw new Error(`In vain waited; there is:\n${lines.join('\n')}`)
      await sleep(20)
    }
  }
  return { child, lines, line }
}

/** What is indented is to be pasted; a backslash at its end joins a line with the next. */
function commandsIn(lines: readonly string[]): string[] {
  const text = lines.flatMap((line) => (line.startsWith('  ') ? [line.trim()] : [])).join('\n')
  return text.replaceAll('\\\n', '').split('\n')
}

/** As the shell reads them. */
async function variablesOf(exports = ''): Promise<Record<string, string>> {
  const print = `"${process.execPath}" -p 'JSON.stringify(process.env)'`
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `${exports}; ${print}`], { env: {} })
  return JSON.parse(stdout)
}

/** A shell runs it. Only `npx`, which might bring an old Node, and `curl`, which need not be there, are ours. */
async function paste(command: string, variables: Record<string, string>): Promise<void> {
  const functions = `npx() { shift; "$NODE" "$CLI" "$@"; }; curl() { "$NODE" -e "$CURL" -- "$@"; }`
  const env = { ...environment(), ...variables, NODE: process.execPath, CLI: lethe, CURL: curl }
  await promisify(execFile)('/bin/sh', ['-e', '-c', `${functions}; ${command}`], { env })
}

/** As much of curl as the lines need; a refusal is a failure. */
const curl = `
  const string = { type: 'string' }
  const options = { s: { type: 'boolean', short: 's' }, u: { ...string, short: 'u' }, d: { ...string, short: 'd' }, H: { ...string, short: 'H' } }
  const { values, positionals: [url] } = require('node:util').parseArgs({ options, allowPositionals: true })
  const [name, value] = values.H.split(': ')
  const headers = { [name]: value, ...(values.u && { authorization: 'Basic ' + btoa(values.u) }) }
  fetch(url, { method: 'POST', headers, body: values.d }).then(async (response) => {
    if (!response.ok) throw new Error(await response.text())
  })
`
