/**
 * Providers that fail in every way, each with an app of its own, all at once on one server: the app whose provider is well
 * sends as ever, and nobody's accepted push is lost.
 */

import assert from 'node:assert/strict'
import http2, { type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type FakeFcm, startFakeFcm } from '../../src/channels/fcm/fake-fcm.ts'
import { makeCertificate } from '../../src/channels/outbound/fake-certificate.ts'
import { basicAuth, startTestApp, type TestApp } from '../support/app.ts'
import { openTestSqlite } from '../support/engines.ts'
import { until } from '../support/until.ts'

const certificate = await makeCertificate()

interface Row {
  readonly name: string
  /** Breaks the provider of the app whose user has this token; answers the endpoint, if it is another than the fake's. */
  break(world: {
    fcm: FakeFcm
    token: string
    t: TestContext
  }): Promise<string | undefined> | string | undefined
  /** What else is wrong with the credentials. */
  readonly spoil?: (fcm: FakeFcm) => object
  /** Whether the vendor's own word keeps the message for longer than a test can wait. */
  readonly waitsMs?: number
}

async function listen(t: TestContext, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function http2Server(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void,
  settings: http2.Settings = {},
): Promise<string> {
  const server = http2.createSecureServer({ ...certificate, settings })
  server.on('session', (session) => {
    session.on('error', () => {})
    t.after(() => session.destroy())
  })
  server.on('stream', (given) => {
    const stream = given as ServerHttp2Stream
    stream.on('error', () => {})
    onStream(stream, stream.session as ServerHttp2Session)
  })
  return listen(t, server)
}

const rows: readonly Row[] = [
  {
    name: 'GOAWAY in mid-stream, and the connection ends',
    break: ({ t }) =>
      http2Server(t, (stream, session) => {
        session.goaway(0, stream.id as number)
        setTimeout(() => session.destroy(), 20)
      }),
  },
  {
    name: 'every stream is refused',
    break: ({ t }) => http2Server(t, (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)),
  },
  {
    name: 'the window of every stream is stalled',
    break: ({ t }) => http2Server(t, (stream) => stream.pause(), { initialWindowSize: 16 }),
  },
  {
    name: 'TCP is taken, and TLS never answered',
    break: ({ t }) =>
      listen(
        t,
        createServer((socket) => {
          socket.on('error', () => {})
          t.after(() => socket.destroy())
        }),
      ),
  },
  { name: 'the name cannot be resolved', break: () => 'https://push.invalid' },
  {
    name: '429 with Retry-After',
    break: ({ fcm, token }) =>
      void fcm.behave(token, { kind: 'error', code: 'QUOTA_EXCEEDED', retryAfterSeconds: 2 }),
  },
  {
    name: '429 without Retry-After: the quota of the project is exhausted',
    break: ({ fcm, token }) => void fcm.behave(token, { kind: 'error', code: 'QUOTA_EXCEEDED' }),
    waitsMs: 55_000,
  },
  {
    name: 'credentials that are good no more, until they are set anew',
    break: () => undefined,
    spoil: ({ origin }) => ({ token_uri: `${origin}/refuses` }),
  },
  { name: '503', break: ({ fcm, token }) => void fcm.behave(token, { kind: 'error', code: 'UNAVAILABLE' }) },
  { name: '500', break: ({ fcm, token }) => void fcm.behave(token, { kind: 'error', code: 'INTERNAL' }) },
]

interface Tenant {
  readonly row: Row
  readonly appKey: string
  readonly authorization: string
  readonly token: string
}

async function call(
  app: TestApp,
  line: `${'PUT' | 'POST' | 'GET'} ${string}`,
  { body, authorization }: { body?: object; authorization?: string },
) {
  const [method = 'GET', url = ''] = line.split(' ') as ['PUT' | 'POST' | 'GET', string]
  const headers = authorization === undefined ? {} : { authorization }
  const response = await app.app.http.inject({ method, url, headers, ...(body ? { body } : {}) })
  assert.ok(response.statusCode < 300, `${line}: ${response.body}`)
  return response.json()
}

async function addTenant(app: TestApp, fcm: FakeFcm, row: Row): Promise<Tenant> {
  const { bearer } = app
  const made = await call(app, 'POST /admin/v1/apps', { body: { name: row.name.slice(0, 40) }, ...bearer })
  const appKey: string = made.app_key
  const token = `phone-${appKey}-`.padEnd(60, 'x')
  await setFcm(app, appKey, fcm.serviceAccount())
  await call(app, `POST /client/v1/apps/${appKey}/registrations`, { body: { platform: 'android', token } })
  return { row, appKey, authorization: basicAuth(appKey, made.master_secret), token }
}

function setFcm(app: TestApp, appKey: string, credentials: object) {
  return call(app, `PUT /admin/v1/apps/${appKey}/channels/fcm`, { body: credentials, ...app.bearer })
}

function push(app: TestApp, { authorization }: Pick<Tenant, 'authorization'>) {
  const body = { to: 'all', body: { platform: 'android', notification: { alert: 'Hello' } } }
  return call(app, 'POST /v4/push', { authorization, body })
}

test('no failing provider stops another app, and none loses a push', { timeout: 150_000 }, async (t) => {
  const fcm = await startFakeFcm()
  t.after(() => fcm.close())
  const database = await openTestSqlite()
  const app = await startTestApp(
    { rateLimit: 0, allowPrivateNetwork: true },
    { database, deps: { trustedCa: `${fcm.cert}\n${certificate.cert}` } },
  )
  t.after(async () => {
    await app.close()
    await database.close()
  })
  const well = await addTenant(app, fcm, { name: 'well', break: () => undefined })
  const tenants: Tenant[] = []
  for (const row of rows) {
    const tenant = await addTenant(app, fcm, row)
    const endpoint = await row.break({ fcm, token: tenant.token, t })
    const spoilt = { ...(endpoint === undefined ? {} : { endpoint }), ...row.spoil?.(fcm) }
    await setFcm(app, tenant.appKey, { ...fcm.serviceAccount(), ...spoilt })
    tenants.push(tenant)
  }

  for (const tenant of tenants) await push(app, tenant)
  for (let count = 1; count <= 5; count++) {
    const begunAt = performance.now()
    await push(app, well)
    await until('the well app sends', () => fcm.received(well.token).length === count)
    assert.ok(performance.now() - begunAt < 3_000, 'the well app had to wait for the others')
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  for (const { token, row } of tenants) assert.equal(fcm.received(token).length, 0, row.name)

  for (const { token, appKey } of tenants) {
    fcm.behave(token, undefined)
    await setFcm(app, appKey, fcm.serviceAccount())
  }
  for (const { token, row, appKey } of tenants) {
    if (row.waitsMs !== undefined) {
      const [waiting] = await database.database.read.kysely
        .selectFrom('pending_message')
        .select(['due_at'])
        .where('app_key', '=', appKey)
        .execute()
      assert.ok(
        waiting && waiting.due_at - Date.now() > row.waitsMs - 20_000,
        `${row.name}: it waits as it should`,
      )
      continue
    }
    await until(`${row.name}: the push arrives`, () => fcm.received(token).length > 0, 60_000)
    assert.equal(fcm.received(token).length, 1, row.name)
  }
})
