import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { Type } from 'typebox'
import { silentLog } from '../kernel/log.ts'
import { operation } from '../kernel/operation.ts'
import { systemRandom } from '../kernel/random.ts'
import { answer } from '../kernel/reply.ts'
import { createHttpServer } from './server.ts'

/** A tenth of what a server that closes gives to those who are not done. */
const atOnceMs = 1_000
/** More than what the buffers of a connection take while nobody reads. */
const fileBytes = 32 * 1024 * 1024

test('a connection that its caller would keep ends with the answer that is under way', async (t) => {
  const { http, open, slow } = await startServer(t)
  const socket = await open()
  socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await slow.isCalled.promise
  const start = performance.now()
  const closed = http.close()
  slow.finish.resolve()
  assert.match(await text(socket), /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*\{"a":1\}$/is)
  await closed
  assert.ok(performance.now() - start < atOnceMs)
})

test('an answer that has begun arrives as a whole, and ends its connection', async (t) => {
  const { http, open } = await startServer(t)
  const socket = await open()
  socket.write('GET /files/long HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'readable')
  const start = performance.now()
  const closed = http.close()
  const [, body] = (await text(socket)).split('\r\n\r\n')
  assert.equal(body?.length, fileBytes)
  await closed
  assert.ok(performance.now() - start < atOnceMs)
})

test('a request of which a part has come is answered', async (t) => {
  const { http, open, slow } = await startServer(t)
  const socket = await open()
  socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n')
  await everythingHasCome(open)
  slow.finish.resolve()
  const closed = http.close()
  socket.write('\r\n')
  assert.match(await text(socket), /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n/is)
  await closed
})

test('connections without a request are not waited for', async (t) => {
  const { http, open } = await startServer(t)
  const sockets = [await open(), await open()]
  await everythingHasCome(open)
  const start = performance.now()
  const [said] = await Promise.all([Promise.all(sockets.map((socket) => text(socket))), http.close()])
  assert.deepEqual(said, ['', ''])
  assert.ok(performance.now() - start < atOnceMs)
})

type Open = () => Promise<Socket>

/** Once somebody who came later has been answered. */
async function everythingHasCome(open: Open): Promise<void> {
  const later = await open()
  later.write('GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.match(await text(later), /^HTTP\/1\.1 404 /)
}

async function startServer(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-last-answers-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, 'long'), Buffer.alloc(fileBytes, 'a'))
  const slow = { isCalled: Promise.withResolvers<void>(), finish: Promise.withResolvers<void>() }
  const handled = operation({
    id: 'slow',
    summary: 's',
    schema: { answers: { 200: Type.Object({ a: Type.Integer() }) } },
    handle: async () => {
      slow.isCalled.resolve()
      await slow.finish.promise
      return answer({ a: 1 })
    },
  })
  const http = await createHttpServer({
    routes: [{ access: 'open', method: 'GET', path: '/slow', operation: handled }],
    admissions: {
      by: { open: () => ({ kind: 'admitted', caller: undefined }) } as never,
      preflight: async () => answer({}),
    },
    nameFailure: () => undefined,
    metrics: { observerOf: () => () => {} },
    log: silentLog,
    random: systemRandom,
    trustedProxies: [],
    version: '0',
    staticFolders: [{ path: '/files', folder, missing: '', headersOf: () => ({}) }],
  })
  t.after(() => http.close())
  const port = Number(new URL(await http.listen({ host: '127.0.0.1', port: 0 })).port)
  const open: Open = async () => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }
  return { http, open, slow }
}
