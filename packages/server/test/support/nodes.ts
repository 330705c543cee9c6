/** Nodes in processes of their own on one PostgreSQL, and the calls that tests of them make. */

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import pg from 'pg'
import type { EmbeddedPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import type { FirstStart } from '../../src/app.ts'
import { APP_KEY, basicAuth, MASTER_SECRET, OPERATOR_TOKEN } from './app.ts'
import { until } from './until.ts'

export interface NodeSettings {
  /** Of a PostgreSQL database, or `sqlite:` and a folder. */
  readonly url: string
  /** How far the node's clock is off. */
  readonly skewMs: number
  readonly leaseMs: number
  /** Absent: the node mints them when it is the first. */
  readonly appKey?: string
  readonly masterSecret?: string
  readonly operatorToken?: string
  /** Absent: the deletion guard of the known app is switched off. */
  readonly hasGuard?: boolean
  /** The authority of fakes on loopback, which the node may call. */
  readonly trustedCa?: string
}

export interface NodeStarted {
  readonly address: string
  readonly firstStart: FirstStart
}

export interface Node extends NodeStarted {
  readonly process: ChildProcess
  /** What the node logged as errors. */
  errors(): string
  /** Ends it in order; a node that was killed is gone already. */
  stop(): Promise<void>
}

export const LEASE_MS = 3_000

/** Settings that give the app and tokens which the calls below use. */
export const KNOWN = { appKey: APP_KEY, masterSecret: MASTER_SECRET, operatorToken: OPERATOR_TOKEN }

export async function startNode(settings: Pick<NodeSettings, 'url'> & Partial<NodeSettings>): Promise<Node> {
  const all: NodeSettings = { skewMs: 0, leaseMs: LEASE_MS, ...settings }
  const child = fork(path.join(import.meta.dirname, 'node-process.ts'), [JSON.stringify(all)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const exited = once(child, 'exit')
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const ended = exited.then((): never => {
    throw new Error(`the node ended: ${errors}`)
  })
  const [started] = (await Promise.race([once(child, 'message'), ended])) as [NodeStarted]
  ended.catch(() => {})
  return {
    ...started,
    process: child,
    errors: () => errors,
    stop: async () => {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      await exited
    },
  }
}

let databaseCount = 0

/** An empty database of its own. */
export async function newDatabase(postgres: EmbeddedPostgres): Promise<string> {
  const name = `nodes_${++databaseCount}`
  await ask(postgres.url('postgres'), `create database ${name}`)
  return postgres.url(name)
}

export async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** As JSON gives it; the tests compare what they find in it. */
  readonly body: ReturnType<typeof JSON.parse>
}

/** A call of the server API, or of the client API when a device secret is given. */
export async function call(
  node: NodeStarted,
  method: string,
  target: string | { path: string; body?: unknown; secret?: string; idempotencyKey?: string },
): Promise<Answer> {
  const { path: at, body, secret, idempotencyKey } = typeof target === 'string' ? { path: target } : target
  const response = await fetch(`${node.address}${at}`, {
    method,
    headers: {
      authorization: secret === undefined ? basicAuth(APP_KEY, MASTER_SECRET) : `Bearer ${secret}`,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    // A node that stands still answers when it goes on.
    signal: AbortSignal.timeout(90_000),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

export const REGISTRATIONS = `/client/v1/apps/${APP_KEY}/registrations`

export interface Registered {
  readonly id: string
  readonly secret: string
}

export async function register(node: NodeStarted, body: object): Promise<Registered> {
  const answer = await call(node, 'POST', { path: REGISTRATIONS, body, secret: 'none' })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return { id: answer.body.registration_id, secret: answer.body.device_secret }
}

/** Deletes the user; answers the id of the erasure. */
export async function remove(node: NodeStarted, id: string): Promise<string> {
  const answer = await call(node, 'DELETE', `/v4/devices/${id}`)
  assert.deepEqual([answer.status, answer.body], [200, { success: true }])
  const erasureId = answer.headers.get('lethe-erasure')
  assert.ok(erasureId)
  return erasureId
}

export interface Erased {
  readonly hidden_at: string
  readonly removed_at: string
  readonly erased_at: string
  readonly receipt: string
}

/** Waits until the node tells that the erasure is erased. */
export function erased(node: NodeStarted, erasureId: string, timeoutMs = 30_000): Promise<Erased> {
  return until(
    `the erasure ${erasureId} is erased`,
    async () => {
      const { body } = await call(node, 'GET', `/v4/erasures/${erasureId}`)
      return body.state === 'erased' && (body as Erased)
    },
    timeoutMs,
  )
}

/** The value of a metric of one node, summed over its labels; 0 when it was never counted. */
export async function metric(node: NodeStarted, name: string): Promise<number> {
  const { body } = await call(node, 'GET', '/metrics')
  const lines = String(body).match(new RegExp(`^${name}(\\{[^}]*\\})? .*$`, 'gm')) ?? []
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** At most `width` at a time, in order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as Item, index)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
