/** A server on a real socket that sends to recording channels: for tests that compare whole answers, byte by byte. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { AppDeps } from '../../src/app.ts'
import type { Db } from '../../src/schema.ts'
import { APP_KEY, startTestApp, type TestApp } from './app.ts'
import type { OpenDatabase } from './engines.ts'
import { runOutside } from './outside-sql.ts'
import { RecordingChannels } from './recording-channel.ts'
import { subscriptionAt } from './subscription.ts'
import { until } from './until.ts'
import { type Answer, send } from './wire.ts'

type Headers = Readonly<Record<string, string>>

export interface PushServer extends TestApp {
  readonly port: number
  readonly channels: RecordingChannels
  /** The database itself, without what `wrap` has put around it. */
  readonly database: Db
  /** One request with the credentials of the first app, unless others are given. A text goes as it is. */
  call(line: string, body?: unknown, headers?: Headers): Promise<Answer>
  /** A user who can be reached. Answers its registration id. */
  register(name: string, given?: Registration): Promise<string>
  /** Waits until nothing is left to be sent. */
  settled(): Promise<void>
  /** SQL past the server. */
  outside(statement: string): Promise<void>
}

export interface Registration {
  readonly platform?: 'web' | 'android' | 'ios'
  readonly tags?: readonly string[]
  readonly alias?: string
}

export interface PushServerOptions {
  readonly settings?: AppDeps['settings']
  readonly deps?: Partial<AppDeps>
  /** Puts something around the database before the server gets it. */
  readonly wrap?: (database: Db) => Db
}

export async function startPushServer(
  t: TestContext,
  open: OpenDatabase,
  { settings, deps, wrap = (database) => database }: PushServerOptions = {},
): Promise<PushServer> {
  const opened = await open(t)
  const channels = new RecordingChannels()
  const app = await startTestApp(
    { rateLimit: 0, ...settings },
    {
      database: { ...opened, database: wrap(opened.database) },
      deps: { makeChannel: channels.make, ...deps },
    },
  )
  t.after(app.close)
  const port = Number(new URL(await app.app.http.listen({ host: '127.0.0.1', port: 0 })).port)
  const call: PushServer['call'] = (line, body, headers = app.basic) =>
    body === undefined
      ? send(port, line, { headers })
      : send(port, line, {
          headers: { 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        })
  const stub = await call(`PUT /admin/v1/apps/${APP_KEY}/channels/stub`, {}, app.bearer)
  assert.equal(stub.status, 200, stub.body)
  return {
    ...app,
    port,
    channels,
    database: opened.database,
    call,
    register: async (name, { platform = 'android', ...given } = {}) => {
      const line = `POST /client/v1/apps/${APP_KEY}/registrations`
      const answer = await call(line, { platform, ...addressOf(name, platform), ...given }, {})
      assert.equal(answer.status, 201, answer.body)
      return (JSON.parse(answer.body) as { registration_id: string }).registration_id
    },
    settled: async () => {
      await until('nothing is left to be sent', () => isSettled(opened.database))
    },
    outside: (statement) => runOutside(opened, statement),
  }
}

function addressOf(name: string, platform: 'web' | 'android' | 'ios'): object {
  switch (platform) {
    case 'web':
      return { subscription: subscriptionAt(`https://push.example/${name}`) }
    case 'android':
      return { token: `${name}-`.padEnd(40, 'x') }
    case 'ios':
      return { token: Buffer.from(name).toString('hex').padEnd(64, '0') }
  }
}

async function isSettled({ read }: Db): Promise<boolean> {
  const spans = await read.kysely.selectFrom('push_span').select('msg_id').limit(1).execute()
  const pending = await read.kysely.selectFrom('pending_message').select('msg_id').limit(1).execute()
  return spans.length + pending.length === 0
}
