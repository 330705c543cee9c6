// size: one suite, told once and run on both engines.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { APP_KEY, OPERATOR_TOKEN } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { insertDevice, type SocketApp, startSocketApp } from '../support/socket-app.ts'
import { tablesDigest } from '../support/tables-digest.ts'
import { type Answer, assertRefused, exchange } from '../support/wire.ts'

const REGISTRATIONS = `/client/v1/apps/${APP_KEY}/registrations`

interface Sent {
  readonly body: string | Buffer
  readonly type?: string
}

interface Endpoint {
  readonly line: string
  readonly authorization: string
}

/** Every endpoint that reads a body, with credentials that let it in. */
async function bodyEndpoints(server: SocketApp): Promise<Endpoint[]> {
  await insertDevice(server.database, 'abc123')
  const registered = await server.callAsNobody(`POST ${REGISTRATIONS}`, { platform: 'web' })
  const user = JSON.parse(registered.body) as { registration_id: string; device_secret: string }
  const { authorization } = server.basic
  const device = `Bearer ${user.device_secret}`
  const operator = `Bearer ${OPERATOR_TOKEN}`
  return [
    { line: 'POST /v4/devices/abc123', authorization },
    { line: 'POST /v4/devices/status', authorization },
    { line: 'POST /v4/devices/token/registration_id', authorization },
    { line: 'POST /v4/tags/news', authorization },
    { line: `POST ${REGISTRATIONS}`, authorization: device },
    { line: `PUT ${REGISTRATIONS}/${user.registration_id}`, authorization: device },
    { line: 'POST /admin/v1/apps', authorization: operator },
    { line: `PATCH /admin/v1/apps/${APP_KEY}`, authorization: operator },
  ]
}

function post(server: SocketApp, endpoint: Endpoint, sent: Sent): Promise<Answer> {
  const { body, type = 'application/json' } = sent
  const headers = { authorization: endpoint.authorization, 'content-type': type }
  return server.callAsNobody(endpoint.line, body, { headers })
}

