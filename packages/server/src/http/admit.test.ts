import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { Type } from 'typebox'
import { APP_KEY, basicAuth, MASTER_SECRET, startTestApp, type TestApp } from '../../test/support/app.ts'
import type { App } from '../apps/app.ts'
import { createAppDirectory } from '../apps/find-app.ts'
import { createSeal } from '../apps/seal.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { operation } from '../kernel/operation.ts'
import { answer } from '../kernel/reply.ts'
import { createAdmissions } from './admit.ts'
import { createHttpMetrics } from './metrics.ts'
import { client, demo, server } from './routes.ts'
import { createHttpServer, type HttpServer } from './server.ts'

const readNothing = operation({
  id: 'nothing',
  summary: 'n',
  schema: { answers: { 200: Type.Object({}) } },
  handle: () => answer({}),
})

/** Operations that say who calls, behind the real admission of a real app. */
async function startEcho(
  settings: { rateLimit?: number; trustedProxies?: string[]; publicOrigin?: string } = {},
): Promise<{ http: HttpServer; t: TestApp; tick(ms: number): void }> {
  const t = await startTestApp()
  const real = systemClock()
  let skew = 0
  const clock: Clock = { ...real, monotonic: () => real.monotonic() + skew }
  const seal = createSeal(t.deps.secretKey, t.deps.random)
  const apps = createAppDirectory({ database: t.deps.database, seal, clock })
  const who = operation<App, { answers: { 200: typeof Answer } }>({
    id: 'who',
    summary: 'w',
    schema: { answers: { 200: Answer } },
    handle: ({ caller, address }) => answer({ app: caller.appKey, address }),
  })
  const metrics = createHttpMetrics()
  const http = await createHttpServer({
    ...t.deps,
    routes: [
      server('GET', '/v4/who', who),
      client('GET', '/client/v1/apps/:app_key', { ...who, id: 'clientWho' }),
      demo('GET', '/demo/who', { ...readNothing, id: 'demoWho' }),
    ],
    admissions: createAdmissions({
      apps,
      database: t.deps.database,
      clock,
      rateLimit: settings.rateLimit,
      publicOrigin: settings.publicOrigin,
      onRateLimited: metrics.countRateLimited,
    }),
    nameFailure: () => undefined,
    metrics,
    trustedProxies: settings.trustedProxies ?? [],
  })
  open.push({
    close: async () => {
      await http.close()
      await t.close()
    },
  })
  return {
    http,
    t,
    tick: (ms) => {
      skew += ms
    },
  }
}

const Answer = Type.Object({ app: Type.String(), address: Type.String() })
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function change(t: TestApp, settings: unknown): Promise<void> {
  const { statusCode, body } = await t.app.http.inject({
    method: 'PATCH',
    url: `/admin/v1/apps/${APP_KEY}`,
    headers: t.bearer,
    payload: { settings } as object,
  })
  assert.equal(statusCode, 200, body)
}

