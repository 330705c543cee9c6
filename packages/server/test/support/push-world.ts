/** A server that sends to recording channels, and users of it. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { AppDeps } from '../../src/app.ts'
import type { Db } from '../../src/schema.ts'
import { startTestApp, type TestApp } from './app.ts'
import type { OpenDatabase } from './engines.ts'
import { runOutside } from './outside-sql.ts'
import { RecordingChannels } from './recording-channel.ts'
import { until } from './until.ts'

export interface User {
  readonly id: string
  readonly secret: string
  readonly token: string
}

/** What answers of the server API may hold, as far as tests look at it. */
export interface Body {
  readonly msg_id: string
  readonly state: string
  readonly error: { readonly code: number; readonly message: string }
  readonly results: Readonly<Record<string, BatchItem>>
}

interface BatchItem {
  readonly success: boolean
  readonly msg_id: number
  readonly error: { readonly code: number }
}

export interface PushWorld {
  readonly app: TestApp
  readonly channels: RecordingChannels
  register(name: string, given?: object): Promise<User>
  call(
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    body?: object,
  ): Promise<{ status: number; body: Body; headers: Record<string, unknown> }>
  /** Sends a notification and answers its id. */
  push(to: unknown, given?: { body?: object; options?: object }): Promise<string>
  /** As if the user had been seen last so much earlier. */
  ageBy(id: string, ms: number): Promise<void>
  /** SQL past the server. */
  outside(statement: string): Promise<void>
  /** Waits until nothing is left to be sent. */
  settled(): Promise<void>
}

export async function openPushWorld(
  t: TestContext,
  open: OpenDatabase,
  deps: Partial<AppDeps> = {},
): Promise<PushWorld> {
  const database = await open(t)
  const channels = new RecordingChannels()
  const app = await startTestApp(
    { rateLimit: 0 },
    { database, deps: { makeChannel: channels.make, ...deps } },
  )
  t.after(app.close)
  const call: PushWorld['call'] = async (method, url, body) => {
    const authorization = url.startsWith('/admin') ? app.bearer : app.basic
    const response = await app.app.http.inject({
      method,
      url,
      headers: authorization,
      ...(body ? { body } : {}),
    })
    return { status: response.statusCode, body: response.json(), headers: response.headers }
  }
  const stub = await app.app.http.inject({
    method: 'PUT',
    url: '/admin/v1/apps/aladdin/channels/stub',
    headers: app.bearer,
    body: {},
  })
  assert.equal(stub.statusCode, 200, stub.body)
  return {
    app,
    channels,
    call,
    register: async (name, given = {}) => {
      const token = `${name}-`.padEnd(40, 'x')
      const response = await app.app.http.inject({
        method: 'POST',
        url: '/client/v1/apps/aladdin/registrations',
        body: { platform: 'android', token, ...given },
      })
      assert.equal(response.statusCode, 201, response.body)
      const { registration_id: id, device_secret: secret } = response.json()
      return { id, secret, token }
    },
    push: async (to, { body = {}, options = {} } = {}) => {
      const answer = await call('POST', '/v4/push', {
        from: 'push',
        to,
        body: { platform: 'all', notification: { alert: 'Hello' }, options, ...body },
      })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      return answer.body.msg_id
    },
    ageBy: (id, ms) =>
      runOutside(
        database,
        `update device set last_seen_at = last_seen_at - ${ms} where registration_id = '${id}'`,
      ),
    outside: (statement) => runOutside(database, statement),
    settled: async () => {
      await until('nothing is left to be sent', () => isSettled(database.database))
    },
  }
}

async function isSettled({ read: { kysely } }: Db): Promise<boolean> {
  const spans = await kysely.selectFrom('push_span').select('msg_id').limit(1).execute()
  const pending = await kysely
    .selectFrom('pending_message')
    .select('way')
    .where('way', '=', 'vendor')
    .execute()
  return spans.length + pending.length === 0
}
