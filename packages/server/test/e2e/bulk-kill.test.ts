/**
 * kill -9 of a node in the middle of a deletion of many users, again and again: in the end exactly those are erased who were
 * on the list, each once and signed for. On SQLite the one node is started again; on PostgreSQL the other of two goes on while
 * the killed one is started again.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { APP_KEY, OPERATOR_TOKEN } from '../support/app.ts'
import { call, KNOWN, type Node, newDatabase, startNode } from '../support/nodes.ts'
import { until } from '../support/until.ts'

const USERS = 3_000
const BYSTANDERS = 300
/** After so many hidden users a node is killed. */
const KILLS_AT = [200, 1_000, 2_200]

type Body = ReturnType<typeof JSON.parse>

async function operate(node: Node, line: string, body?: object): Promise<Body> {
  const [method, at] = line.split(' ')
  const response = await fetch(`${node.address}/admin/v1/apps/${APP_KEY}/${at}`, {
    method: method as 'GET',
    headers: {
      authorization: `Bearer ${OPERATOR_TOKEN}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const answer = await response.json()
  assert.ok(response.ok, JSON.stringify(answer))
  return answer
}

async function addUsers(node: Node, count: number, prefix: string): Promise<string[]> {
  const ids: string[] = []
  while (ids.length < count) {
    const tokens = Array.from({ length: Math.min(500, count - ids.length) }, (_, n) =>
      `${prefix}${ids.length + n}_`.padEnd(60, 'x'),
    )
    const body = { platform: 'android', tokens }
    const answer = await call(node, 'POST', { path: '/v4/devices/token/registration_id', body })
    ids.push(...answer.body.results.map((one: Body) => one.registration_id))
  }
  return ids
}

async function runWithKills(nodes: Node[], start: () => Promise<Node>): Promise<void> {
  const [first] = nodes
  assert.ok(first)
  const doomed = await addUsers(first, USERS, 'doomed')
  const opened = await operate(first, 'POST deletions', { list_of: 'registration_ids' })
  const at = `deletions/${opened.deletion_id}`
  await operate(first, `POST ${at}/lines`, { registration_ids: doomed })
  assert.equal((await operate(first, `POST ${at}/freeze`)).users, USERS)
  const spared = await addUsers(first, BYSTANDERS, 'spared')
  await operate(first, `POST ${at}/confirm`, {
    confirmation_token: opened.confirmation_token,
    count: USERS,
    app_name: (await operateOnApp(first)).name,
    grace_seconds: 0,
  })
  for (const [index, hiddenMin] of KILLS_AT.entries()) {
    const victim = nodes[index % nodes.length]
    assert.ok(victim)
    const { progress } = await until(
      `${hiddenMin} users are hidden`,
      async () => {
        const body = await operate(victim, `GET ${at}`)
        return body.progress.hidden >= hiddenMin && body
      },
      60_000,
    )
    const exited = once(victim.process, 'exit')
    victim.process.kill('SIGKILL')
    await exited
    nodes[index % nodes.length] = await start()
    const after = await operate(nodes[index % nodes.length] as Node, `GET ${at}`)
    assert.ok(after.progress.hidden >= progress.hidden, 'what was answered is on disk')
  }
  const node = nodes[0] as Node
  const done = await until(
    'the deletion is done',
    async () => {
      const body = await operate(node, `GET ${at}`)
      return body.state === 'done' && body
    },
    90_000,
  )
  assert.deepEqual([done.progress.hidden, done.progress.gone, done.progress.erased], [USERS, 0, USERS])
  await assertOutcome(node, { at, doomed, spared })
}

async function operateOnApp(node: Node): Promise<Body> {
  const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` }
  return (await fetch(`${node.address}/admin/v1/apps/${APP_KEY}`, { headers })).json()
}

async function assertOutcome(
  node: Node,
  { at, doomed, spared }: { at: string; doomed: string[]; spared: string[] },
): Promise<void> {
  const digests: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const page: Body = await operate(node, `GET ${at}/manifests${next === '' ? '' : `?after=${next}`}`)
    for (const { manifest } of page.manifests) {
      const [, payload] = manifest.split('.')
      digests.push(...JSON.parse(Buffer.from(payload, 'base64url').toString()).registration_id_digests.values)
    }
    next = page.next
  }
  assert.equal(digests.length, USERS)
  assert.equal(new Set(digests).size, USERS, 'each user is signed for once')
  const { users } = await operate(node, 'POST audience/check', { to: 'all' })
  assert.equal(users, BYSTANDERS)
  for (const id of [spared[0], spared.at(-1)]) {
    assert.equal((await call(node, 'GET', `/v4/devices/${id}`)).status, 200)
  }
  for (const id of [doomed[0], doomed[1_500], doomed.at(-1)]) {
    const watched = await call(node, 'GET', `/v4/devices/${id}/erasure`)
    assert.equal(watched.body.state, 'erased')
    assert.equal((await call(node, 'GET', `/v4/devices/${id}`)).status, 400)
  }
}

test('on SQLite a killed node goes on where it was', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-bulk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const start = () => startNode({ url: `sqlite:${folder}`, ...KNOWN })
  const nodes = [await start()]
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  await runWithKills(nodes, start)
})

test('on PostgreSQL another node goes on while the killed one is away', async (t) => {
  const postgres = await startPostgres({ fsync: true })
  t.after(() => postgres.stop())
  const url = await newDatabase(postgres)
  const start = () => startNode({ url, ...KNOWN })
  const nodes = [await start(), await start()]
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  await runWithKills(nodes, start)
})
