// size: one fault after the other, each read by itself.
/** Requests to the outside against real servers on loopback that misbehave in every way that they do outside. */

import assert from 'node:assert/strict'
import http2, { type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import https from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { createOutbound, type OutboundOptions } from './create-outbound.ts'
import { isAllowed } from './dial.ts'
import { makeCertificate } from './fake-certificate.ts'
import { type Outbound, OutboundError, type OutboundFailure, type OutboundRequest } from './outbound.ts'

const certificate = await makeCertificate(['push.example'])

function outboundFor(t: TestContext, options: Partial<OutboundOptions> = {}): Outbound {
  const outbound = createOutbound({
    allowPrivateNetwork: true,
    ca: certificate.cert,
    connectMsMax: 500,
    ...options,
  })
  t.after(() => outbound.close())
  return outbound
}

async function listen(t: TestContext, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Http2World {
  readonly origin: string
  readonly server: Http2SecureServer
  readonly sessions: ServerHttp2Session[]
}

async function http2Server(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, count: number, session: ServerHttp2Session) => void,
  settings: http2.Settings = {},
): Promise<Http2World> {
  const server = http2.createSecureServer({ ...certificate, settings })
  const sessions: ServerHttp2Session[] = []
  let count = 0
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (given) => {
    const stream = given as ServerHttp2Stream
    stream.on('error', () => {})
    onStream(stream, ++count, stream.session as ServerHttp2Session)
  })
  t.after(() => {
    for (const session of sessions) session.destroy()
  })
  return { origin: await listen(t, server), server, sessions }
}

function ok(stream: ServerHttp2Stream, body = 'hello'): void {
  stream.respond({ ':status': 200, 'x-seen': 'yes' })
  stream.end(body)
}

function request(origin: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  const signal = AbortSignal.timeout(3_000)
  return { origin, method: 'POST', path: '/', headers: {}, body: Buffer.from('body'), signal, ...more }
}

async function failureOf(promise: Promise<unknown>): Promise<OutboundFailure> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof OutboundError, String(error))
    return error.failure
  }
  return assert.fail('the request did not fail')
}

describe('a request over HTTP/2', () => {
  test('is answered, and its body arrives', async (t) => {
    const { origin } = await http2Server(t, async (stream) => {
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk as Buffer)
      ok(stream, Buffer.concat(chunks).toString())
    })
    const answer = await outboundFor(t).request(request(origin))
    assert.deepEqual([answer.status, answer.headers['x-seen'], answer.body.toString()], [200, 'yes', 'body'])
  })

  test('does not begin before the gate has agreed, and is not written when it refuses', async (t) => {
    let seen = 0
    const { origin } = await http2Server(t, (stream) => {
      seen++
      ok(stream)
    })
    const outbound = outboundFor(t)
    assert.equal(
      await failureOf(outbound.request(request(origin, { confirm: async () => false }))),
      'refusedByGate',
    )
    assert.equal(seen, 0)
    const confirm = async () => {
      assert.equal(seen, 0)
      return true
    }
    assert.equal((await outbound.request(request(origin, { confirm }))).status, 200)
  })

  test('never has more streams open than the other side allows, and one until it says', async (t) => {
    let open = 0
    let most = 0
    const { origin, sessions } = await http2Server(
      t,
      (stream) => {
        most = Math.max(most, ++open)
        setTimeout(() => {
          open--
          ok(stream)
        }, 5)
      },
      { maxConcurrentStreams: 4 },
    )
    const outbound = outboundFor(t)
    const answers = await Promise.all(Array.from({ length: 200 }, () => outbound.request(request(origin))))
    assert.ok(answers.every(({ status }) => status === 200))
    assert.ok(most <= 4 * sessions.length, `${most} streams on ${sessions.length} connections`)
    assert.ok(sessions.length <= 8)
  })

  test('above the last stream of a GOAWAY goes to another connection, and one below ends where it is', async (t) => {
    let asked = 0
    const { origin, sessions } = await http2Server(t, (stream, count, session) => {
      if (count === 1) return ok(stream)
      if (session !== sessions[0]) return ok(stream, 'second')
      if (count === 2) {
        // The first of three is processed, the others are not.
        session.goaway(0, stream.id as number)
        setTimeout(() => ok(stream, 'first'), 50)
      }
      return undefined
    })
    const outbound = outboundFor(t)
    await outbound.request(request(origin))
    const confirm = async () => ++asked > 0
    const answers = await Promise.all([1, 2, 3].map(() => outbound.request(request(origin, { confirm }))))
    assert.deepEqual(answers.map(({ body }) => body.toString()).sort(), ['first', 'second', 'second'])
    assert.equal(asked, 5, 'the gate is asked again before a request goes out again')
  })

  test('whose stream is refused is tried again, and not for ever', async (t) => {
    const { origin } = await http2Server(t, (stream, count) => {
      if (count < 3) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)
      else ok(stream)
    })
    const outbound = outboundFor(t)
    assert.equal((await outbound.request(request(origin))).status, 200)
    const never = await http2Server(t, (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM))
    assert.equal(await failureOf(outbound.request(request(never.origin))), 'refusedStream')
  })

  test('that is written and not answered before the connection is lost is lost, and is not repeated', async (t) => {
    let seen = 0
    const { origin } = await http2Server(t, (_stream, _count, session) => {
      seen++
      session.socket?.destroy()
    })
    assert.equal(await failureOf(outboundFor(t).request(request(origin))), 'lost')
    assert.equal(seen, 1)
  })

  test('whose time is over is reset, and holds up nobody', async (t) => {
    let reset: number | undefined
    const { origin } = await http2Server(t, (stream, count) => {
      if (count === 1) stream.on('close', () => (reset = stream.rstCode))
      else ok(stream)
    })
    const outbound = outboundFor(t)
    const slow = failureOf(outbound.request(request(origin, { signal: AbortSignal.timeout(150) })))
    assert.equal((await outbound.request(request(origin))).status, 200)
    assert.equal(await slow, 'deadline')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(reset, http2.constants.NGHTTP2_CANCEL)
  })

  test('whose window is stalled ends at its deadline, beside others that are answered', async (t) => {
    const { origin } = await http2Server(
      t,
      (stream, count) => {
        if (count === 1) stream.pause()
        else ok(stream)
      },
      { initialWindowSize: 16 },
    )
    const outbound = outboundFor(t)
    const body = Buffer.alloc(100_000)
    const stalled = failureOf(outbound.request(request(origin, { body, signal: AbortSignal.timeout(200) })))
    const other = await outbound.request(request(origin, { body: Buffer.from('small') }))
    assert.equal(other.status, 200)
    assert.equal(await stalled, 'deadline')
  })

  test('follows no redirect, and keeps no more than 64 KiB of an answer', async (t) => {
    const { origin } = await http2Server(t, (stream, count) => {
      if (count > 1) return ok(stream, 'x'.repeat(200_000))
      stream.respond({ ':status': 307, location: 'https://127.0.0.1:1/' })
      return stream.end()
    })
    const outbound = outboundFor(t)
    assert.equal((await outbound.request(request(origin))).status, 307)
    assert.equal((await outbound.request(request(origin))).body.length, 65_536)
  })
})