describe('the server API', () => {
  const call = (http: HttpServer, authorization?: string, more: object = {}) =>
    http.inject({ url: '/v4/who', headers: authorization === undefined ? {} : { authorization }, ...more })

  test('lets in whoever has the app key and its secret', async () => {
    const { http } = await startEcho()
    const response = await call(http, basicAuth(APP_KEY, MASTER_SECRET))
    assert.deepEqual([response.statusCode, response.json()], [200, { app: APP_KEY, address: '127.0.0.1' }])
    const lower = await call(http, `basic   ${Buffer.from(`${APP_KEY}:${MASTER_SECRET}`).toString('base64')}`)
    assert.equal(lower.statusCode, 200)
  })

  test('tells missing credentials from wrong ones, and a wrong secret from nothing else', async () => {
    const { http } = await startEcho()
    for (const authorization of [
      undefined,
      '',
      'Basic',
      'Basic !!!',
      `Basic ${Buffer.from('nocolon').toString('base64')}`,
      'Bearer x',
    ]) {
      const response = await call(http, authorization)
      assert.deepEqual([response.statusCode, response.json().error.code], [401, 27001], String(authorization))
      assert.equal(response.headers['www-authenticate'], 'Basic realm="Lethe", charset="UTF-8"')
    }
    const wrong = await call(http, basicAuth(APP_KEY, 'x'))
    const unknown = await call(http, basicAuth('nobody', MASTER_SECRET))
    assert.deepEqual([wrong.statusCode, wrong.json().error.code], [401, 21004])
    assert.equal(unknown.body, wrong.body)
    assert.equal(unknown.headers['www-authenticate'], wrong.headers['www-authenticate'])
  })

  test('answers listed addresses only, once there is a list', async () => {
    const { http, t, tick } = await startEcho()
    await change(t, { allowed_addresses: ['10.0.0.0/8'] })
    tick(1_000)
    const refused = await call(http, basicAuth(APP_KEY, MASTER_SECRET))
    assert.deepEqual([refused.statusCode, refused.json().error.code], [403, 23009])
    const allowed = await call(http, basicAuth(APP_KEY, MASTER_SECRET), { remoteAddress: '::ffff:10.1.2.3' })
    assert.equal(allowed.statusCode, 200)
    const wrong = await call(http, basicAuth(APP_KEY, 'x'))
    assert.equal(wrong.statusCode, 401)
  })

  test('believes a proxy about addresses only if it is trusted', async () => {
    const headers = { authorization: basicAuth(APP_KEY, MASTER_SECRET), 'x-forwarded-for': '192.0.2.9' }
    const plain = await startEcho()
    assert.equal((await plain.http.inject({ url: '/v4/who', headers })).json().address, '127.0.0.1')
    const behind = await startEcho({ trustedProxies: ['loopback'] })
    assert.equal((await behind.http.inject({ url: '/v4/who', headers })).json().address, '192.0.2.9')
  })

  test('passes as many calls as the limit allows, then says when to come back', async () => {
    const { http, tick } = await startEcho({ rateLimit: 3 })
    const authorization = basicAuth(APP_KEY, MASTER_SECRET)
    for (let n = 0; n < 3; n++) assert.equal((await call(http, authorization)).statusCode, 200)
    const over = await call(http, authorization)
    assert.deepEqual(
      [over.statusCode, over.json().error.code, over.headers['retry-after']],
      [429, 23008, '1'],
    )
    tick(1_000)
    assert.equal((await call(http, authorization)).statusCode, 200)
  })

  test('stops an address that guesses, and no other', async () => {
    const { http } = await startEcho()
    const guess = () => call(http, basicAuth(APP_KEY, 'guess'))
    const first = await Promise.all(Array.from({ length: 100 }, guess))
    assert.ok(first.every(({ statusCode }) => statusCode === 401))
    assert.equal((await guess()).statusCode, 429)
    assert.equal((await call(http, basicAuth(APP_KEY, MASTER_SECRET))).statusCode, 429)
    const elsewhere = await call(http, basicAuth(APP_KEY, MASTER_SECRET), { remoteAddress: '192.0.2.1' })
    assert.equal(elsewhere.statusCode, 200)
  })

  test('limits nothing when the limit is off', async () => {
    const { http } = await startEcho({ rateLimit: 0 })
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => call(http, basicAuth(APP_KEY, 'guess'))),
    )
    assert.ok(answers.every(({ statusCode }) => statusCode === 401))
  })

  test('a changed secret has access at once on the node that changed it, and within a second elsewhere', async () => {
    const { http, t, tick } = await startEcho()
    const authorization = basicAuth(APP_KEY, MASTER_SECRET)
    assert.equal((await call(http, authorization)).statusCode, 200)
    const url = `/admin/v1/apps/${APP_KEY}/rotate-secret`
    const rotated = (await t.app.http.inject({ method: 'POST', url, headers: t.bearer })).json()
    tick(1_000)
    assert.equal((await call(http, authorization)).statusCode, 401)
    assert.equal((await call(http, basicAuth(APP_KEY, rotated.master_secret))).statusCode, 200)
  })
})

