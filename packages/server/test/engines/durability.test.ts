/**
 * An answer means "on disk": between the arrival of a request and the first byte of its answer the log of the database
 * is written and flushed. Watched from outside, in the system calls of the running processes.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { type Server, startServer } from '../../../../tools/crash/server.ts'
import { startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { runningProcesses } from '../../../../tools/processes.ts'
import { APP_KEY, basicAuth, MASTER_SECRET } from '../support/app.ts'
import { parseTrace, type SystemCall, watchSystemCalls } from '../support/strace.ts'

const SQLITE_LOG = /lethe\.sqlite-wal>/
const POSTGRES_LOG = /pg_wal\/[0-9A-F]{24}>/

test('on SQLite a registration and a deletion are flushed before they are answered', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-durability-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const server = await started(t, { LETHE_DATA_DIR: folder })
  const calls = await watchTwoCalls(server, () => [server.pid])
  assert.equal(answeredTooEarly(calls, SQLITE_LOG), undefined)
  assert.match(answeredTooEarly(withoutFlushes(calls), SQLITE_LOG) ?? '', /^POST .* was not flushed/)
})

test('on PostgreSQL a registration and a deletion are flushed before they are answered', async (t) => {
  const postgres = await startPostgres({ fsync: true })
  t.after(() => postgres.stop())
  const client = new pg.Client({ connectionString: postgres.url('postgres') })
  await client.connect()
  const settings = await client.query(
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
  )
  await client.end()
  assert.deepEqual(settings.rows, [{ fsync: 'on', commit: 'on' }])
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-durability-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const server = await started(t, {
    LETHE_DATABASE_URL: postgres.url('postgres'),
    LETHE_DATA_DIR: folder,
  })
  const calls = await watchTwoCalls(server, () => {
    const backends = runningProcesses().filter(({ parentPid }) => parentPid === postgres.pid())
    return [server.pid, postgres.pid(), ...backends.map(({ pid }) => pid)]
  })
  assert.equal(answeredTooEarly(calls, POSTGRES_LOG), undefined)
  assert.match(answeredTooEarly(withoutFlushes(calls), POSTGRES_LOG) ?? '', /^POST .* was not flushed/)
})

test('a call that another one overtook in the trace counts from its beginning to its return', () => {
  const trace = [
    '7 fdatasync(21</data/lethe.sqlite-wal> <unfinished ...>',
    '8 write(3<socket:[1]>, "HTTP/1.1 200 OK", 15) = 15',
    '7 <... fdatasync resumed>) = 0',
  ]
  const [flush, answer] = parseTrace(trace.join('\n'))
  assert.deepEqual([flush?.name, flush?.begun, flush?.returned], ['fdatasync', 0, 2])
  assert.deepEqual([answer?.name, answer?.begun, answer?.returned], ['write', 1, 1])
})

async function started(t: TestContext, place: Record<string, string>): Promise<Server> {
  const server = await startServer(place)
  t.after(() => server.stop())
  return server
}

/** Registers a user and deletes it while the processes are watched. */
async function watchTwoCalls(server: Server, processes: () => readonly number[]): Promise<SystemCall[]> {
  // What happens once, such as opening sessions and files, happens before.
  await registerAndDelete(server.url)
  const stop = await watchSystemCalls(processes())
  await registerAndDelete(server.url)
  // The client may have an answer before the call that wrote it is seen to return; one more round trip lies behind that.
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
  return stop()
}

async function registerAndDelete(url: string): Promise<void> {
  const registered = await fetch(`${url}/client/v1/apps/${APP_KEY}/registrations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ platform: 'web' }),
  })
  assert.equal(registered.status, 201)
  const { registration_id: id } = (await registered.json()) as { registration_id: string }
  const deleted = await fetch(`${url}/v4/devices/${id}`, {
    method: 'DELETE',
    headers: { authorization: basicAuth(APP_KEY, MASTER_SECRET) },
  })
  assert.deepEqual([deleted.status, await deleted.json()], [200, { success: true }])
}

/** What is wrong with the order of arrival, write, flush and answer; undefined: nothing. */
function answeredTooEarly(calls: readonly SystemCall[], log: RegExp): string | undefined {
  for (const [request, status] of [
    ['POST /client', 201],
    ['DELETE /v4/devices/', 200],
  ] as const) {
    const arrival = calls.find(({ name, text }) => /^(read|recv)/.test(name) && text.includes(`"${request}`))
    if (!arrival) return `${request} was not seen to arrive`
    const answer = calls.find(
      ({ name, text, begun }) =>
        /^(write|send)/.test(name) && text.includes(`"HTTP/1.1 ${status}`) && begun > arrival.returned,
    )
    if (!answer) return `${request} was not seen to be answered`
    const between = calls.filter((one) => one.begun > arrival.returned && one.returned < answer.begun)
    const written = between.find(({ name, text }) => /write/.test(name) && log.test(text))
    if (!written) return `${request} was not written to the log`
    const flushed = between.find(
      ({ name, text, begun }) =>
        /^fd?a?t?a?sync$/.test(name) && log.test(text) && begun > written.returned && / = 0$/.test(text),
    )
    if (!flushed) return `${request} was not flushed before it was answered`
  }
  return undefined
}

function withoutFlushes(calls: readonly SystemCall[]): SystemCall[] {
  return calls.filter(({ name }) => !name.endsWith('sync'))
}
