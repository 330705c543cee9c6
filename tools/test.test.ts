import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { isRunning } from './processes.ts'

const root = path.join(import.meta.dirname, '..')
const waitMs = 20_000

test('the files and flags given are run, and the exit code tells whether all passed', async (t) => {
  const file = testFile(t, `test('good', () => {})\ntest('bad', () => { throw new Error('no') })`)

  const passed = startRunner(['--test-name-pattern=good', file])
  assert.deepEqual(await once(passed, 'exit'), [0, null])
  const failed = startRunner([file])
  assert.deepEqual(await once(failed, 'exit'), [1, null])
})

test('a test finds the address of a running PostgreSQL', async (t) => {
  const file = testFile(
    t,
    `import { statSync } from 'node:fs'
     test('address', () => {
       const folder = decodeURIComponent(process.env.LETHE_TEST_POSTGRES.split('host=')[1])
       if (!statSync(folder + '/.s.PGSQL.5432').isSocket()) throw new Error('no socket')
     })`,
  )
  assert.deepEqual(await once(startRunner([file]), 'exit'), [0, null])
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends the runner, its tests and PostgreSQL`, async (t) => {
    const noted = path.join(folderFor(t), 'noted')
    const file = testFile(
      t,
      `import { renameSync, writeFileSync } from 'node:fs'
       test('never ends', async () => {
         const said = { pid: process.pid, server: process.env.LETHE_TEST_POSTGRES }
         writeFileSync(${JSON.stringify(`${noted}.new`)}, JSON.stringify(said))
         renameSync(${JSON.stringify(`${noted}.new`)}, ${JSON.stringify(noted)})
         await new Promise((resolve) => setTimeout(resolve, 600_000))
       })`,
    )
    const runner = startRunner([file])
    await until(() => existsSync(noted))
    const { pid, server } = JSON.parse(readFileSync(noted, 'utf8')) as { pid: number; server: string }
    const folder = decodeURIComponent(server.split('host=')[1] ?? '')
    assert.equal(existsSync(folder), true)

    runner.kill(signal)

    assert.deepEqual(await once(runner, 'exit'), [code, null])
    await until(() => !isRunning(pid))
    assert.equal(existsSync(folder), false)
  })
}

function startRunner(args: string[]): ChildProcess {
  // With this variable the inner runner would take itself for a test file of the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return spawn(process.execPath, ['tools/run.mjs', 'tools/test.ts', ...args], {
    cwd: root,
    env,
    stdio: 'ignore',
  })
}

type Context = { after(cleanUp: () => void): void }

function folderFor(t: Context): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-runner-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function testFile(t: Context, text: string): string {
  const file = path.join(folderFor(t), 'x.test.mjs')
  writeFileSync(file, `import { test } from 'node:test'\n${text}\n`)
  return file
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + waitMs
  while (!isSo()) {
    assert.ok(performance.now() < deadline, `still not so after ${waitMs} ms: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
