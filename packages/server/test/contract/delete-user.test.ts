// size: one suite, told once and run on both engines.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { OutcomeUnknown, StorageUnavailable } from '../../src/storage/errors.ts'
import { APP_KEY, basicAuth } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { type FaultyDatabase, faultyDatabase } from '../support/faulty-database.ts'
import { insertDevice, type SocketApp, startSocketApp, untilErased } from '../support/socket-app.ts'
import { tablesDigest } from '../support/tables-digest.ts'
import { assertAnswer, parseAnswer } from '../support/wire.ts'

const SUCCESS = '{"success":true}'
const UNKNOWN = '{"error":{"code":20101,"message":"registration id is unknown to this app"}}'
const ONE_ID =
  '{"error":{"code":21003,"message":"one registration id per request: 1 to 64 characters of A-Z a-z 0-9 _ -"}}'
const NO_METHOD = '{"error":{"code":21001,"message":"this path does not answer to this method"}}'
const NO_PATH = '{"error":{"code":21001,"message":"this path does not exist"}}'
const CHALLENGE = { 'www-authenticate': 'Basic realm="Lethe", charset="UTF-8"' }

/** Answers the id of the erasure. */
async function assertDeleted(server: SocketApp, line: string): Promise<string> {
  const answer = await server.call(line)
  const erasureId = answer.headers['lethe-erasure'] ?? ''
  assert.match(erasureId, /^[0-9a-f]{32}$/, line)
  assertAnswer(answer, { status: 200, body: SUCCESS, headers: { 'lethe-erasure': erasureId } }, line)
  return erasureId
}

async function assertLive(server: SocketApp, id: string, isLive = true): Promise<void> {
  const { body } = await server.call(`GET /v4/devices/${id}`)
  assert.equal(body, isLive ? '{"tags":[],"alias":""}' : UNKNOWN)
}