describe('a connection', () => {
  test('that does not come about within its time is given up, and the origin left alone for a moment', async (t) => {
    let connections = 0
    const silent = createServer((socket) => {
      connections++
      socket.on('error', () => {})
    })
    const origin = await listen(t, silent)
    const outbound = outboundFor(t, { connectMsMax: 100 })
    assert.equal(await failureOf(outbound.request(request(origin))), 'unreachable')
    assert.equal(await failureOf(outbound.request(request(origin))), 'unreachable')
    assert.equal(connections, 1)
  })

  test('to a name that does not resolve, or to a certificate that nobody vouches for, is none', async (t) => {
    const outbound = outboundFor(t, { resolve: async () => Promise.reject(new Error('ENOTFOUND')) })
    assert.equal(await failureOf(outbound.request(request('https://nowhere.example'))), 'unreachable')
    const { origin } = await http2Server(t, (stream) => ok(stream))
    const strict = createOutbound({ allowPrivateNetwork: true, connectMsMax: 500 })
    t.after(() => strict.close())
    assert.equal(await failureOf(strict.request(request(origin))), 'unreachable')
  })

  test('to a private address is refused, literally or behind a name', async (t) => {
    let connections = 0
    const server = createServer(() => connections++)
    const port = (await listen(t, server)).split(':').at(-1)
    const outbound = outboundFor(t, {
      allowPrivateNetwork: false,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    })
    for (const host of [
      '127.0.0.1',
      'push.example',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '10.0.0.1',
      '169.254.169.254',
    ]) {
      assert.equal(
        await failureOf(outbound.request(request(`https://${host}:${port}`))),
        'addressRefused',
        host,
      )
    }
    assert.equal(await failureOf(outbound.request(request(`http://127.0.0.1:${port}`))), 'addressRefused')
    assert.equal(connections, 0)
  })

  test('goes to the allowed address of a name that has both', async (t) => {
    const { origin } = await http2Server(t, (stream) => ok(stream))
    const outbound = outboundFor(t, {
      resolve: async () => [
        { address: '169.254.169.254', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
    })
    const named = origin.replace('127.0.0.1', 'push.example')
    assert.equal((await outbound.request(request(named))).status, 200)
  })

  test('falls back to HTTP/1.1, kept for further requests, with the gate before each', async (t) => {
    const sockets = new Set<unknown>()
    const server = https.createServer(certificate, (incoming, response) => {
      sockets.add(incoming.socket)
      incoming.resume().on('end', () => response.writeHead(201, { 'x-seen': 'yes' }).end('h1'))
    })
    const origin = await listen(t, server)
    t.after(() => server.closeAllConnections())
    const outbound = outboundFor(t)
    for (const _ of [1, 2, 3]) {
      const answer = await outbound.request(request(origin, { confirm: async () => true }))
      assert.deepEqual([answer.status, answer.headers['x-seen'], answer.body.toString()], [201, 'yes', 'h1'])
    }
    assert.equal(sockets.size, 1)
    assert.equal(
      await failureOf(outbound.request(request(origin, { confirm: async () => false }))),
      'refusedByGate',
    )
  })
})

test('addresses are judged by the registries of special ones', () => {
  const never = [
    '0.0.0.0',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    '2002:7f00:1::',
    '64:ff9b::7f00:1',
    '192.0.2.1',
  ]
  const privately = [
    '::ffff:7f00:1',
    '127.0.0.1',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.0.1',
    '100.127.0.1',
    '::1',
    'fd00::1',
    '::ffff:10.0.0.1',
  ]
  const outside = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8']
  for (const address of never) assert.ok(!isAllowed(address, true), address)
  for (const address of privately)
    assert.deepEqual([isAllowed(address, true), isAllowed(address, false)], [true, false], address)
  for (const address of outside) assert.ok(isAllowed(address, false), address)
})
