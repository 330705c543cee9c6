import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Type } from 'typebox'
import { startTestApp, type TestApp } from '../../test/support/app.ts'
import type { Log } from '../kernel/log.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { systemRandom } from '../kernel/random.ts'
import { answer } from '../kernel/reply.ts'
import { OutcomeUnknown, StorageUnavailable } from '../storage/errors.ts'
import { createHttpServer, type HttpServer } from './server.ts'

const JSON_HEADERS = { 'content-type': 'application/json' }

describe('the surface of the server', () => {
  let t: TestApp
  let port: number

  before(async () => {
    t = await startTestApp()
    port = Number(new URL(await t.app.http.listen({ host: '127.0.0.1', port: 0 })).port)
  })
  after(() => t.close())

  const post = (payload: string | Buffer, headers: Record<string, string> = JSON_HEADERS) =>
    t.app.http.inject({
      method: 'POST',
      url: '/admin/v1/apps',
      headers: { ...t.bearer, ...headers },
      payload,
    })

  async function refused(payload: string | Buffer, headers?: Record<string, string>): Promise<unknown> {
    const response = await post(payload, headers)
    return { status: response.statusCode, ...response.json().error }
  }

  test('every answer is JSON with an id of its own and is kept by nobody', async () => {
    for (const url of ['/healthz', '/nowhere', '/admin/v1/apps', '/%zz']) {
      const { headers } = await t.app.http.inject({ url, headers: { 'x-request-id': 'mine' } })
      assert.equal(headers['content-type'], 'application/json; charset=utf-8', url)
      assert.match(String(headers['x-request-id']), /^[0-9a-f]{32}$/)
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['x-content-type-options'], 'nosniff')
    }
  })

  test('health and readiness', async () => {
    const health = await t.app.http.inject('/healthz')
    assert.deepEqual([health.statusCode, health.json()], [200, { status: 'ok' }])
    const readiness = await t.app.http.inject('/readyz')
    assert.deepEqual([readiness.statusCode, readiness.json()], [200, { status: 'ok', warnings: [] }])
  })

  test('without its database the server is there and not ready', async () => {
    const other = await startTestApp()
    await other.deps.database.close()
    const readiness = await other.app.http.inject('/readyz')
    assert.deepEqual([readiness.statusCode, readiness.json().error.code], [503, 21030])
    assert.equal((await other.app.http.inject('/healthz')).statusCode, 200)
    await other.close()
  })

  test('metrics name routes by their patterns', async () => {
    await t.app.http.inject({ url: '/admin/v1/apps/some-app', headers: t.bearer })
    const { headers, body } = await t.app.http.inject('/metrics')
    assert.match(String(headers['content-type']), /^text\/plain/)
    assert.match(
      body,
      /lethe_http_request_duration_seconds_count\{route="\/admin\/v1\/apps\/:app_key",method="GET",status="4xx"\} 1/,
    )
    assert.doesNotMatch(body, /some-app/)
  })

  test('an unknown path is 404, a wrong method is 405 with Allow', async () => {
    const unknown = await t.app.http.inject({
      method: 'POST',
      url: '/v4/nowhere',
      payload: 'x',
      headers: { 'content-type': 'text/plain' },
    })
    assert.deepEqual(
      [unknown.statusCode, unknown.json()],
      [404, { error: { code: 21001, message: 'this path does not exist' } }],
    )
    const upper = await t.app.http.inject('/HEALTHZ')
    assert.equal(upper.statusCode, 404)
    for (const method of [
      'PUT',
      'DELETE',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'PURGE',
      'QUERY',
      'LINK',
      'SOURCE',
    ]) {
      const wrong = await overSocket(port, `${method} /admin/v1/apps`)
      assert.deepEqual(
        [wrong.status, wrong.headers.allow, JSON.parse(wrong.body).error.code],
        [405, 'GET, HEAD, POST', 21001],
        method,
      )
    }
  })

  test('HEAD answers as GET without a body', async () => {
    const head = await overSocket(port, 'HEAD /healthz')
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '15'])
  })

  test('doubled and trailing slashes are the same path', async () => {
    for (const url of ['//healthz', '/healthz/', '//admin//v1/apps/']) {
      const { statusCode } = await t.app.http.inject({ url, headers: t.bearer })
      assert.equal(statusCode, 200, url)
    }
  })

  test('a path that is not percent-encoded UTF-8, or holds U+0000, is refused', async () => {
    for (const url of [
      '/admin/v1/apps/%zz',
      '/admin/v1/apps/%ff',
      '/admin/v1/apps/%ed%a0%80',
      '/admin/v1/apps/%00',
    ]) {
      const response = await t.app.http.inject({ url, headers: t.bearer })
      assert.deepEqual([response.statusCode, response.json().error.code], [400, 21003], url)
    }
  })

  test('a parameter of any length reaches its operation', async () => {
    const response = await t.app.http.inject({ url: `/admin/v1/apps/${'a'.repeat(8000)}`, headers: t.bearer })
    assert.deepEqual([response.statusCode, response.json().error.code], [404, 21008])
  })

  test('what is wrong with a body is named: the field and the rule, never the value', async () => {
    const one = async (body: unknown) => refused(JSON.stringify(body))
    assert.deepEqual(await one({}), { status: 400, code: 21002, message: 'name is required in the body' })
    assert.deepEqual(await one({ name: null }), {
      status: 400,
      code: 21002,
      message: 'name is required in the body',
    })
    assert.deepEqual(await one({ name: 'n', nmae: 1 }), {
      status: 400,
      code: 21015,
      message: 'unknown parameter "nmae"',
    })
    assert.deepEqual(await one({ name: 'n', settings: { limits: { tags: 1 } } }), {
      status: 400,
      code: 21015,
      message: 'unknown parameter "tags" in settings.limits',
    })
    assert.deepEqual(await one({ name: 7 }), { status: 400, code: 21016, message: 'name: must be string' })
    assert.deepEqual(await one([]), { status: 400, code: 21016, message: 'body: must be object' })
    assert.deepEqual(await one({ name: 'n'.repeat(101) }), {
      status: 400,
      code: 21003,
      message: 'name: must not have more than 100 characters',
    })
    assert.deepEqual(await one({ name: 'n', settings: { origins: ['ftp://x'] } }).then(code), 21003)
    assert.deepEqual(
      await one({ name: 'n', settings: { allowed_addresses: ['10.0.0.0/8', 'x'] } }).then(code),
      21003,
    )
    assert.deepEqual(await one({ name: 'n', settings: { limits: { tag_bytes: 0 } } }).then(code), 21003)
    assert.deepEqual(await one({ name: 'a\0b' }).then(code), 21003)
    assert.deepEqual(await refused('{"name":"\\ud800"}').then(code), 21003)
    assert.deepEqual(await refused('{"__proto__":{"name":"n"}}').then(code), 21015)
    assert.deepEqual(await refused(`{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`).then(code), 21003)
  })

  test('a body that is not JSON in UTF-8, of another type or too large is refused', async () => {
    assert.deepEqual(await refused('{"name":').then(code), 21016)
    assert.deepEqual(await refused(Buffer.from([0x22, 0xff, 0x22])).then(code), 21016)
    assert.deepEqual(await refused('name=n', { 'content-type': 'application/x-www-form-urlencoded' }), {
      status: 400,
      code: 21016,
      message: 'the content type must be application/json',
    })
    assert.deepEqual(await refused(JSON.stringify({ name: 'n'.repeat(1024 * 1024) })), {
      status: 400,
      code: 21005,
      message: 'the body is too large: at most 1048576 bytes',
    })
  })

  test('a call without a body may say that it is JSON, and a body that nobody reads does no harm', async () => {
    const empty = await overSocket(port, 'GET /admin/v1/apps', { ...JSON_HEADERS, ...t.bearer })
    assert.equal(empty.status, 200)
    const rotate = (payload: string, type: string) =>
      t.app.http.inject({
        method: 'POST',
        url: '/admin/v1/apps/nobody/rotate-secret',
        headers: { ...t.bearer, 'content-type': type },
        payload,
      })
    for (const response of [
      await rotate('', 'application/json'),
      await rotate('{', 'application/json'),
      await rotate('x', 'text/plain'),
    ])
      assert.deepEqual([response.statusCode, response.json().error.code], [404, 21008])
  })

  test('what is not HTTP is answered in JSON too', async () => {
    const lines = (await raw(port, 'NONSENSE\r\n\r\n')).split('\r\n')
    assert.equal(lines[0], 'HTTP/1.1 400 Bad Request')
    assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), {
      error: { code: 21003, message: 'this is not valid HTTP' },
    })
    const long = await raw(port, `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    assert.match(long, /^HTTP\/1\.1 431 /)
  })

  test('the OpenAPI document names every operation once, with its credentials and its errors', async () => {
    const document = (await t.app.http.inject('/openapi.json')).json()
    assert.equal(document.openapi, '3.1.0')
    type Described = { operationId: string; responses: Record<string, unknown>; security: unknown }
    const operations = Object.values(document.paths).flatMap((path) =>
      Object.values(path as object),
    ) as Described[]
    const ids = operations.map((one) => one.operationId)
    assert.equal(new Set(ids).size, ids.length)
    assert.ok(ids.includes('createApp'))
    for (const one of operations) assert.ok(one.responses['default'], one.operationId)
    assert.deepEqual(Object.keys(document.paths['/metrics'].get.responses['200'].content), ['text/plain'])
    assert.deepEqual(document.paths['/admin/v1/apps/{app_key}'].get.security, [{ operator: [] }])
  })
})

describe('faults', () => {
  const failing = (id: string, fail: () => never | Promise<never>): Operation =>
    operation({ id, summary: id, schema: { answers: { 200: Type.Object({}) } }, handle: fail })
  const logged: { fields: Record<string, unknown>; event: string }[] = []
  const write = (fields: Record<string, unknown>, event: string) => void logged.push({ fields, event })
  const log = { debug: write, info: write, warn: write, error: write } as Log
  const open = (path: string, one: Operation) =>
    ({ access: 'open', method: 'GET', path, operation: one }) as const
  let server: HttpServer

  before(async () => {
    server = await createHttpServer({
      routes: [
        open(
          '/sync/:id',
          failing('sync', () => {
            throw new Error('secret detail')
          }),
        ),
        open(
          '/async',
          failing('async', async () => {
            throw new TypeError('secret detail')
          }),
        ),
        open(
          '/odd',
          failing('odd', () => Promise.reject('a text')),
        ),
        open(
          '/down',
          failing('down', () => Promise.reject(new StorageUnavailable('x'))),
        ),
        open(
          '/lost',
          failing('lost', () => Promise.reject(new OutcomeUnknown('x'))),
        ),
        open(
          '/fine',
          operation({
            id: 'fine',
            summary: 'f',
            schema: { answers: { 200: Type.Object({ a: Type.Integer() }) } },
            handle: () => answer({ a: 1, b: 2 }),
          }),
        ),
      ],
      admissions: {
        by: { open: () => ({ kind: 'admitted', caller: undefined }) } as never,
        preflight: async () => answer({}),
      },
      nameFailure: (error) =>
        error instanceof StorageUnavailable
          ? 'storageUnavailable'
          : error instanceof OutcomeUnknown
            ? 'outcomeUnknown'
            : undefined,
      metrics: { observerOf: () => () => {} },
      log,
      random: systemRandom,
      trustedProxies: [],
      version: '0',
    })
  })
  after(() => server.close())

  test('an unforeseen fault answers exactly "unknown error", and the log knows the pattern of the route only', async () => {
    for (const url of ['/sync/personal', '/async', '/odd']) {
      const response = await server.inject(url)
      assert.deepEqual(
        [response.statusCode, response.body],
        [500, '{"error":{"code":27002,"message":"unknown error"}}'],
        url,
      )
      const line = logged.at(-1)
      assert.equal(line?.event, 'http.failed')
      assert.equal(line?.fields['requestId'], response.headers['x-request-id'])
      assert.doesNotMatch(JSON.stringify(line), /personal/)
    }
  })

  test('storage that is not available, and an unknown outcome, are 503 with different words', async () => {
    const down = await server.inject('/down')
    assert.deepEqual(
      [down.statusCode, down.json().error],
      [503, { code: 21030, message: 'storage is not available: nothing was changed' }],
    )
    const lost = await server.inject('/lost')
    assert.deepEqual(
      [lost.statusCode, lost.json().error],
      [503, { code: 21030, message: 'may have been accepted; repeat the call' }],
    )
  })

  test('a key that the schema of an answer does not declare does not leave the server', async () => {
    assert.equal((await server.inject('/fine')).body, '{"a":1}')
  })
})

function code(error: unknown): number {
  return (error as { code: number }).code
}

type Received = { status: number; headers: IncomingMessage['headers']; body: string }

function overSocket(
  port: number,
  line: `${string} ${string}`,
  headers: Record<string, string> = {},
): Promise<Received> {
  const [method, path] = line.split(' ')
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    sent.on('error', reject)
    sent.end()
  })
}

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks).toString()))
    socket.on('error', reject)
  })
}
