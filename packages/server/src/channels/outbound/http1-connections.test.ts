/** Requests to servers that speak HTTP/1.1 alone. */

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import { startHttp1 } from '../../../test/support/https-servers.ts'
import { failureOf, outboundFor, request } from '../../../test/support/outbound.ts'
import { until } from '../../../test/support/until.ts'

test('HTTP/1.1 is spoken where nothing else is, on connections that are kept, with the gate before each request', async (t) => {
  const sockets = new Set<unknown>()
  const bodies: string[] = []
  const { origin } = await startHttp1(t, (incoming, response) => {
    sockets.add(incoming.socket)
    incoming.on('data', (chunk: Buffer) => bodies.push(chunk.toString()))
    incoming.on('end', () => response.writeHead(201, { 'x-seen': 'yes' }).end('h1'))
  })
  const outbound = outboundFor(t)
  for (const _ of [1, 2, 3]) {
    const answer = await outbound.request(request(origin, { confirm: async () => true }))
    assert.deepEqual([answer.status, answer.headers['x-seen'], answer.body.toString()], [201, 'yes', 'h1'])
  }
  const lapsed = outbound.request(request(origin, { holds: () => false }))
  assert.equal(await failureOf(lapsed), 'refusedByGate')
  const refused = outbound.request(request(origin, { confirm: async () => false }))
  assert.equal(await failureOf(refused), 'refusedByGate')
  assert.deepEqual(bodies, ['body', 'body', 'body'])
  // The first connection agreed on HTTP/1.1 only.
  assert.equal(sockets.size, 1)
})

const faultsOfHttp1: [string, (response: ServerResponse<IncomingMessage>) => unknown, string][] = [
  ['that are not answered end at the deadline', () => undefined, 'deadline'],
  ['whose answer does not end do so too', (response) => response.writeHead(400).write('half'), 'deadline'],
  ['are lost with their connection', (response) => response.socket?.destroy(), 'lost'],
  [
    'are lost with half an answer',
    (response) => response.writeHead(400).write('half', () => response.socket?.destroy()),
    'lost',
  ],
]
for (const [title, answer, failure] of faultsOfHttp1)
  test(`requests over HTTP/1.1 ${title}`, async (t) => {
    const { origin } = await startHttp1(t, (_incoming, response) => void answer(response))
    const sent = outboundFor(t).request(request(origin, { signal: AbortSignal.timeout(300) }))
    assert.equal(await failureOf(sent), failure)
  })

test('over HTTP/1.1 too a broken answer counts if the request was taken, and 64 KiB are read', async (t) => {
  let requests = 0
  const { origin } = await startHttp1(t, (_incoming, response) => {
    response.writeHead(++requests === 1 ? 201 : 400)
    if (requests === 1) return response.write('half', () => response.socket?.destroy())
    const write = (error?: Error | null) => error || response.write('x'.repeat(10_000), write)
    return write()
  })
  const outbound = outboundFor(t)
  assert.equal((await outbound.request(request(origin))).status, 201)
  assert.equal((await outbound.request(request(origin))).body.length, 65_536)
})

test('requests that wait for a connection of HTTP/1.1 end at the deadline, and none is written late', async (t) => {
  let requests = 0
  const { origin } = await startHttp1(t, () => requests++)
  const outbound = outboundFor(t)
  const signal = AbortSignal.timeout(500)
  const sent = Array.from({ length: 60 }, () => failureOf(outbound.request(request(origin, { signal }))))
  assert.deepEqual(await Promise.all(sent), Array(60).fill('deadline'))
  assert.equal(requests, 50)
})

test('an HTTP/1.1 server that went away costs one dial, not one for each request', async (t) => {
  let asked = 0
  const { origin, server } = await startHttp1(t, (_incoming, response) => response.end())
  const resolve = async () => {
    asked++
    return [{ address: '127.0.0.1', family: 4 }]
  }
  const outbound = outboundFor(t, { resolve })
  const named = origin.replace('127.0.0.1', 'push.example')
  await outbound.request(request(named))
  server.closeAllConnections()
  server.close()
  const before = asked
  await until(
    'the kept connection is gone',
    async () => (await failureOf(outbound.request(request(named)))) === 'unreachable',
  )
  for (const _ of [1, 2, 3]) assert.equal(await failureOf(outbound.request(request(named))), 'unreachable')
  assert.equal(asked, before + 1)
})
