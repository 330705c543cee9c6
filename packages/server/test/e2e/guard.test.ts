/**
 * The deletion guard over four nodes, each a process, on one PostgreSQL: never more than the budget, whichever node is asked.
 * More users, more seeds and strangers are in guard.crash.ts.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EmbeddedPostgres, startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { beginAnew, deleteAll, liveCount, openGuard, startGuarded } from '../support/guard-world.ts'
import { type Node, newDatabase } from '../support/nodes.ts'

let postgres: EmbeddedPostgres
before(async () => {
  postgres = await startPostgres({ fsync: false })
})
after(() => postgres.stop())

test('of 1,500 users that a script deletes over four nodes, 150 go, and an opening lets exactly its number through', async () => {
  const world = await startGuarded(await newDatabase(postgres), 4)
  try {
    const ids = await beginAnew(world, { prefix: 'user', count: 1_500 })
    const deleted = await deleteAll(world, ids, 1)
    assert.equal(deleted.length, 150)
    assert.equal(await liveCount(world, 'user'), 1_350)

    await openGuard(world.nodes[2] as Node, 23)
    const left = ids.filter((id) => !deleted.includes(id))
    assert.equal((await deleteAll(world, left, 2)).length, 23)
    assert.equal(await liveCount(world, 'user'), 1_327)
    // Who was deleted stays deleted, as far as an answer goes.
    assert.deepEqual(await deleteAll(world, deleted, 3), deleted)
  } finally {
    await world.stop()
  }
})