/** Refused everywhere, whatever the endpoint. */
const BODIES: readonly (readonly [what: string, body: string | Buffer, code: number])[] = [
  ['half an object', '{"tags":', 21016],
  ['two values', '{} {}', 21016],
  ['a trailing comma', '{"alias":"a",}', 21016],
  ['single quotes', "{'alias':'a'}", 21016],
  ['a comment', '{} // alias', 21016],
  ['not a number', '{"alias":NaN}', 21016],
  ['a word', 'alias', 21016],
  ['white space alone', ' \n', 21016],
  ['a byte order mark', '\ufeff{}', 21016],
  ['UTF-16', Buffer.from('{"alias":"a"}', 'utf16le'), 21016],
  ['Latin-1', Buffer.from('{"alias":"ä"}', 'latin1'), 21016],
  ['an overlong encoding', Buffer.from('7b2261c0af223a317d', 'hex'), 21016],
  ['a surrogate in UTF-8', Buffer.from('7b22eda080223a317d', 'hex'), 21016],
  ['a form', 'alias=a', 21016],
  ['an array', '[]', 21016],
  ['a text', '"alias"', 21016],
  ['a number', '1', 21016],
  ['a truth', 'true', 21016],
  ['a key that changes the prototype', '{"__proto__":{"alias":"a"}}', 21015],
  ['such a key with nothing', '{"__proto__":null}', 21015],
  ['a key of the prototype', '{"constructor":{"prototype":{"alias":"a"}}}', 21015],
  ['a key with U+0000', '{"ali\\u0000as":"a"}', 21015],
  ['a key with half a pair', '{"\\ud83d":"a"}', 21015],
  ['an empty key', '{"":1}', 21015],
  ['U+0000 in a text', '{"alias":"a\\u0000b"}', 21003],
  ['half a pair in a text', '{"alias":"\\ud83d"}', 21003],
  ['the other half', '{"alias":"\\udc4d"}', 21003],
  ['a pair the wrong way round', '{"alias":"\\udc4d\\ud83d"}', 21003],
  ['a raw control character', '{"alias":"a\tb"}', 21016],
  ['deep arrays', `{"tags":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 21003],
  ['deep objects', `${'{"tags":'.repeat(20_000)}1${'}'.repeat(20_000)}`, 21003],
  ['deep arrays, not closed', `{"tags":${'['.repeat(50_000)}`, 21016],
  ['two megabytes', JSON.stringify({ alias: 'a'.repeat(2 * 1024 * 1024) }), 21005],
  ['two megabytes of nothing', ' '.repeat(2 * 1024 * 1024), 21005],
  ['a byte more than is read', ' '.repeat(1024 * 1024 + 1), 21005],
]

forEachEngine('malformed calls', (_open, engine) => {
  test('a body that is no JSON, or holds what nobody stores, is refused everywhere', async (t) => {
    const server = await startSocketApp(t, engine)
    const endpoints = await bodyEndpoints(server)
    const before = await tablesDigest(server.database)
    for (const endpoint of endpoints) {
      for (const [what, body, code] of BODIES) {
        const context = `${endpoint.line} with ${what}`
        assert.equal(assertRefused(await post(server, endpoint, { body }), context), code, context)
      }
    }
    assert.equal(await tablesDigest(server.database), before)
  })

  test('a body of another content type is refused everywhere', async (t) => {
    const server = await startSocketApp(t, engine)
    const endpoints = await bodyEndpoints(server)
    const before = await tablesDigest(server.database)
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'x',
      '',
      '/',
    ]
    for (const endpoint of endpoints) {
      for (const type of types) {
        const context = `${endpoint.line} as ${type}`
        assert.equal(
          assertRefused(await post(server, endpoint, { body: '{"alias":"a"}', type }), context),
          21016,
          context,
        )
      }
    }
    assert.equal(await tablesDigest(server.database), before)
    // Parameters of the right type do no harm.
    const [first] = endpoints
    assert.ok(first)
    for (const type of [
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'application/json;charset="utf-8"',
    ])
      assert.equal((await post(server, first, { body: '{"alias":"a"}', type })).status, 200, type)
  })

  test('what is not HTTP, or too much of it, is refused in JSON', async (t) => {
    const server = await startSocketApp(t, engine)
    await insertDevice(server.database, 'abc123')
    const before = await tablesDigest(server.database)
    const auth = `Authorization: ${server.basic.authorization}`
    const head = (line: string, ...headers: string[]) =>
      `${[line, 'Host: x', ...headers].join('\r\n')}\r\n\r\n`
    const line = 'DELETE /v4/devices/abc123 HTTP/1.1'
    const cases: readonly (readonly [what: string, bytes: string | Buffer, status: number])[] = [
      ['words', 'please delete abc123\r\n\r\n', 400],
      ['random bytes', Buffer.from('16030100a5010000a10303ff00\r\n\r\n', 'latin1'), 400],
      // HTTP 0.9, which had no headers and so no credentials.
      ['no version', 'DELETE /v4/devices/abc123\r\n\r\n', 401],
      ['a version that is none', head('DELETE /v4/devices/abc123 HTTP/9.9', auth), 400],
      ['a lower-case method', head('delete /v4/devices/abc123 HTTP/1.1', auth), 400],
      ['no host', `${line}\r\n${auth}\r\nConnection: close\r\n\r\n`, 400],
      ['an expectation that nobody meets', head(line, 'Expect: a-miracle', 'Connection: close'), 401],
      ['a space in the path', head('DELETE /v4/devices/abc123 def456 HTTP/1.1', auth), 400],
      ['a header without colon', head(line, auth, 'Accept'), 400],
      ['a header with a control character', head(line, auth, 'Accept: a\u0001b'), 400],
      ['two lengths', head(line, auth, 'Content-Length: 0', 'Content-Length: 5'), 400],
      ['a length that is no number', head(line, auth, 'Content-Length: ten'), 400],
      ['a length and chunks', head(line, auth, 'Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
      ['a huge header', head(line, auth, `X: ${'x'.repeat(20_000)}`), 431],
      ['a huge path', head(`DELETE /v4/devices/${'a'.repeat(20_000)} HTTP/1.1`, auth), 431],
      ['many headers', head(line, auth, ...Array.from({ length: 2000 }, (_, n) => `X${n}: ${n}`)), 431],
    ]
    for (const [what, bytes, status] of cases) {
      const answer = await exchange(server.port, bytes)
      assertRefused(answer, what)
      assert.equal(answer.status, status, `${what}: ${answer.body}`)
    }
    assert.equal(await tablesDigest(server.database), before)
  })

  test('random JSON is taken or refused, never a fault, and a refusal changes nothing', async (t) => {
    const server = await startSocketApp(t, engine)
    const endpoints = await bodyEndpoints(server)
    const seed = Date.now() & 0x7fffffff
    t.diagnostic(`fast-check seed ${seed}`)
    const property = fc.asyncProperty(fc.constantFrom(...endpoints), bodies, async (endpoint, value) => {
      const before = await tablesDigest(server.database)
      const answer = await post(server, endpoint, { body: JSON.stringify(value) })
      if (answer.status < 300) return
      assertRefused(answer, endpoint.line)
      assert.equal(await tablesDigest(server.database), before)
    })
    await fc.assert(property, { seed, numRuns: RUNS })
  })
})

const RUNS = 400

const words = [
  'tags',
  'add',
  'remove',
  'alias',
  'registration_ids',
  'platform',
  'tokens',
  'token',
  'apns_production',
  'subscription',
  'endpoint',
  'keys',
  'p256dh',
  'auth',
  'language',
  'timezone',
  'notification_permission',
  'name',
  'app_key',
  'settings',
  'limits',
  'origins',
  'allowed_addresses',
  '__proto__',
  'constructor',
  'toString',
  '0',
]

const texts = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'web',
    'android',
    'abc123',
    'granted',
    'de',
    'UTC',
    '\0',
    '\ud800',
    'a\udfffb',
    'x'.repeat(41),
  ),
  fc.string({ unit: 'binary' }),
)

/** Values with the words of the API in wrong places, and now and then in the right ones. */
const { value: bodies } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'body' },
    texts,
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'body' }),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom(...words), texts), tie('value')), {
        minLength: 1,
        maxLength: 4,
        depthIdentifier: 'body',
      })
      .map(objectOf),
  ),
}))

/** Keys as they are given: `__proto__` is a key like any other. */
function objectOf(members: [string, unknown][]): object {
  const made = {}
  for (const [key, value] of members)
    Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true })
  return made
}
