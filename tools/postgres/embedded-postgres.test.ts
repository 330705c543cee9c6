import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import pg from 'pg'
import { isRunning, runningProcesses, waitUntilGone } from '../processes.ts'
import { temporaryFolder } from './binaries.ts'
import { type EmbeddedPostgres, startPostgres } from './embedded-postgres.ts'

const waitMs = 10_000

test('a server answers, and after stop neither its process nor its folder is left', async () => {
  const server = await startPostgres({ fsync: false, settings: { work_mem: '5MB' } })
  const pid = server.pid()
  try {
    assert.deepEqual(await query(server, 'select 1 as one'), [{ one: 1 }])
    assert.deepEqual(await query(server, 'show fsync'), [{ fsync: 'off' }])
    assert.deepEqual(await query(server, 'show work_mem'), [{ work_mem: '5MB' }])
    assert.match(server.log(), /ready to accept connections/)
  } finally {
    await server.stop()
  }
  assert.equal(isRunning(pid), false)
  assert.equal(existsSync(server.directory), false)
})

test('what was committed before a kill is there after the next start, and no backend outlives the kill', async () => {
  const server = await startPostgres({ fsync: true })
  try {
    const client = new pg.Client({ connectionString: server.url('postgres') })
    client.on('error', () => {}) // The kill takes this connection away.
    await client.connect()
    await client.query('create table note (text text); insert into note values ($$kept$$)')
    const postmaster = server.pid()
    const backends = runningProcesses().filter((one) => one.parentPid === postmaster)
    assert.ok(backends.length > 1)

    await server.kill()

    const running = new Set(runningProcesses().map((one) => one.pid))
    assert.deepEqual(
      [postmaster, ...backends.map((one) => one.pid)].filter((pid) => running.has(pid)),
      [],
    )
    assert.throws(() => server.pid(), /not running/)
    await server.start()
    assert.deepEqual(await query(server, 'select text from note'), [{ text: 'kept' }])
    assert.deepEqual(await query(server, 'show fsync'), [{ fsync: 'on' }])
    assert.match(server.log(), /was not properly shut down/)
  } finally {
    await server.stop()
  }
})

test("the caller's own directory stays after stop, and another server finds the data in it", async () => {
  const directory = temporaryFolder('lethe-pg-test-')
  try {
    const first = await startPostgres({ fsync: false, directory })
    await query(first, 'create database remembered')
    await first.stop()
    const second = await startPostgres({ fsync: false, directory })
    try {
      const found = await query(second, "select datname from pg_database where datname = 'remembered'")
      assert.deepEqual(found, [{ datname: 'remembered' }])
    } finally {
      await second.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('a server whose starter is killed without a chance to clean up ends too and leaves no folder', async () => {
  const program = `
    const { startPostgres } = await import(${JSON.stringify(path.join(import.meta.dirname, 'embedded-postgres.ts'))})
    const server = await startPostgres({ fsync: false })
    process.stdout.write(JSON.stringify({ pid: server.pid(), directory: server.directory }))
    setInterval(() => {}, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await once(starter.stdout, 'data')
  const { pid, directory } = JSON.parse(String(printed)) as { pid: number; directory: string }
  assert.equal(isRunning(pid), true)

  starter.kill('SIGKILL')

  assert.deepEqual(await waitUntilGone([pid], waitMs), [])
  const deadline = performance.now() + waitMs
  while (existsSync(directory)) {
    assert.ok(performance.now() < deadline, 'the folder is still there')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

test('a wrong setting fails with what PostgreSQL said about it', async () => {
  await assert.rejects(startPostgres({ fsync: false, settings: { no_such_setting: '1' } }), /no_such_setting/)
})

async function query(server: EmbeddedPostgres, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url('postgres') })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}
