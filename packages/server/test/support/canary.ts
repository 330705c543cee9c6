/** What the tests share that look for the traces of a deleted user: marks, calls, and the search for them. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { InjectOptions } from 'fastify'
import { APP_KEY, startTestApp, type TestApp } from './app.ts'
import { captureLog } from './capture-log.ts'
import type { TestDatabase } from './engines.ts'
import { hurriedClock } from './hurried-clock.ts'
import { until } from './until.ts'

export const CLIENT = `/client/v1/apps/${APP_KEY}/registrations`

/** Letters and digits that stand nowhere else. */
export const mark = (of: string) => `${of}${randomBytes(8).toString('hex')}`

/** A private subtag of a language has at most eight characters: no room for a name. */
export function markOf(name: string, suffix: string): string {
  return suffix === 'lang' ? randomBytes(4).toString('hex') : mark(name + suffix)
}

export function remember(list: string[], text: string): string {
  list.push(text)
  return text
}

/** A server whose one app sends to the stub, and what it logs. Times between tries pass ten times faster. */
export async function startWithStub(t: TestContext, database: TestDatabase) {
  const captured = captureLog()
  const app = await startTestApp(
    { rateLimit: 0 },
    { database, deps: { log: captured.log, clock: hurriedClock(10) } },
  )
  t.after(app.close)
  await sendToStub(app)
  return { app, captured }
}

export async function sendToStub(app: TestApp): Promise<void> {
  const url = `/admin/v1/apps/${APP_KEY}/channels/stub`
  await call(app, 200, { method: 'PUT', url, headers: app.bearer, payload: {} })
}

/** A call of the server API, with credentials. */
export function serverCall(
  app: TestApp,
  line: string,
  payload?: object,
): InjectOptions & { method: string; url: string } {
  const [method, url] = line.split(' ') as ['GET' | 'POST' | 'DELETE', string]
  return { method, url, headers: app.basic, ...(payload ? { payload } : {}) }
}

export async function call(app: TestApp, status: number, request: InjectOptions): Promise<unknown> {
  const answer = await app.app.http.inject(request)
  assert.equal(answer.statusCode, status, answer.body)
  return answer.json()
}

export async function erase(app: TestApp, ids: readonly string[]): Promise<void> {
  for (const id of ids) await call(app, 200, serverCall(app, `DELETE /v4/devices/${id}`))
  await until('the erasures are finished', async () => {
    const states = ids.map(
      async (id) =>
        (await call(app, 200, serverCall(app, `GET /v4/devices/${id}/erasure`))) as { state: string },
    )
    return (await Promise.all(states)).every(({ state }) => state === 'erased')
  })
}

/** What is not put off. */
export async function untilSent(app: TestApp): Promise<void> {
  const { read } = app.deps.database
  await until('everything is sent or put off', async () => {
    const spans = await read.kysely.selectFrom('push_span').select('msg_id').limit(1).execute()
    const first = read.kysely.selectFrom('pending_message').select('msg_id').where('attempts', '=', 0)
    return spans.length + (await first.limit(1).execute()).length === 0
  })
}

/** Asserts that none of the texts is in any of the places, naming the place. */
export function assertNowhere(texts: readonly string[], places: readonly string[]): void {
  const found = texts.flatMap((text) =>
    places.filter((place) => place.includes(text)).map((place) => `${text} in ${place.slice(0, 200)}`),
  )
  assert.deepEqual(found, [])
}

export function assertAllFound(texts: readonly string[], places: readonly string[]): void {
  assert.deepEqual(
    texts.filter((text) => !places.some((place) => place.includes(text))),
    [],
  )
}
