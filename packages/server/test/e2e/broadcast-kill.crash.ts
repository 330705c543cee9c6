/**
 * kill -9 of a node in the middle of a broadcast: every live user gets it, at most one chunk gets it twice, nobody who was
 * deleted gets it. On SQLite the one node is killed and started again; on PostgreSQL the other of two takes over.
 * LETHE_TEST_ROUNDS gives the number of rounds.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { CHUNK_USERS } from '../../src/push/slices.ts'
import { shuffled } from '../support/broadcast-race.ts'
import { type BroadcastWorld, openBroadcastWorld } from '../support/broadcast-world.ts'
import { inParallel, type Node, newDatabase, remove } from '../support/nodes.ts'

const USERS = 6_000
const DELETIONS = 60
const rounds = Number(process.env['LETHE_TEST_ROUNDS'] ?? 50)
const firstSeed = Number(process.env['LETHE_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000))

/** Chunks hold as many users as expected on average; a slice more or less, and the dice of ids, make the difference. */
const CHUNK_USERS_MAX = CHUNK_USERS * 1.25

interface Report {
  readonly killedAfterMs: number
  readonly twice: number
  readonly tookMs: number
}

/** Kills the first node, and answers once another one, or a new one, goes on. */
type Kill = (world: BroadcastWorld) => Promise<void>

async function round(world: BroadcastWorld, { seed, kill }: { seed: number; kill: Kill }): Promise<Report> {
  await world.addUsers(USERS - (await world.liveUsers()).length)
  const users = await world.liveUsers()
  const doomed = shuffled(users, seed).slice(0, DELETIONS)
  const gone = new Map<string, number>()
  await inParallel(doomed.slice(0, DELETIONS / 2), 8, async ({ id, token }) => {
    await remove(world.nodes[0] as Node, id)
    gone.set(token, performance.now())
  })
  const killedAfterMs = 50 + (seed % 17) * 60
  const begunAt = performance.now()
  await world.push()
  await sleep(killedAfterMs)
  await kill(world)
  await inParallel(doomed.slice(DELETIONS / 2), 8, async ({ id, token }) => {
    await remove(world.nodes[0] as Node, id)
    gone.set(token, performance.now())
  })
  await world.sent(60_000)
  let twice = 0
  for (const { token } of users) {
    const times = world.arrivals.get(token) ?? []
    const deletedAt = gone.get(token)
    if (deletedAt === undefined) assert.ok(times.length >= 1, 'a live user did not get it')
    for (const time of times)
      assert.ok(deletedAt === undefined || time < deletedAt + 1_000, 'a deleted user got it')
    assert.ok(times.length <= 2, `a user got it ${times.length} times`)
    if (times.length === 2) twice++
  }
  assert.ok(twice <= CHUNK_USERS_MAX, `${twice} users got it twice`)
  return { killedAfterMs, twice, tookMs: Math.round(performance.now() - begunAt) }
}

async function killFirst(world: BroadcastWorld): Promise<void> {
  const [node] = world.nodes.splice(0, 1) as [Node]
  const exited = once(node.process, 'exit')
  node.process.kill('SIGKILL')
  await exited
}

test(`${rounds} rounds on SQLite`, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-broadcast-'))
  const world = await openBroadcastWorld(`sqlite:${folder}`, [0])
  try {
    for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
      const kill = async () => {
        await killFirst(world)
        world.nodes.push(await world.startNode())
      }
      const report = await round(world, { seed, kill })
      t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`)
    }
  } finally {
    await world.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test(`${rounds} rounds on PostgreSQL`, async (t) => {
  const postgres = await startPostgres({ fsync: true })
  const world = await openBroadcastWorld(await newDatabase(postgres), [-150_000, 150_000])
  try {
    for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
      const report = await round(world, { seed, kill: killFirst })
      world.nodes.push(await world.startNode({ skewMs: -150_000 }))
      t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`)
    }
  } finally {
    await world.close()
    await postgres.stop()
  }
})
