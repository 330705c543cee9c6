/**
 * Two nodes on one PostgreSQL while things break that take their time: `npm run nodes`. A node that hears no announcements
 * for half a minute, a node that is killed right after its answers, and a node that is stopped in the middle of
 * transactions for longer than its lease.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedPostgres, startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { ANNOUNCEMENTS_SESSION } from '../../src/storage/postgres/announcements.ts'
import {
  ask,
  call,
  erased,
  inParallel,
  KNOWN,
  LEASE_MS,
  metric,
  type Node,
  newDatabase,
  type Registered,
  register,
  remove,
  startNode,
} from '../support/nodes.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import { until } from '../support/until.ts'

const SKEW_MS = 150_000
const CUT_MS = 30_000
/** A sender that is gone is waited for: its lease, and then the time that a send of it could last (30 s). */
const PASSED_MS = LEASE_MS + 32_000

let postgres: EmbeddedPostgres
before(async () => {
  postgres = await startPostgres({ fsync: true })
})
after(() => postgres.stop())

test('without announcements for half a minute every erasure finishes all the same, found by polling', async () => {
  const url = await newDatabase(postgres)
  const proxy = await startPostgresProxy(url)
  const dying = await startNode({ url: proxy.url, skewMs: SKEW_MS, ...KNOWN })
  const other = await startNode({ url: proxy.url, skewMs: -SKEW_MS, ...KNOWN })
  try {
    await until('both listen', async () => (await listeningCount(url)) === 2)
    proxy.refuse(ANNOUNCEMENTS_SESSION)
    const cutAt = performance.now()
    await until('neither listens', async () => (await listeningCount(url)) === 0)

    // Both take deletions all the time; each is finished while the cut lasts.
    const slowest: number[] = []
    while (performance.now() - cutAt < CUT_MS - 12_000) {
      const begun = performance.now()
      const erasures = await Promise.all([deleteNew(dying), deleteNew(other)])
      await Promise.all(erasures.map((erasureId) => erased(other, erasureId, 12_000)))
      slowest.push(performance.now() - begun)
    }
    // A node that dies right after its answers announces nothing to anybody; the other finds its erasures by looking.
    const orphans = await inParallel(Array.from({ length: 50 }), 8, () => deleteNew(dying))
    const exited = once(dying.process, 'exit')
    dying.process.kill('SIGKILL')
    await exited
    await inParallel(orphans, 8, (erasureId) => erased(other, erasureId, PASSED_MS + 20_000))
    await sleep(Math.max(0, CUT_MS - (performance.now() - cutAt)))
    assert.equal(await listeningCount(url), 0)
    assert.ok(proxy.refusedCount() > 10, 'the nodes tried to listen again')

    proxy.refuse(undefined)
    await until('the node listens again', async () => (await listeningCount(url)) === 1)
    await assertAllErased(url)
  } finally {
    await Promise.all([dying.stop(), other.stop()])
    proxy.close()
  }
})

