/** Nodes in processes of their own that send to one fake, many users, and what the fake saw and when. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import Sqlite from 'better-sqlite3'
import { type FakeFcm, startFakeFcm } from '../../src/channels/fcm/fake-fcm.ts'
import { tokenDigest } from '../../src/devices/digests.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Token } from '../../src/kernel/personal.ts'
import { APP_KEY, OPERATOR_TOKEN } from './app.ts'
import { ask, call, KNOWN, type Node, type NodeSettings, startNode } from './nodes.ts'
import { until } from './until.ts'

export interface BroadcastUser {
  readonly id: string
  readonly token: string
}

export interface BroadcastWorld {
  /** Asks the database past the server. */
  ask<Row extends object>(sql: string): Promise<Row[]>
  readonly fcm: FakeFcm
  readonly nodes: Node[]
  /** When streams to each token were opened, milliseconds of `performance.now()`; cleared by `push`. */
  readonly arrivals: Map<string, number[]>
  startNode(settings?: Partial<NodeSettings>): Promise<Node>
  /** Makes so many users, past the client API: their number is what matters here. */
  addUsers(count: number): Promise<void>
  liveUsers(): Promise<BroadcastUser[]>
  /** Sends to all and answers the message's id. */
  push(to?: unknown, options?: object): Promise<string>
  /** Waits until nothing of any push is left to be sent. */
  sent(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

export async function openBroadcastWorld(
  url: string,
  skews: readonly number[],
  given: Partial<NodeSettings> = {},
): Promise<BroadcastWorld> {
  const arrivals = new Map<string, number[]>()
  // Google refuses what is signed in its future, and the nodes' clocks disagree: its own is ahead of all.
  const fcm = await startFakeFcm({
    clock: systemClock(150_000),
    onMessage: (token, openedAt) => {
      const known = arrivals.get(token)
      if (known) known.push(openedAt)
      else arrivals.set(token, [openedAt])
    },
  })
  const start = (settings: Partial<NodeSettings> = {}) =>
    startNode({ url, ...KNOWN, trustedCa: fcm.cert, ...given, ...settings })
  const nodes: Node[] = []
  for (const skewMs of skews) nodes.push(await start({ skewMs }))
  const world: BroadcastWorld = {
    ask: (sql) => askAny(url, sql),
    fcm,
    nodes,
    arrivals,
    startNode: start,
    addUsers: (count) => addUsers(url, count),
    liveUsers: () => askAny<BroadcastUser>(url, LIVE_USERS),
    push: async (to = 'all', options = {}) => {
      arrivals.clear()
      const body = { to, body: { platform: 'android', notification: { alert: 'x' }, options } }
      const answer = await call(nodes[0] as Node, 'POST', { path: '/v4/push', body })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      return answer.body.msg_id
    },
    sent: async (timeoutMs = 60_000) => {
      await until('nothing is left to be sent', () => isSent(url), timeoutMs)
    },
    close: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
      await fcm.close()
    },
  }
  await setFcm(nodes[0] as Node, fcm)
  return world
}

async function setFcm(node: Node, fcm: FakeFcm): Promise<void> {
  const response = await fetch(`${node.address}/admin/v1/apps/${APP_KEY}/channels/fcm`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(fcm.serviceAccount()),
  })
  assert.equal(response.status, 200, await response.text())
}

/** Rows as a registration makes them. */
async function addUsers(url: string, count: number): Promise<void> {
  const users = Array.from({ length: count }, () => {
    const token = `token${randomBytes(20).toString('hex')}` as Token
    return `('${APP_KEY}', '${randomBytes(16).toString('hex')}', 'android', 'live', 1, 1, '${token}', '${tokenDigest('android', token)}', 1)`
  })
  for (let first = 0; first < count; first += ROWS_AT_ONCE) {
    const rows = users.slice(first, first + ROWS_AT_ONCE).join(', ')
    await askAny(
      url,
      `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at, token, token_digest,
        token_changed_at) values ${rows} returning 1 as one`,
    )
  }
}

const ROWS_AT_ONCE = 500

async function askAny<Row extends object>(url: string, sql: string): Promise<Row[]> {
  if (!url.startsWith('sqlite:')) return ask(url, sql) as Promise<Row[]>
  const connection = new Sqlite(`${url.slice('sqlite:'.length)}/lethe.sqlite`, { timeout: 10_000 })
  try {
    return connection.prepare(sql).all() as Row[]
  } finally {
    connection.close()
  }
}

const LIVE_USERS = `select registration_id as id, token from device where state = 'live' order by registration_id`

async function isSent(url: string): Promise<boolean> {
  const [row] = await askAny<{ open: number }>(
    url,
    'select (select count(*) from push_span) + (select count(*) from pending_message) as open',
  )
  return Number(row?.open) === 0
}