forEachEngine('DELETE /v4/devices/{registration_id}', (_open, engine) => {
  test('answers the example of the document byte for byte', async (t) => {
    const server = await startSocketApp(t, engine)
    await insertDevice(server.database, 'abc123')
    const request =
      'DELETE /v4/devices/abc123 HTTP/1.1\r\nHost: localhost\r\n' +
      'Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l\r\nAccept: application/json\r\n\r\n'
    const text = await firstAnswer(server.port, request)
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(text, /^content-type: application\/json; charset=utf-8\r$/im)
    assert.ok(text.endsWith('\r\n\r\n{"success":true}'), text)
    const { headers } = parseAnswer(text)
    assertAnswer(parseAnswer(text), {
      status: 200,
      body: SUCCESS,
      headers: {
        'lethe-erasure': String(headers['lethe-erasure']),
        connection: 'keep-alive',
        'keep-alive': 'timeout=72',
      },
    })
    await assertLive(server, 'abc123', false)
  })

  test('repeating it gives the same answer and the same erasure, at once and after the erasure', async (t) => {
    const server = await startSocketApp(t, engine)
    await insertDevice(server.database, 'abc123')
    const line = 'DELETE /v4/devices/abc123'
    const all = await Promise.all([1, 2, 3].map(() => assertDeleted(server, line)))
    assert.equal(new Set(all).size, 1)
    await untilErased(server, 'abc123')
    assert.equal(await assertDeleted(server, line), all[0])
  })

  test('finds the id behind doubled and trailing slashes, percent-encoding, a query and a body', async (t) => {
    const server = await startSocketApp(t, engine)
    const lines = [
      'DELETE //v4/devices/abc123',
      'DELETE /v4//devices//abc123',
      'DELETE /v4/devices/abc123/',
      'DELETE /v4/devices/%61bc123',
      'DELETE /v4/devices/abc123?registration_id=bystander',
      `DELETE /v4/devices/${'a'.repeat(64)}`,
      'DELETE /v4/devices/_-Az09',
    ]
    for (const [index, line] of lines.entries()) {
      // An erased id is never issued again: each line has its own.
      const id = `id${index}`
      const isLong = /a{64}|_-Az09/.exec(line)?.[0]
      await insertDevice(server.database, isLong ?? id)
      await assertDeleted(server, line.replace('abc123', id).replace('%61bc123', `%69d${index}`))
      await assertLive(server, isLong ?? id, false)
    }
    await insertDevice(server.database, 'bystander')
    await insertDevice(server.database, 'withBody')
    const answer = await server.call('DELETE /v4/devices/withBody', { registration_ids: ['bystander'] })
    assert.deepEqual([answer.status, answer.body], [200, SUCCESS])
    await assertLive(server, 'bystander')
  })

  test("does not tell another app's id from one that never was", async (t) => {
    const server = await startSocketApp(t, engine)
    await server.operate('POST /admin/v1/apps', { name: 'Other', app_key: 'cassim', master_secret: 'gold' })
    await insertDevice(server.database, 'theirs', { appKey: 'cassim' })
    await insertDevice(server.database, 'ours')
    const before = await tablesDigest(server.database)
    for (const id of ['theirs', 'nobody', 'status', 'token', 'ABC123', 'a'])
      assertAnswer(await server.call(`DELETE /v4/devices/${id}`), { status: 400, body: UNKNOWN }, id)
    assert.equal(await tablesDigest(server.database), before)
    const authorization = basicAuth('cassim', 'gold')
    const gone = await server.call('DELETE /v4/devices/theirs', undefined, { headers: { authorization } })
    assert.equal(gone.status, 200)
    // Erased there, and still nobody here.
    assertAnswer(await server.call('DELETE /v4/devices/theirs'), { status: 400, body: UNKNOWN })
    await assertLive(server, 'ours')
  })

  test('refuses what is not one id, and deletes nobody', async (t) => {
    const server = await startSocketApp(t, engine)
    for (const id of ['abc123', 'def456', '123', 'a'.repeat(64)]) await insertDevice(server.database, id)
    const before = await tablesDigest(server.database)
    for (const path of MALFORMED)
      assertAnswer(await server.call(`DELETE ${path}`), { status: 400, body: ONE_ID }, path)
    for (const length of [65, 66, 100, 255, 256, 1000, 5000]) {
      const answer = await server.call(`DELETE /v4/devices/${'a'.repeat(length)}`)
      assertAnswer(answer, { status: 400, body: ONE_ID }, `${length} characters`)
    }
    for (const [path, message] of NOT_TEXT) {
      const body = JSON.stringify({ error: { code: 21003, message } })
      assertAnswer(await server.call(`DELETE ${path}`), { status: 400, body }, path)
    }
    const list = await server.call('DELETE /v4/devices', { registration_ids: ['abc123', 'def456'] })
    assertAnswer(list, { status: 400, body: ONE_ID })
    assert.equal(await tablesDigest(server.database), before)
  })

  test('refuses paths and methods that it has not', async (t) => {
    const server = await startSocketApp(t, engine)
    await insertDevice(server.database, 'abc123')
    const before = await tablesDigest(server.database)
    const absent = ['/v4/device/abc123', '/v4/devices/abc123/def456', '/V4/devices/abc123', '/devices/abc123']
    for (const path of absent)
      assertAnswer(await server.call(`DELETE ${path}`), { status: 404, body: NO_PATH }, path)
    const allowed: [string, string][] = [
      ['PUT /v4/devices/abc123', 'DELETE, GET, HEAD, POST'],
      ['PATCH /v4/devices/abc123', 'DELETE, GET, HEAD, POST'],
      ['OPTIONS /v4/devices/abc123', 'DELETE, GET, HEAD, POST'],
      ['PURGE /v4/devices/abc123', 'DELETE, GET, HEAD, POST'],
      ['GET /v4/devices', 'DELETE'],
      ['POST /v4/devices/', 'DELETE'],
      ['DELETE /v4/devices/abc123/erasure', 'GET, HEAD'],
      ['DELETE /v4/devices/token/registration_id', 'POST'],
    ]
    for (const [line, allow] of allowed)
      assertAnswer(await server.call(line), { status: 405, body: NO_METHOD, headers: { allow } }, line)
    assert.equal(await tablesDigest(server.database), before)
  })

  test('asks for credentials before anything else, and tells missing ones from wrong ones', async (t) => {
    const server = await startSocketApp(t, engine)
    await insertDevice(server.database, 'abc123')
    const before = await tablesDigest(server.database)
    const missing = '{"error":{"code":27001,"message":"verification information is missing"}}'
    const wrong = '{"error":{"code":21004,"message":"verification failed: the credentials are wrong"}}'
    const cases: [string | undefined, string][] = [
      [undefined, missing],
      ['', missing],
      ['Basic', missing],
      ['Basic ====', missing],
      ['Bearer YWxhZGRpbjpvcGVuc2VzYW1l', missing],
      [`Basic ${Buffer.from('aladdin').toString('base64')}`, missing],
      [basicAuth(APP_KEY, 'opensesam'), wrong],
      [basicAuth(APP_KEY, 'opensesame '), wrong],
      [basicAuth(APP_KEY, ''), wrong],
      [basicAuth('Aladdin', 'opensesame'), wrong],
      [basicAuth('', 'opensesame'), wrong],
    ]
    for (const [authorization, body] of cases) {
      const headers = authorization === undefined ? {} : { authorization }
      for (const path of ['/v4/devices/abc123', '/v4/devices/never', '/v4/devices/a,b', '/v4/devices']) {
        const answer = await server.callAsNobody(`DELETE ${path}`, undefined, { headers })
        assertAnswer(answer, { status: 401, body, headers: CHALLENGE }, `${authorization} ${path}`)
      }
    }
    assert.equal(await tablesDigest(server.database), before)
  })

  test('answers addresses on the allow-list only', async (t) => {
    const server = await startSocketApp(t, engine)
    await insertDevice(server.database, 'abc123')
    const settings = (allowed_addresses: string[]) =>
      server.operate(`PATCH /admin/v1/apps/${APP_KEY}`, { settings: { allowed_addresses } })
    await settings(['192.0.2.0/24'])
    const before = await tablesDigest(server.database)
    const message = 'this address is not on the list of allowed addresses of the app'
    const body = JSON.stringify({ error: { code: 23009, message } })
    assertAnswer(await server.call('DELETE /v4/devices/abc123'), { status: 403, body })
    assert.equal(await tablesDigest(server.database), before)
    await settings(['192.0.2.0/24', '127.0.0.0/8'])
    await assertDeleted(server, 'DELETE /v4/devices/abc123')
  })

  test('says when to come back after too many requests', async (t) => {
    const server = await startSocketApp(t, engine, { settings: { rateLimit: 1 } })
    await insertDevice(server.database, 'abc123')
    const before = await tablesDigest(server.database)
    const body = '{"error":{"code":23008,"message":"too many requests"}}'
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => server.call('DELETE /v4/devices/never')),
    )
    const over = answers.filter(({ status }) => status === 429)
    assert.ok(over.length > 0)
    for (const answer of over) assertAnswer(answer, { status: 429, body, headers: { 'retry-after': '1' } })
    assert.equal(await tablesDigest(server.database), before)
  })
})

