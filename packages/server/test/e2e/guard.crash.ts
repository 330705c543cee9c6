/**
 * The deletion guard at length: `npm run guard`. A script deletes 5,000 users one by one, on one node and on four, 20 seeds
 * each, and 10,000 strangers come and go meanwhile.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EmbeddedPostgres, startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import {
  beginAnew,
  deleteAll,
  type GuardWorld,
  liveCount,
  openGuard,
  passThrough,
  startGuarded,
} from '../support/guard-world.ts'
import { type Node, newDatabase } from '../support/nodes.ts'

const SEEDS = 20
const USERS = 5_000
const BUDGET = 500
const STRANGERS = 10_000

let postgres: EmbeddedPostgres
before(async () => {
  postgres = await startPostgres({ fsync: false })
})
after(() => postgres.stop())

for (const nodeCount of [1, 4]) {
  test(`a script is stopped at the budget and an opening is exact, ${SEEDS} seeds, nodes: ${nodeCount}`, async () => {
    const world = await startGuarded(await newDatabase(postgres), nodeCount)
    try {
      for (let seed = 1; seed <= SEEDS; seed++) await oneSeed(world, seed)
    } finally {
      await world.stop()
    }
  })
}

test(`${STRANGERS} strangers who register and delete themselves change nothing`, async () => {
  const world = await startGuarded(await newDatabase(postgres), 4)
  try {
    const ids = await beginAnew(world, { prefix: 'user', count: USERS })
    const [deleted] = await Promise.all([deleteAll(world, ids, 1), passThrough(world, STRANGERS)])
    assert.equal(deleted.length, BUDGET)
    assert.equal(await liveCount(world, 'user'), USERS - BUDGET)
  } finally {
    await world.stop()
  }
})

async function oneSeed(world: GuardWorld, seed: number): Promise<void> {
  const prefix = `seed${seed}-`
  const ids = await beginAnew(world, { prefix, count: USERS })
  const deleted = new Set(await deleteAll(world, ids, seed))
  const seen = `seed ${seed}`
  assert.equal(deleted.size, BUDGET, seen)
  assert.equal(await liveCount(world, prefix), USERS - BUDGET, seen)

  const opened = 1 + ((seed * 37) % 300)
  await openGuard(world.nodes[seed % world.nodes.length] as Node, opened)
  const left = ids.filter((id) => !deleted.has(id)).slice(0, 1_000)
  assert.equal((await deleteAll(world, left, seed + 1_000)).length, opened, seen)
  assert.equal(await liveCount(world, prefix), USERS - BUDGET - opened, seen)
}