test('a node stopped in the middle of transactions holds nothing up, and finishes nothing a second time', async (t) => {
  const url = await newDatabase(postgres)
  const stopped = await startNode({ url, skewMs: SKEW_MS, ...KNOWN })
  const other = await startNode({ url, skewMs: -SKEW_MS, ...KNOWN })
  try {
    for (let turn = 1; turn <= 3; turn++) {
      const users = await inParallel(Array.from({ length: 600 }), 16, () => registerOne(other))
      // Both take deletions, so both have work under way; calls of the stopped node wait until it goes on.
      const [ofStopped, ofOther] = [users.slice(0, 300), users.slice(300)]
      const answered: string[] = []
      const waiting = inParallel(ofStopped, 16, async ({ id }) => {
        const erasureId = await removeRepeating(stopped, id)
        answered.push(erasureId)
        return erasureId
      })
      const deletions = inParallel(ofOther, 16, ({ id }) => remove(other, id))
      const held = await stopInTransaction(url, stopped)
      const stoppedAt = performance.now()
      const erasures = [...answered, ...(await deletions)]
      const receipts = await inParallel(erasures, 16, (erasureId) => erased(other, erasureId, 60_000))
      const tookMs = performance.now() - stoppedAt
      t.diagnostic(`turn ${turn}: stopped after: ${held.join(' | ')}`)
      t.diagnostic(`turn ${turn}: ${erasures.length} erased after ${Math.round(tookMs)} ms`)
      assert.ok(tookMs < PASSED_MS + 10_000, 'the others wait for a stopped node no longer than they must')
      await sleep(Math.max(0, 2 * LEASE_MS - tookMs))

      stopped.process.kill('SIGCONT')
      const late = await waiting
      await until('the node is back', async () => (await call(stopped, 'GET', '/readyz')).status === 200)
      await inParallel(late, 16, (erasureId) => erased(stopped, erasureId, 60_000))
      const again = await inParallel(erasures, 16, (erasureId) => erased(stopped, erasureId))
      assert.deepEqual(again, receipts)
    }
    await assertAllErased(url)
    const [row] = await ask<{ count: number }>(url, 'select count(*)::int as count from erasure')
    for (const name of ['accepted', 'removed', 'erased']) {
      const counts = await until('both nodes have counted each once', async () => {
        const values = await Promise.all(
          [stopped, other].map((node) => metric(node, `lethe_erasures_${name}_total`)),
        )
        return values.reduce((total, value) => total + value, 0) === row?.count && values
      })
      t.diagnostic(`${name}: ${counts.join(' by the stopped node, ')} by the other`)
    }
  } finally {
    await Promise.all([stopped.stop(), other.stop()])
  }
})

function registerOne(node: Node): Promise<Registered> {
  return register(node, { platform: 'web', tags: ['some'] })
}

/** Longer than the node stands still. */
const REPEATING_MS = 120_000

/** As a customer's server does it: repeats the call while the answer is 503, or 408 of a node that stood still for longer than a request may take. */
function removeRepeating(node: Node, id: string): Promise<string> {
  return until(
    'the deletion is accepted',
    async () => {
      const { status, headers } = await call(node, 'DELETE', `/v4/devices/${id}`)
      assert.ok([200, 408, 503].includes(status), `answered ${status}`)
      return headers.get('lethe-erasure') ?? false
    },
    REPEATING_MS,
  )
}

async function deleteNew(node: Node): Promise<string> {
  const { id } = await registerOne(node)
  return remove(node, id)
}

/** Stops the node at an instant at which it holds rows of erasures or users; answers what it did last. */
async function stopInTransaction(url: string, node: Node): Promise<string[]> {
  for (let tries = 0; tries < 200; tries++) {
    node.process.kill('SIGSTOP')
    await sleep(100)
    // Sessions of the other node move on; one that has not moved for so long is of the node that stands still.
    const held = await ask<{ query: string }>(
      url,
      `select query from pg_stat_activity where datname = current_database() and state = 'idle in transaction'
        and backend_xid is not null and state_change < clock_timestamp() - interval '90 ms'`,
    )
    if (held.length > 0) return held.map(({ query }) => query.replace(/\s+/g, ' ').slice(0, 50))
    node.process.kill('SIGCONT')
    await sleep(1 + (tries % 7))
  }
  throw new Error('the node was never in the middle of a transaction')
}

async function listeningCount(url: string): Promise<number> {
  const rows = await ask(
    url,
    `select 1 from pg_stat_activity where datname = current_database() and application_name = '${ANNOUNCEMENTS_SESSION}'`,
  )
  return rows.length
}

async function assertAllErased(url: string): Promise<void> {
  const open = await ask(
    url,
    `select erasure_id, state from erasure where state <> 'erased' or receipt is null`,
  )
  assert.deepEqual(open, [])
  const left = await ask(url, `select registration_id from device where state <> 'live'`)
  assert.deepEqual(left, [])
}
