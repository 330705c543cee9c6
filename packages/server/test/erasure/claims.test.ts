/**
 * Two nodes at the same step of one erasure or registration, one of them held up at the worst statement: what each lock
 * is there for, shown with and without it.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { App } from '../../src/apps/app.ts'
import { tokenDigest, tokenTombstones } from '../../src/devices/digests.ts'
import { registerDevices } from '../../src/devices/registration.store.ts'
import { claimSealing, finishErasures, readClaimed } from '../../src/erasure/seal.store.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Token } from '../../src/kernel/personal.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { units } from '../../src/units.ts'
import { openTestPostgres, personalTables } from '../support/engines.ts'
import { accept, openRegistry, register, registrationInput } from '../support/registry.ts'

interface Nodes {
  /** Is never held up. */
  readonly free: Db
  /** Stops before the gate's statement until `open`. */
  readonly held: Db
  readonly app: App
  readonly arrived: Promise<void>
  open(): void
}

/** A lock is taken out of both nodes by its statement's name. */
async function openNodes(t: TestContext, input: { gate: string; without?: string }): Promise<Nodes> {
  const arrived = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const withoutLock = (name: string, text: string) => {
    if (name !== input.without) return text
    if (name === 'storage.lock-names') return 'select 1 from unnest($1::text[])'
    return text.replace(/for no key update of [de]( skip locked)?/, '')
  }
  const seam = ({ name, text }: { name: string; text: string }) => withoutLock(name, text)
  const { database: free, url, close } = await openTestPostgres({ postgres: { seam } })
  const heldSeam = async (statement: { name: string; text: string }) => {
    if (statement.name === input.gate) {
      arrived.resolve()
      await opened.promise
    }
    return seam(statement)
  }
  const held: Db = await openPostgres(
    { url, clock: systemClock(), onFault: () => {}, seam: heldSeam },
    personalTables,
  )
  t.after(async () => {
    opened.resolve()
    await held.close()
    await close()
  })
  return { free, held, app: await openRegistry(free), arrived: arrived.promise, open: opened.resolve }
}

async function removedErasure({ free, app }: Nodes): Promise<void> {
  const id = await register(free, app, { tags: ['one'] })
  await accept(free, app, id)
  await free.write(units.removeDevices, { erasureIds: null, limit: 10 })
}

async function sealAll(database: Db, receipt: string): Promise<number> {
  const claim = await database.write(claimSealing, { limit: 10, leaseMs: 10_000, ledgerPosition: 1_000 })
  const finished = claim.erasureIds.map((erasureId) => ({ erasureId, erasedAt: 1, receipt }))
  return database.write(finishErasures, finished)
}

async function erasures(database: Db): Promise<{ state: string; receipt: string | null }[]> {
  const found = await sql<{
    state: string
    receipt: string | null
  }>`select state, receipt from erasure`.execute(database.read.kysely)
  return found.rows
}

async function lookTwice(t: TestContext, without?: string) {
  const nodes = await openNodes(t, { gate: 'erasure.seal', ...(without ? { without } : {}) })
  await removedErasure(nodes)
  const late = nodes.held.write(units.lookAgain, 10)
  await nodes.arrived
  const { lookedAtCount } = await nodes.free.write(units.lookAgain, 10)
  const finished = await sealAll(nodes.free, 'first')
  nodes.open()
  await late
  return { lookedAtCount, finished, found: await erasures(nodes.free) }
}

test('two nodes never take the second look at one erasure at the same time', async (t) => {
  const { lookedAtCount, finished, found } = await lookTwice(t)
  assert.deepEqual([lookedAtCount, finished], [0, 0])
  assert.deepEqual(found, [{ state: 'sealing', receipt: null }])
})

test('without that lock an erased erasure opens again', async (t) => {
  const { lookedAtCount, finished, found } = await lookTwice(t, 'erasure.claim-removed')
  assert.deepEqual([lookedAtCount, finished], [1, 1])
  assert.deepEqual(found, [{ state: 'sealing', receipt: 'first' }])
})

async function sealTwice(t: TestContext, without?: string) {
  const nodes = await openNodes(t, { gate: 'erasure.lease', ...(without ? { without } : {}) })
  await removedErasure(nodes)
  await nodes.free.write(units.lookAgain, 10)
  const late = sealAll(nodes.held, 'second')
  await nodes.arrived
  const finished = await sealAll(nodes.free, 'first')
  nodes.open()
  return { finished, late: await late, found: await erasures(nodes.free) }
}

test('two nodes never sign the receipt of one erasure at the same time', async (t) => {
  const { finished, late, found } = await sealTwice(t)
  assert.deepEqual(
    { finished, late, found },
    { finished: 0, late: 1, found: [{ state: 'erased', receipt: 'second' }] },
  )
})

