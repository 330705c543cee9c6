/** How connections to an origin come about and end: time-outs, backoff, pings, idleness. */

import assert from 'node:assert/strict'
import type { ServerHttp2Stream } from 'node:http2'
import { createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { listen, startHttp2, startNetwork } from '../../../test/support/https-servers.ts'
import { failureOf, outboundFor, request } from '../../../test/support/outbound.ts'
import { until } from '../../../test/support/until.ts'

const ok = (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true })

/** Takes connections and says nothing. */
function silentServer(t: TestContext): { server: Server; counts: { connections: number } } {
  const counts = { connections: 0 }
  const server = createServer((socket) => {
    counts.connections++
    socket.on('error', () => {})
    t.after(() => socket.destroy())
  })
  return { server, counts }
}

test('a connection that does not come about in time is given up, and its origin left alone for a moment', async (t) => {
  const { server, counts } = silentServer(t)
  const origin = await listen(t, server)
  const outbound = outboundFor(t, { times: { connectMsMax: 100 } })
  const requests = Array.from({ length: 5 }, () => failureOf(outbound.request(request(origin))))
  assert.deepEqual(await Promise.all(requests), Array(5).fill('unreachable'))
  assert.equal(await failureOf(outbound.request(request(origin))), 'unreachable')
  assert.equal(counts.connections, 1)
})

test('an origin that could not be reached is dialled again after a moment', async (t) => {
  let asked = 0
  const { origin } = await startHttp2(t, ok)
  const resolve = async () => {
    if (++asked === 1) throw new Error('ENOTFOUND')
    return [{ address: '127.0.0.1', family: 4 }]
  }
  const outbound = outboundFor(t, { resolve })
  const named = origin.replace('127.0.0.1', 'push.example')
  const tryOnce = () =>
    outbound.request(request(named)).then(
      ({ status }) => status,
      () => undefined,
    )
  assert.equal(await tryOnce(), undefined)
  assert.equal(await until('it is reached', tryOnce, 5_000), 200)
  assert.equal(asked, 2)
})

test('who waits for a connection ends at the deadline, or when everything is closed', async (t) => {
  const { server } = silentServer(t)
  const origin = await listen(t, server)
  const outbound = outboundFor(t)
  const late = failureOf(outbound.request(request(origin, { signal: AbortSignal.timeout(50) })))
  const early = failureOf(outbound.request(request(origin)))
  assert.equal(await late, 'deadline')
  await outbound.close()
  assert.equal(await early, 'closed')
})

test('a connection that answers no ping is ended, and what was under way on it is lost', async (t) => {
  const server = await startHttp2(t, (stream, count) => {
    if (count === 1) ok(stream)
  })
  const network = await startNetwork(t, server.origin)
  const outbound = outboundFor(t, { times: { tendMs: 20, suspectMs: 50, pingMs: 100 } })
  await outbound.request(request(network.origin))
  network.freeze()
  assert.equal(await failureOf(outbound.request(request(network.origin))), 'lost')
})

test('a connection that answers pings lives on, however long an answer takes', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream) => setTimeout(ok, 400, stream))
  const outbound = outboundFor(t, { times: { tendMs: 20, suspectMs: 50, pingMs: 100 } })
  assert.equal((await outbound.request(request(origin))).status, 200)
  assert.equal(sessions.length, 1)
})

test('a connection that nobody uses is closed, and the next request opens another', async (t) => {
  const { origin, sessions } = await startHttp2(t, ok)
  const outbound = outboundFor(t, { times: { tendMs: 20, idleMs: 60 } })
  await outbound.request(request(origin))
  await until('it is closed', () => sessions[0]?.destroyed)
  assert.equal((await outbound.request(request(origin))).status, 200)
  assert.equal(sessions.length, 2)
})

test('a connection on which nothing is answered gets no more requests, and others are sent elsewhere', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream, _count, session) => {
    if (session !== sessions[0]) ok(stream)
  })
  const outbound = outboundFor(t, { times: { tendMs: 20, stuckMs: 100 } })
  const stuck = failureOf(outbound.request(request(origin, { signal: AbortSignal.timeout(500) })))
  const statusSoon = async () => {
    const signal = AbortSignal.timeout(100)
    return outbound.request(request(origin, { signal })).then(
      ({ status }) => status,
      () => undefined,
    )
  }
  assert.equal(await until('another connection answers', statusSoon, 3_000), 200)
  assert.equal(await stuck, 'deadline')
  assert.equal(sessions.length, 2)
})
