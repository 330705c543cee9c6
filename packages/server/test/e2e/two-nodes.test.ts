/**
 * Two nodes, each a process, on one PostgreSQL, their clocks five minutes apart: what one has answered is so for the other
 * at once. What takes longer (a node cut off, a node stopped) is in two-nodes.crash.ts.
 */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedPostgres, startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import {
  type Answer,
  ask,
  call,
  erased,
  inParallel,
  KNOWN,
  metric,
  type Node,
  newDatabase,
  REGISTRATIONS,
  type Registered,
  register,
  remove,
  startNode,
} from '../support/nodes.ts'
import { until } from '../support/until.ts'

const SKEW_MS = 150_000
const DELETIONS = 200

let postgres: EmbeddedPostgres
before(async () => {
  postgres = await startPostgres({ fsync: true })
})
after(() => postgres.stop())

test('two nodes that start at once on an empty database make one app and one signing key', async () => {
  const url = await newDatabase(postgres)
  const nodes = await Promise.all([startNode({ url, skewMs: SKEW_MS }), startNode({ url, skewMs: -SKEW_MS })])
  try {
    assert.equal(nodes.filter(({ firstStart }) => firstStart.app).length, 1)
    assert.equal(nodes.filter(({ firstStart }) => firstStart.operatorToken).length, 1)
    const [one, other] = await Promise.all(nodes.map((node) => call(node, 'GET', '/.well-known/jwks.json')))
    assert.equal(one?.body.keys.length, 1)
    assert.deepEqual(one?.body, other?.body)
    const counted = `select (select count(*)::int from app) as apps, (select count(*)::int from signing_key) as keys,
      (select count(*)::int from erasure_key) as erasure_keys, (select count(*)::int from operator_token) as tokens`
    assert.deepEqual(await ask(url, counted), [{ apps: 1, keys: 1, erasure_keys: 1, tokens: 1 }])
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
})

describe('of two nodes whose clocks are five minutes apart', () => {
  let url: string
  let ahead: Node
  let behind: Node
  before(async () => {
    url = await newDatabase(postgres)
    ahead = await startNode({ url, skewMs: SKEW_MS, ...KNOWN })
    behind = await startNode({ url, skewMs: -SKEW_MS, ...KNOWN })
  })
  after(() => Promise.all([ahead.stop(), behind.stop()]))

  test('a deletion through one is hidden from the very next read of the other, whatever is read', async () => {
    const erasures: string[] = []
    for (let index = 0; index < DELETIONS; index++) {
      const [first, other] = index % 2 === 0 ? [ahead, behind] : [behind, ahead]
      const names = { tag: `tag${index}`, alias: `alias${index}`, token: `token${index}`.padEnd(40, 'x') }
      const body = { platform: 'android', token: names.token, tags: [names.tag], alias: names.alias }
      const user = await register(first, body)
      const seen = await call(other, 'GET', `/v4/devices/${user.id}`)
      assert.deepEqual(seen.body, { tags: [names.tag], alias: names.alias })
      erasures.push(await remove(first, user.id))
      const looks = everyLook(user, names)
      // Each kind of look has its turn to be the first.
      for (let turn = 0; turn < looks.length; turn++) {
        const look = looks[(index + turn) % looks.length]
        await look?.(other)
      }
    }
    await inParallel(erasures, 8, async (erasureId, index) => {
      const { hidden_at, removed_at, erased_at } = await erased(index % 2 === 0 ? behind : ahead, erasureId)
      assert.ok(hidden_at <= removed_at && removed_at <= erased_at)
      const isNow = Math.abs(Date.parse(hidden_at) - Date.now()) < SKEW_MS / 2
      assert.ok(isNow, 'the clocks of an erasure are those of the database')
    })
  })

  test('a young erasure alarms nobody, however wrong a clock is', async () => {
    // A sender that answers no fence keeps the erasure open.
    const lease = '(extract(epoch from clock_timestamp()) * 1000)::bigint + 60000'
    await ask(
      url,
      `insert into sender (sender_id, lease_until, fence, claims, settled)
      values ('silent', ${lease}, 0, 0, 0)`,
    )
    const { id } = await register(ahead, { platform: 'web' })
    const erasureId = await remove(ahead, id)
    // Long enough for the loops of both nodes to have measured it, too.
    await sleep(1_200)
    for (const node of [ahead, behind]) {
      assert.deepEqual((await call(node, 'GET', '/readyz')).body, { status: 'ok', warnings: [] })
      const seconds = await metric(node, 'lethe_erasure_oldest_open_seconds')
      assert.ok(seconds > 0 && seconds < 60, String(seconds))
    }
    assert.equal((await call(ahead, 'GET', `/v4/erasures/${erasureId}`)).body.state, 'verifying')
    await ask(url, `delete from sender where sender_id = 'silent'`)
    await erased(ahead, erasureId)
  })

  test('a node that died is waited for longer than its lease only if it had something in hand', async () => {
    const lapsed = '(extract(epoch from clock_timestamp()) * 1000)::bigint - 1000'
    const dead = (claims: number) =>
      ask(
        url,
        `insert into sender (sender_id, lease_until, fence, claims, settled) values ('dead', ${lapsed}, 0, ${claims}, 7)
          on conflict (sender_id) do update set lease_until = excluded.lease_until, claims = excluded.claims`,
      )
    await dead(7)
    const { id } = await register(ahead, { platform: 'web' })
    await erased(ahead, await remove(ahead, id))
    await dead(8)
    const other = await register(ahead, { platform: 'web' })
    const erasureId = await remove(ahead, other.id)
    await sleep(1_200)
    assert.equal((await call(ahead, 'GET', `/v4/erasures/${erasureId}`)).body.state, 'verifying')
    await ask(url, `delete from sender where sender_id = 'dead'`)
    await erased(ahead, erasureId)
  })

  test('both accept the same deletions at the same time, each as one erasure', async () => {
    const users = await inParallel(Array.from({ length: 100 }), 8, () =>
      register(behind, { platform: 'web' }),
    )
    const erasures = await inParallel(users, 8, async ({ id }) => {
      const [one, other] = await Promise.all([remove(ahead, id), remove(behind, id)])
      assert.equal(one, other)
      return one
    })
    assert.equal(new Set(erasures).size, users.length)
    await inParallel(erasures, 8, (erasureId) => erased(ahead, erasureId))
    // Both nodes have lived as long as the database: together they accepted and finished everything in it, once.
    await until('the nodes have counted each erasure once', async () => {
      const [row] = await ask<{ count: number }>(url, 'select count(*)::int as count from erasure')
      const { accepted, erased } = await countedBy([ahead, behind])
      return accepted === row?.count && erased === row.count
    })
  })
})

async function countedBy(nodes: readonly Node[]): Promise<{ accepted: number; erased: number }> {
  const sum = async (name: string) => {
    const values = await Promise.all(nodes.map((node) => metric(node, name)))
    return values.reduce((total, value) => total + value, 0)
  }
  return {
    accepted: await sum('lethe_erasures_accepted_total'),
    erased: await sum('lethe_erasures_erased_total'),
  }
}

type Look = (node: Node) => Promise<void>

/** Every way to read a user, or to write to it, and what it must find once the user is deleted. */
function everyLook(user: Registered, names: { tag: string; alias: string; token: string }): Look[] {
  const device = `/v4/devices/${user.id}`
  const self = { path: `${REGISTRATIONS}/${user.id}`, secret: user.secret }
  const isUnknown = ({ status, body }: Answer) => assert.deepEqual([status, body.error?.code], [400, 20101])
  const isGone = ({ status, body }: Answer) => assert.deepEqual([status, body.error?.code], [410, 20101])
  const is = (wanted: unknown) => (answer: Answer) =>
    assert.deepEqual([answer.status, answer.body], [200, wanted])
  return [
    async (node) => isUnknown(await call(node, 'GET', device)),
    async (node) => is({ registration_ids: [] })(await call(node, 'GET', `/v4/aliases/${names.alias}`)),
    async (node) =>
      is({ tagsCount: { [names.tag]: 0 } })(await call(node, 'GET', `/v4/tags_count?tags=${names.tag}`)),
    async (node) => assert.ok(!(await call(node, 'GET', '/v4/tags')).body.tags.includes(names.tag)),
    async (node) =>
      is([])(await call(node, 'POST', { path: '/v4/devices/status', body: { registration_ids: [user.id] } })),
    async (node) => isUnknown(await call(node, 'GET', `/v4/tags/${names.tag}/registration_ids/${user.id}`)),
    async (node) => isGone(await call(node, 'GET', self)),
    async (node) => isGone(await call(node, 'PUT', { ...self, body: {} })),
    async (node) => isUnknown(await call(node, 'POST', { path: device, body: { alias: names.alias } })),
    async (node) => {
      const body = { platform: 'android', tokens: [names.token] }
      const answer = await call(node, 'POST', { path: '/v4/devices/token/registration_id', body })
      assert.equal(answer.body.results[0].code, 20101)
    },
    async (node) => assert.equal((await call(node, 'GET', `${device}/erasure`)).status, 200),
  ]
}