test('without that lock the work is done twice, and still the first receipt stands', async (t) => {
  const { finished, late, found } = await sealTwice(t, 'erasure.claim-sealing')
  assert.deepEqual(
    { finished, late, found },
    { finished: 1, late: 0, found: [{ state: 'erased', receipt: 'first' }] },
  )
})

test('a claim that is read when half of its lease is over is kept from others for another lease', async (t) => {
  const nodes = await openNodes(t, { gate: 'nothing' })
  await removedErasure(nodes)
  await nodes.free.write(units.lookAgain, 10)
  const order = { limit: 10, leaseMs: 1_000, ledgerPosition: 1_000 }
  const claim = await nodes.held.write(claimSealing, order)
  const claimOfOther = async () => (await nodes.free.write(claimSealing, order)).erasureIds
  await sleep(700)
  assert.equal((await nodes.held.write(readClaimed, { ...claim, leaseMs: 1_000 })).erasures.length, 1)
  await sleep(600)
  assert.deepEqual(await claimOfOther(), [])
  await sleep(600)
  assert.deepEqual(await claimOfOther(), claim.erasureIds)
  assert.deepEqual((await nodes.held.write(readClaimed, { ...claim, leaseMs: 1_000 })).erasures, [])
})

const TOKEN = 't'.repeat(40)

/** The customer's server registers a token while its user registers with it, is deleted and removed. */
async function registerAgainstDeletion(t: TestContext, without?: string) {
  const nodes = await openNodes(t, { gate: 'devices.insert', ...(without ? { without } : {}) })
  const { app, free } = nodes
  const byServer = nodes.held.write(registerDevices, registrationInput(app, { by: 'server', token: TOKEN }))
  await nodes.arrived
  const deletion = (async () => {
    await accept(free, app, await register(free, app, { token: TOKEN }))
    await free.write(units.removeDevices, { erasureIds: null, limit: 10 })
  })()
  await Promise.race([deletion, sleep(300)])
  nodes.open()
  await Promise.all([byServer, deletion])
  const holders = await sql`select 1 from device where token is not null and state = 'live'`.execute(
    free.read.kysely,
  )
  const [digest] = tokenTombstones(app.erasureKeys, tokenDigest('android', TOKEN as Token))
  const dead = await sql`select 1 from tombstone where digest = ${digest}`.execute(free.read.kysely)
  return { holders: holders.rows.length, tombstones: dead.rows.length }
}

test('a registration by the server never ends up with the token of an erased user', async (t) => {
  assert.deepEqual(await registerAgainstDeletion(t), { holders: 0, tombstones: 1 })
})

test('without the lock of names it does', async (t) => {
  assert.deepEqual(await registerAgainstDeletion(t, 'storage.lock-names'), { holders: 1, tombstones: 1 })
})

/** A user comes back with the token of an erased one just while that one's removal makes its tombstones. */
async function returnDuringRemoval(t: TestContext, without?: string): Promise<number> {
  const nodes = await openNodes(t, { gate: 'tombstones.bury', ...(without ? { without } : {}) })
  const { app, free } = nodes
  await accept(free, app, await register(free, app, { token: TOKEN }))
  const removal = nodes.held.write(units.removeDevices, { erasureIds: null, limit: 10 })
  await nodes.arrived
  const back = register(free, app, { token: TOKEN })
  await Promise.race([back, sleep(300)])
  nodes.open()
  await Promise.allSettled([removal, back])
  const [digest] = tokenTombstones(app.erasureKeys, tokenDigest('android', TOKEN as Token))
  const dead = await sql`select 1 from tombstone where digest = ${digest}`.execute(free.read.kysely)
  return dead.rows.length
}

test('a token that its user has brought back has no tombstone', async (t) => {
  assert.equal(await returnDuringRemoval(t), 0)
})

test('without the lock on the row that is being removed it has one', async (t) => {
  assert.equal(await returnDuringRemoval(t, 'devices.traces'), 1)
})

/** One erasure is removed by its id on two nodes at once. */
async function removeTwice(t: TestContext, without?: string): Promise<string | null | undefined> {
  const nodes = await openNodes(t, { gate: 'devices.traces', ...(without ? { without } : {}) })
  const { app, free } = nodes
  const accepted = await accept(free, app, await register(free, app, { tags: ['one'] }))
  assert.ok(accepted.kind === 'accepted')
  const input = { erasureIds: [accepted.erasureId], limit: 1 }
  const late = nodes.held.write(units.removeDevices, input)
  await nodes.arrived
  await free.write(units.removeDevices, input)
  nodes.open()
  await late
  const found = await sql<{ removed: string | null }>`select removed from erasure`.execute(free.read.kysely)
  return found.rows[0]?.removed
}

test('an erasure that two nodes remove by its id counts what was removed', async (t) => {
  assert.equal(await removeTwice(t), '{"device_tag":1,"device":1}')
})

test('without that lock the later node counts nothing', async (t) => {
  assert.equal(await removeTwice(t, 'erasure.claim-these'), '{}')
})
