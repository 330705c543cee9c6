/**
 * Broadcasts to 20,000 users on four nodes whose clocks are five minutes apart, and on one with SQLite, while 2,000 users are
 * deleted at random: `npm run broadcasts`. Further runs cut the announcements for half a minute, stop a node for longer than its lease, and hold
 * a stream for 25 seconds. LETHE_TEST_SEEDS gives the number of seeds, LETHE_TEST_SEED the first.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedPostgres, startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { ANNOUNCEMENTS_SESSION } from '../../src/storage/postgres/announcements.ts'
import { raceBroadcast } from '../support/broadcast-race.ts'
import { type BroadcastWorld, openBroadcastWorld } from '../support/broadcast-world.ts'
import { call, erased, type Node, newDatabase, remove } from '../support/nodes.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'

const USERS = 20_000
const DELETIONS = 2_000
const SKEWS_MS = [-150_000, -50_000, 50_000, 150_000]
const seeds = Number(process.env['LETHE_TEST_SEEDS'] ?? 20)
const firstSeed = Number(process.env['LETHE_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000))

let postgres: EmbeddedPostgres
before(async () => {
  postgres = await startPostgres({ fsync: true })
})
after(() => postgres.stop())

async function withWorld(
  work: (world: BroadcastWorld) => Promise<void>,
  given: { url?: string } = {},
): Promise<void> {
  const world = await openBroadcastWorld(given.url ?? (await newDatabase(postgres)), SKEWS_MS)
  try {
    await work(world)
  } finally {
    await world.close()
  }
}

async function fillUp(world: BroadcastWorld): Promise<void> {
  await world.addUsers(USERS - (await world.liveUsers()).length)
}

async function raceOnce(
  t: TestContext,
  world: BroadcastWorld,
  { seed, mayRepeat }: { seed: number; mayRepeat: boolean },
): Promise<void> {
  await fillUp(world)
  const report = await raceBroadcast(world, {
    seed,
    deletions: DELETIONS,
    spreadMs: 500,
    nodes: world.nodes,
    erasedMsMax: 60_000,
    mayRepeat,
  })
  t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`)
  assert.ok(report.deletedThatDidNot > 0)
}

test(`${seeds} seeds: no request for a user after its erasure, none a second after the deletion`, async (t) => {
  await withWorld(async (world) => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      await raceOnce(t, world, { seed, mayRepeat: true })
    }
  })
})

test(`${seeds} seeds on SQLite, where one process does it all: the same`, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-broadcast-'))
  const world = await openBroadcastWorld(`sqlite:${folder}`, [0])
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      await raceOnce(t, world, { seed, mayRepeat: false })
    }
  } finally {
    await world.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('without announcements for half a minute the same holds', async (t) => {
  const proxy = await startPostgresProxy(await newDatabase(postgres))
  t.after(() => proxy.close())
  await withWorld(
    async (world) => {
      proxy.refuse(ANNOUNCEMENTS_SESSION)
      const cutAt = performance.now()
      for (let seed = firstSeed; performance.now() - cutAt < 30_000; seed++) {
        await raceOnce(t, world, { seed, mayRepeat: true })
      }
    },
    { url: proxy.url },
  )
})

test('a node that stands still past its lease sends nothing when it wakes, and holds erasures no longer than the deadline', async (t) => {
  await withWorld(async (world) => {
    await fillUp(world)
    const [stopped, ...others] = world.nodes as [Node, ...Node[]]
    const stopping = sleep(700).then(() => stopped.process.kill('SIGSTOP'))
    const waking = sleep(60_000).then(() => stopped.process.kill('SIGCONT'))
    const report = await raceBroadcast(world, {
      seed: firstSeed,
      deletions: DELETIONS,
      spreadMs: 500,
      nodes: others,
      erasedMsMax: 59_000,
      mayRepeat: true,
    })
    t.diagnostic(JSON.stringify(report))
    await stopping
    await waking
    const before = new Map([...world.arrivals].map(([token, times]) => [token, times.length]))
    await sleep(5_000)
    for (const [token, times] of world.arrivals) {
      assert.equal(times.length, before.get(token), 'the node sent when it woke')
    }
    await world.push()
    await world.sent()
    assert.equal(world.arrivals.size, (await world.liveUsers()).length)
  })
})

test('a stream that is held for 25 seconds keeps the erasure of its user open, and no other', async () => {
  await withWorld(async (world) => {
    await world.addUsers(50)
    const [held, ...others] = await world.liveUsers()
    assert.ok(held)
    world.fcm.behave(held.token, { kind: 'delay', ms: 25_000 })
    await world.push()
    while (!world.arrivals.has(held.token)) await sleep(5)
    const openedAt = performance.now()
    const node = world.nodes[1] as Node
    const ofHeld = await remove(node, held.id)
    for (const { id } of others.slice(0, 10)) {
      const begunAt = performance.now()
      await erased(node, await remove(node, id), 2_000)
      assert.ok(performance.now() - begunAt < 2_000, 'with nothing in flight an erasure is soon finished')
    }
    await sleep(20_000)
    assert.notEqual((await call(node, 'GET', `/v4/erasures/${ofHeld}`)).body.state, 'erased')
    await erased(node, ofHeld, 8_000)
    assert.ok(performance.now() - openedAt >= 24_900, 'the erasure did not wait for the open stream')
  })
})