describe('the client API', () => {
  const url = `/client/v1/apps/${APP_KEY}`
  const shop = 'https://shop.example'

  test('answers clients without an origin, and 404 where there is no app', async () => {
    const { http } = await startEcho()
    const response = await http.inject(url)
    assert.deepEqual([response.statusCode, response.headers['access-control-allow-origin']], [200, undefined])
    const unknown = await http.inject('/client/v1/apps/nobody')
    assert.deepEqual([unknown.statusCode, unknown.json().error.code], [404, 21008])
  })

  test('answers pages of listed origins and of its own host, and refuses every other', async () => {
    const { http, t } = await startEcho({ publicOrigin: 'https://push.example' })
    await change(t, { origins: [shop] })
    for (const origin of [shop, 'http://here.example:7300', 'https://push.example']) {
      const { statusCode, headers } = await http.inject({
        url,
        headers: { origin, host: 'here.example:7300' },
      })
      assert.deepEqual(
        [statusCode, headers['access-control-allow-origin'], headers['vary']],
        [200, origin, 'Origin'],
      )
      assert.match(String(headers['access-control-expose-headers']), /Lethe-Erasure/)
    }
    for (const origin of ['https://evil.example', 'null', `${shop}.evil.example`]) {
      const { statusCode, headers, body } = await http.inject({ url, headers: { origin } })
      assert.deepEqual(
        [statusCode, JSON.parse(body).error.code, headers['access-control-allow-origin']],
        [403, 23009, undefined],
      )
    }
  })

  test('answers the question before a call without credentials', async () => {
    const { http, t } = await startEcho()
    await change(t, { origins: [shop] })
    const ask = (origin: string) =>
      http.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': 'GET' } })
    const { statusCode, headers, body } = await ask(shop)
    assert.deepEqual([statusCode, body], [204, ''])
    assert.equal(headers['access-control-allow-origin'], shop)
    assert.equal(headers['access-control-allow-methods'], 'GET, HEAD, OPTIONS')
    assert.equal(headers['access-control-allow-headers'], 'Authorization, Content-Type, Idempotency-Key')
    assert.equal((await ask('https://evil.example')).statusCode, 403)
  })

  test('has a rate limit by address and app, which a page can read', async () => {
    const { http, t, tick } = await startEcho()
    await change(t, { origins: [shop] })
    const calls = await Promise.all(Array.from({ length: 40 }, () => http.inject(url)))
    assert.ok(calls.every(({ statusCode }) => statusCode === 200))
    const over = await http.inject({ url, headers: { origin: shop } })
    assert.deepEqual([over.statusCode, over.headers['access-control-allow-origin']], [429, shop])
    assert.equal((await http.inject({ url, remoteAddress: '192.0.2.1' })).statusCode, 200)
    tick(1_000)
    assert.equal((await http.inject(url)).statusCode, 200)
  })
})

test('the demo has a rate limit of its own by address, which can be switched off', async () => {
  const { http, tick } = await startEcho()
  const visit = async (remoteAddress: string) =>
    (await http.inject({ url: '/demo/who', remoteAddress })).statusCode
  const calls = await Promise.all(Array.from({ length: 20 }, () => visit('192.0.2.1')))
  assert.ok(calls.every((status) => status === 200))
  assert.deepEqual([await visit('192.0.2.1'), await visit('192.0.2.2')], [429, 200])
  tick(1_000)
  assert.equal(await visit('192.0.2.1'), 200)

  const { http: unlimited } = await startEcho({ rateLimit: 0 })
  const many = await Promise.all(Array.from({ length: 100 }, () => unlimited.inject('/demo/who')))
  assert.ok(many.every(({ statusCode }) => statusCode === 200))
})
