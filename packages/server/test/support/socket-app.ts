/** A whole server on a real socket, on either engine. It ends with its test, in the right order, however the test ends. */

import type { TestContext } from 'node:test'
import { appLimitsDefault } from '@lethe/protocol/limits.ts'
import type { AppDeps } from '../../src/app.ts'
import { registerDevices } from '../../src/devices/registration.store.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import type { Db } from '../../src/schema.ts'
import type { Engine } from '../../src/storage/database.ts'
import { APP_KEY, startTestApp, type TestApp } from './app.ts'
import { openTestPostgres, openTestSqlite } from './engines.ts'
import { until } from './until.ts'
import { type Answer, type Sent, send } from './wire.ts'

export interface SocketApp extends TestApp {
  readonly port: number
  /** The database itself, without what `wrap` has put around it. */
  readonly database: Db
  /** One request with the credentials of the first app, unless others are given. An object becomes JSON. */
  call(line: string, body?: unknown, sent?: Sent): Promise<Answer>
  /** The same without credentials. */
  callAsNobody(line: string, body?: unknown, sent?: Sent): Promise<Answer>
  /** One request of the operator API, which must succeed. */
  operate(line: string, body: unknown): Promise<unknown>
}

export interface SocketAppOptions {
  readonly settings?: AppDeps['settings']
  readonly deps?: Partial<AppDeps>
  /** Puts something around the database before the server gets it. */
  readonly wrap?: (database: Db) => Db
}

export async function startSocketApp(
  t: Pick<TestContext, 'after'>,
  engine: Engine,
  { settings = {}, deps, wrap = (database) => database }: SocketAppOptions = {},
): Promise<SocketApp> {
  const ending: (() => Promise<void>)[] = []
  t.after(async () => {
    for (const end of ending.reverse()) await end()
  })
  const opened = engine === 'sqlite' ? await openTestSqlite() : await openTestPostgres()
  ending.push(opened.close)
  const app = await startTestApp(
    { rateLimit: 0, ...settings },
    { database: { ...opened, database: wrap(opened.database) }, ...(deps ? { deps } : {}) },
  )
  ending.push(app.close)
  const port = Number(new URL(await app.app.http.listen({ host: '127.0.0.1', port: 0 })).port)
  const callAsNobody: SocketApp['callAsNobody'] = (line, body, sent) => send(port, line, sentOf(body, sent))
  return {
    ...app,
    port,
    database: opened.database,
    callAsNobody,
    call: (line, body, sent) =>
      callAsNobody(line, body, { ...sent, headers: { ...app.basic, ...sent?.headers } }),
    operate: async (line, body) => {
      const answer = await callAsNobody(line, body, { headers: app.bearer })
      if (answer.status >= 300) throw new Error(`${line}: ${answer.status} ${answer.body}`)
      return JSON.parse(answer.body)
    },
  }
}

/** Waits for the end of an erasure, after which nothing is written any more. */
export async function untilErased(server: SocketApp, registrationId: string): Promise<void> {
  await until(`the erasure of ${registrationId}`, async () => {
    const { body } = await server.call(`GET /v4/devices/${registrationId}/erasure`)
    return (JSON.parse(body) as { state?: string }).state === 'erased'
  })
}

/** Puts a user into the registry under an id of the test's choice, which no client can do. */
export async function insertDevice(
  database: Db,
  registrationId: string,
  { appKey = APP_KEY, now = Date.now() }: { appKey?: string; now?: number } = {},
): Promise<void> {
  await database.write(registerDevices, {
    appKey,
    by: 'client',
    registrationId: registrationId as RegistrationId,
    platform: 'web',
    secretDigest: null,
    token: null,
    tokenTombstones: [],
    requestDigests: [],
    facts: {},
    tags: [],
    alias: null,
    limits: appLimitsDefault,
    now,
  })
}

function sentOf(body: unknown, sent: Sent = {}): Sent {
  if (body === undefined) return sent
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  return {
    ...sent,
    headers: { 'content-type': 'application/json', ...sent.headers },
    body: isRaw ? body : JSON.stringify(body),
  }
}