forEachEngine('DELETE while storage fails', (_open, engine) => {
  const unavailable = '{"error":{"code":21030,"message":"storage is not available: nothing was changed"}}'
  const maybe = '{"error":{"code":21030,"message":"may have been accepted; repeat the call"}}'
  const unforeseen = '{"error":{"code":27002,"message":"unknown error"}}'
  const line = 'DELETE /v4/devices/abc123'
  const accept = 'erasure.accept'
  const lost = new OutcomeUnknown('the answer of the commit was lost')

  async function start(t: Parameters<typeof startSocketApp>[0]) {
    let faults: FaultyDatabase | undefined
    const server = await startSocketApp(t, engine, {
      wrap: (database) => {
        faults = faultyDatabase(database)
        return faults.database
      },
    })
    await insertDevice(server.database, 'abc123')
    return { server, faults: faults as FaultyDatabase }
  }

  test('storage that is not available is 503 and nothing is deleted', async (t) => {
    const { server, faults } = await start(t)
    const before = await tablesDigest(server.database)
    // Before anything is in memory, it is a read that fails: that of the app.
    faults.failReads(new StorageUnavailable('no database'))
    assertAnswer(await server.call(line), { status: 503, body: unavailable })
    faults.failReads(undefined)
    faults.failWrites(accept, [{ error: new StorageUnavailable('no database') }])
    assertAnswer(await server.call(line), { status: 503, body: unavailable })
    assert.equal(await tablesDigest(server.database), before)
    await assertDeleted(server, line)
  })

  test('an outcome that is unknown is looked up again, whether the commit stood or not', async (t) => {
    for (const isDone of [true, false]) {
      const { server, faults } = await start(t)
      faults.failWrites(accept, [{ error: lost, isDone }])
      const erasureId = await assertDeleted(server, line)
      assert.equal(faults.writeCount(accept), 2)
      assert.equal(await assertDeleted(server, line), erasureId)
      await assertLive(server, 'abc123', false)
    }
  })

  test('an outcome that stays unknown says so, and repeating the call tells', async (t) => {
    for (const second of [lost, new StorageUnavailable('no database'), new Error('a fault')]) {
      for (const isDone of [true, false]) {
        const { server, faults } = await start(t)
        faults.failWrites(accept, [{ error: lost, isDone }, { error: second }])
        assertAnswer(await server.call(line), { status: 503, body: maybe })
        assert.equal(faults.writeCount(accept), 2)
        await assertLive(server, 'abc123', !isDone)
        await assertDeleted(server, line)
      }
    }
  })

  test('a fault of the program is exactly the documented error', async (t) => {
    const { server, faults } = await start(t)
    const before = await tablesDigest(server.database)
    faults.failWrites(accept, [{ error: new TypeError('abc123 is in the message') }])
    assertAnswer(await server.call(line), { status: 500, body: unforeseen })
    assert.equal(await tablesDigest(server.database), before)
    await assertDeleted(server, line)
  })
})

