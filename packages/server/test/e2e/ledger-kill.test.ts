/**
 * kill -9 of a server around its writes to the ledger, again and again: whatever the database calls erased stands in the file,
 * and in the end a copy of the database from before is brought up to it, also when it is killed while it is.
 * LETHE_TEST_ROUNDS gives the number of rounds.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LETHE, type Serving, serve } from '../../../cli/test/lethe.ts'
import { type LedgerFindings, readLedger } from '../../src/erasure/ledger/read-ledger.ts'
import { readFrom } from '../../src/kernel/append-file.ts'
import { APP_KEY, basicAuth, MASTER_SECRET, OPERATOR_TOKEN } from '../support/app.ts'
import { forEachPlace, nameUsers, newFolder, type Place } from '../support/ledger-world.ts'
import { inParallel } from '../support/nodes.ts'
import { until } from '../support/until.ts'

const rounds = Number(process.env['LETHE_TEST_ROUNDS'] ?? 3)
const firstSeed = Number(process.env['LETHE_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000))
const USERS_A_ROUND = 60
const TOKENS_A_CALL = 500
/** Deletions under way at once. */
const WIDTH = 4
/** Between two of one caller, so that they last longer than the kill lets them wait. */
const PACE_MS = 20
/** The kill comes at most so long after the ledger has begun to grow: two gatherings and a scrub of the erasure work. */
const DELAY_MAX_MS = 400

interface World {
  readonly place: Place
  readonly file: string
  readonly settings: (place: Place) => Record<string, string>
  readonly start: (place: Place) => Promise<Serving>
}

async function newWorld(t: TestContext, newPlace: (t: TestContext) => Promise<Place>): Promise<World> {
  const file = path.join(newFolder(t), 'ledger')
  const running = new Set<Serving>()
  t.after(() => {
    for (const { child } of running) child.kill('SIGKILL')
  })
  const settings = (place: Place) => ({
    ...place.env,
    LETHE_LEDGER: file,
    LETHE_APP_KEY: APP_KEY,
    LETHE_MASTER_SECRET: MASTER_SECRET,
    LETHE_OPERATOR_TOKEN: OPERATOR_TOKEN,
    LETHE_RATE_LIMIT: '0',
  })
  const start = async (place: Place) => {
    const server = await serve(settings(place))
    running.add(server)
    server.child.once('exit', () => running.delete(server))
    return server
  }
  return { place: await newPlace(t), file, settings, start }
}

