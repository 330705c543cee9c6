/** A script that deletes every user of an app, one by one, over nodes that are processes of their own. */

import assert from 'node:assert/strict'
import { APP_KEY, OPERATOR_TOKEN } from './app.ts'
import {
  ask,
  call,
  inParallel,
  KNOWN,
  type Node,
  type NodeStarted,
  REGISTRATIONS,
  register,
  startNode,
} from './nodes.ts'

export interface GuardWorld {
  readonly url: string
  readonly nodes: readonly Node[]
  stop(): Promise<void>
}

/** Nodes whose clocks are minutes apart. */
export async function startGuarded(url: string, nodeCount: number): Promise<GuardWorld> {
  const nodes: Node[] = []
  for (let index = 0; index < nodeCount; index++) {
    nodes.push(await startNode({ url, skewMs: (index - 1) * 60_000, hasGuard: true, ...KNOWN }))
  }
  return {
    url,
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

/** As if the app were new: nobody was deleted and nobody counted. Users of before are gone. */
export async function beginAnew(
  { url }: GuardWorld,
  users: { prefix: string; count: number },
): Promise<string[]> {
  await ask(url, `delete from guard; delete from device where state = 'live'`)
  await ask(
    url,
    `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
      select '${APP_KEY}', '${users.prefix}' || n, 'web', 'live', 1, 1 from generate_series(1, ${users.count}) as n`,
  )
  return Array.from({ length: users.count }, (_, index) => `${users.prefix}${index + 1}`)
}

/** The script: every id once, several at a time, each at a node by chance. Tells which were deleted. */
export async function deleteAll(world: GuardWorld, ids: readonly string[], seed: number): Promise<string[]> {
  const random = seeded(seed)
  const nodeOf = ids.map(() => world.nodes[Math.floor(random() * world.nodes.length)] as Node)
  const width = 1 + Math.floor(random() * 16)
  const statuses = await inParallel(ids, width, async (id, index) => {
    const { status, body } = await call(nodeOf[index] as Node, 'DELETE', `/v4/devices/${id}`)
    if (status !== 200) assert.deepEqual([status, body.error?.code], [403, 29001], JSON.stringify(body))
    return status
  })
  return ids.filter((_, index) => statuses[index] === 200)
}

/** How many of these users are live in the database, whatever was answered. */
export async function liveCount({ url }: GuardWorld, prefix: string): Promise<number> {
  const [row] = await ask<{ count: number }>(
    url,
    `select count(*)::int as count from device where registration_id like '${prefix}%' and state = 'live'`,
  )
  return row?.count ?? 0
}

export async function openGuard(node: NodeStarted, deletions: number): Promise<void> {
  const response = await fetch(`${node.address}/admin/v1/apps/${APP_KEY}/guard/opening`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ deletions, seconds: 3_600 }),
  })
  assert.equal(response.status, 200)
}

/** Strangers register and delete themselves. */
export async function passThrough(world: GuardWorld, count: number): Promise<void> {
  await inParallel(Array.from({ length: count }), 16, async (_, index) => {
    const node = world.nodes[index % world.nodes.length] as Node
    const { id, secret } = await register(node, { platform: 'web' })
    const answer = await call(node, 'DELETE', { path: `${REGISTRATIONS}/${id}`, secret })
    assert.equal(answer.status, 200)
  })
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