/** Each holds the id of somebody live, or could be taken for all of them. */
const MALFORMED = [
  '/v4/devices',
  '/v4/devices/',
  '//v4//devices//',
  '/v4/devices?registration_id=abc123',
  '/v4/devices/?registration_ids=abc123,def456',
  '/v4/devices/abc123,def456',
  '/v4/devices/abc123,',
  '/v4/devices/,abc123',
  '/v4/devices/abc123%2Cdef456',
  '/v4/devices/abc123%2c%20def456',
  '/v4/devices/abc123;def456',
  '/v4/devices/abc123%3Bdef456',
  '/v4/devices/abc123%0Adef456',
  '/v4/devices/abc123%0D%0Adef456',
  '/v4/devices/abc123%09',
  '/v4/devices/abc123%20def456',
  '/v4/devices/%20abc123',
  '/v4/devices/abc123%20',
  '/v4/devices/abc123+def456',
  '/v4/devices/abc123|def456',
  '/v4/devices/abc123&def456',
  '/v4/devices/abc123%2Fdef456',
  '/v4/devices/abc123%2f',
  '/v4/devices/..%2Fabc123',
  '/v4/devices/.',
  '/v4/devices/..',
  '/v4/devices/*',
  '/v4/devices/%2A',
  '/v4/devices/%252A',
  '/v4/devices/abc*',
  '/v4/devices/%25',
  '/v4/devices/_%25',
  '/v4/devices/%3F',
  '/v4/devices/[%22abc123%22,%22def456%22]',
  '/v4/devices/%5B%22abc123%22%5D',
  '/v4/devices/%7B%22registration_ids%22%3A%5B%5D%7D',
  "/v4/devices/abc123'%20or%20'1'='1",
  '/v4/devices/abc123%27--',
  '/v4/devices/$abc123',
  '/v4/devices/:registration_id',
  '/v4/devices/{registration_id}',
  '/v4/devices/abc.123',
  '/v4/devices/abc@123',
  '/v4/devices/abc~123',
  '/v4/devices/%E7%94%A8%E6%88%B7',
  '/v4/devices/%EF%BC%91%EF%BC%92%EF%BC%93',
  '/v4/devices/%F0%9F%91%A4',
  '/v4/devices/abc123%E2%80%8B',
  '/v4/devices/%EF%BB%BFabc123',
]

/** Where percent-decoding gives no text, or U+0000. */
const NOT_TEXT: readonly (readonly [string, string])[] = [
  ['/v4/devices/%FF', 'the path is not percent-encoded UTF-8'],
  ['/v4/devices/abc123%ED%A0%80', 'the path is not percent-encoded UTF-8'],
  ['/v4/devices/%', 'the path is not percent-encoded UTF-8'],
  ['/v4/devices/%zz', 'the path is not percent-encoded UTF-8'],
  ['/v4/devices/abc123%00', 'registration_id: a text may not hold U+0000'],
  ['/v4/devices/%00', 'registration_id: a text may not hold U+0000'],
]

/** Reads the answer of a connection that stays open: as many bytes as it says it has. */
function firstAnswer(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setTimeout(10_000, () => socket.destroy(new Error('the server did not answer')))
    socket.once('error', reject)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = Number(/^content-length: (\d+)\r$/im.exec(text)?.[1])
      if (end < 0 || text.length < end + 4 + length) return
      socket.destroy()
      resolve(text)
    })
  })
}