function call({ url }: Serving, line: string, body?: object): Promise<Response> {
  const [method, at] = line.split(' ')
  const authorization = at?.startsWith('/admin')
    ? `Bearer ${OPERATOR_TOKEN}`
    : basicAuth(APP_KEY, MASTER_SECRET)
  const headers = { authorization, ...(body ? { 'content-type': 'application/json' } : {}) }
  return fetch(`${url}${at}`, {
    method: method as string,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
}

/** Users of an app whose guard stops nothing. */
async function register(server: Serving, count: number): Promise<string[]> {
  const tokens = nameUsers('user', count).map((name) => `${name}-`.padEnd(60, 'x'))
  const ids: string[] = []
  while (ids.length < count) {
    const body = { platform: 'android', tokens: tokens.slice(ids.length, ids.length + TOKENS_A_CALL) }
    const answer = await call(server, 'POST /v4/devices/token/registration_id', body)
    const { results } = (await answer.json()) as { results: { registration_id: string }[] }
    ids.push(...results.map(({ registration_id }) => registration_id))
  }
  const off = await call(server, `PATCH /admin/v1/apps/${APP_KEY}/guard`, { is_on: false })
  assert.equal(off.status, 200)
  return ids
}

/** Deletes users until the server is killed; answers those whose deletion it has accepted. */
async function killWhileDeleting(world: World, ids: readonly string[], delayMs: number): Promise<string[]> {
  const server = await world.start(world.place)
  const sizeBefore = statSync(world.file).size
  const exited = once(server.child, 'exit')
  const accepted: string[] = []
  const deleting = inParallel(ids, WIDTH, async (id) => {
    const answer = await call(server, `DELETE /v4/devices/${id}`).catch(() => undefined)
    if (answer?.status === 200) accepted.push(id)
    await sleep(PACE_MS)
  })
  await until('the ledger grows', () => statSync(world.file).size > sizeBefore)
  await sleep(delayMs)
  server.child.kill('SIGKILL')
  await Promise.all([exited, deleting])
  return accepted
}

/** What the file holds, and that it holds whatever the database relies on. */
async function assertAhead({ place, file }: World, seen: string): Promise<LedgerFindings> {
  const held = new Set<string>()
  const findings = await readLedger(readFrom(file), ({ erasureId }) => {
    held.add(erasureId)
  })
  assert.equal(findings.damage, undefined, seen)
  assert.deepEqual([findings.gaps, held.size], [[], findings.entryCount], seen)
  const database = await place.open()
  const { kysely } = database.read
  const erased = await kysely
    .selectFrom('erasure')
    .select('erasure_id')
    .where('state', '=', 'erased')
    .execute()
  const [told] = await kysely.selectFrom('ledger_file').select('position').execute()
  await database.close()
  for (const { erasure_id } of erased) assert.ok(held.has(erasure_id), `${seen}: ${erasure_id}`)
  assert.ok((told?.position ?? 0) <= findings.lastPosition, seen)
  return findings
}

async function assertGone(server: Serving, ids: readonly string[]): Promise<void> {
  await inParallel(ids, WIDTH, async (id) => {
    const { status } = await call(server, `GET /v4/devices/${id}`)
    assert.equal(status, 400)
  })
}

async function allErased(server: Serving, ids: readonly string[]): Promise<void> {
  await inParallel(ids, WIDTH, (id) =>
    until('it is erased', async () => {
      const { state } = (await (await call(server, `GET /v4/devices/${id}/erasure`)).json()) as {
        state?: string
      }
      return state === 'erased'
    }),
  )
}

/** A start that is killed as soon as it says that it erases again what the copy has brought back. */
async function killWhileReplaying({ settings }: World, copy: Place): Promise<void> {
  const env = { ...process.env, ...settings(copy), LETHE_PORT: '0' }
  const child = spawn(process.execPath, [LETHE, 'serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  let output = ''
  child.stderr.on('data', (chunk) => {
    output += chunk
    if (output.includes('ledger.replaying')) child.kill('SIGKILL')
  })
  assert.deepEqual(await exited, [null, 'SIGKILL'], output)
}

forEachPlace('a server that is killed while it erases', (newPlace) => {
  test(`has everything that is erased in its ledger, ${rounds} rounds`, async (t) => {
    t.diagnostic(`LETHE_TEST_SEED=${firstSeed}, ${rounds} rounds`)
    const world = await newWorld(t, newPlace)
    const first = await world.start(world.place)
    const ids = await register(first, rounds * USERS_A_ROUND + 1)
    const spared = ids.pop()
    await first.stop()
    const before = await world.place.copy()

    const accepted: string[] = []
    for (let round = 0; round < rounds; round++) {
      const seed = firstSeed + round
      const delayMs = (seed * 7_919) % DELAY_MAX_MS
      const own = ids.slice(round * USERS_A_ROUND, (round + 1) * USERS_A_ROUND)
      accepted.push(...(await killWhileDeleting(world, own, delayMs)))
      await assertAhead(world, `seed ${seed}, killed ${delayMs} ms after the first line`)
    }
    const last = await world.start(world.place)
    await allErased(last, accepted)
    await last.stop()
    const { tornBytes } = await assertAhead(world, 'at the end')
    assert.equal(tornBytes, 0)

    await killWhileReplaying(world, before)
    const restored = await world.start(before)
    await assertGone(restored, accepted)
    assert.equal((await call(restored, `GET /v4/devices/${spared}`)).status, 200)
    await allErased(restored, accepted)
    await restored.stop()
  })
})
