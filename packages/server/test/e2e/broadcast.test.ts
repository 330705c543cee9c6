/** A broadcast of two nodes while users are deleted, and how long an erasure waits for what is in flight. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedPostgres, startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { raceBroadcast } from '../support/broadcast-race.ts'
import { type BroadcastWorld, openBroadcastWorld } from '../support/broadcast-world.ts'
import { call, erased, type Node, newDatabase, remove } from '../support/nodes.ts'

let postgres: EmbeddedPostgres
let world: BroadcastWorld
before(async () => {
  postgres = await startPostgres({ fsync: false })
  world = await openBroadcastWorld(await newDatabase(postgres), [-150_000, 150_000])
})
after(async () => {
  await world.close()
  await postgres.stop()
})

test('nobody who is deleted during a broadcast gets it afterwards, and everybody else gets it once', async (t) => {
  await world.addUsers(3_000)
  const seed = Date.now() % 1_000_000
  const report = await raceBroadcast(world, {
    seed,
    deletions: 300,
    spreadMs: 1_000,
    nodes: world.nodes,
    erasedMsMax: 20_000,
  })
  t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`)
  assert.ok(report.deletedThatDidNot > 0, 'some were deleted in time')
})

test('an erasure waits for the stream that is open to its user, and no other does', async () => {
  const [held, other] = await world.liveUsers()
  assert.ok(held && other)
  world.fcm.behave(held.token, { kind: 'delay', ms: 4_000 })
  await world.push({ registration_id: [held.id] })
  while (!world.arrivals.has(held.token)) await sleep(5)
  const openedAt = performance.now()
  const [first, second] = world.nodes as [Node, Node]
  const erasures = [await remove(second, held.id), await remove(first, other.id)] as const
  const acceptedAt = performance.now()
  await erased(first, erasures[1], 2_000)
  assert.ok(performance.now() - acceptedAt < 2_000, 'with nothing in flight an erasure is soon finished')
  assert.notEqual((await call(first, 'GET', `/v4/erasures/${erasures[0]}`)).body.state, 'erased')
  await erased(first, erasures[0], 6_000)
  assert.ok(performance.now() - openedAt >= 3_900, 'the erasure did not wait for the open stream')
})
