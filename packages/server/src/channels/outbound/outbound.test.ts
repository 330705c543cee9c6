/** Requests to the outside over HTTP/2, to servers on loopback that misbehave in every way that servers outside do. */

import assert from 'node:assert/strict'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHttp2 } from '../../../test/support/https-servers.ts'
import { failureOf, outboundFor, request } from '../../../test/support/outbound.ts'
import { until } from '../../../test/support/until.ts'
import type { OutboundError } from './outbound.ts'

function ok(stream: ServerHttp2Stream, body = 'hello'): void {
  stream.respond({ ':status': 200, 'x-seen': 'yes' })
  stream.end(body)
}

test('a request is answered, and its body arrives', async (t) => {
  const { origin } = await startHttp2(t, (stream) => {
    void buffer(stream).then((body) => ok(stream, body.toString()))
  })
  const answer = await outboundFor(t).request(request(origin))
  assert.deepEqual([answer.status, answer.headers['x-seen'], answer.body.toString()], [200, 'yes', 'body'])
})

test('nothing is written before the gate has agreed, and nothing when it refuses', async (t) => {
  let seen = 0
  const { origin } = await startHttp2(t, (stream) => {
    seen++
    ok(stream)
  })
  const outbound = outboundFor(t)
  const refused = outbound.request(request(origin, { confirm: async () => false }))
  assert.equal(await failureOf(refused), 'refusedByGate')
  const confirm = async () => {
    await sleep(20)
    assert.equal(seen, 0)
    return true
  }
  assert.equal((await outbound.request(request(origin, { confirm }))).status, 200)
  assert.equal(seen, 1)
})

test('a connection that dies while the gate is asked has it asked again, on the next one', async (t) => {
  let asked = 0
  const { origin, sessions } = await startHttp2(t, (stream) => ok(stream))
  const outbound = outboundFor(t)
  await outbound.request(request(origin))
  const confirm = async () => {
    if (++asked === 1) {
      sessions[0]?.destroy()
      await sleep(50)
    }
    return true
  }
  assert.equal((await outbound.request(request(origin, { confirm }))).status, 200)
  assert.deepEqual([asked, sessions.length], [2, 2])
})

test('there are never more streams open than the other side allows, and one until it says', async (t) => {
  let open = 0
  let most = 0
  const answer = (stream: ServerHttp2Stream) => {
    open--
    ok(stream)
  }
  const onStream = (stream: ServerHttp2Stream) => {
    most = Math.max(most, ++open)
    setTimeout(answer, 5, stream)
  }
  const { origin, sessions } = await startHttp2(t, onStream, { maxConcurrentStreams: 4 })
  const outbound = outboundFor(t)
  const answers = await Promise.all(Array.from({ length: 200 }, () => outbound.request(request(origin))))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.ok(most <= 4 * sessions.length, `${most} streams on ${sessions.length} connections`)
  assert.ok(sessions.length > 1 && sessions.length <= 8)
})

test('what is above the last stream of a GOAWAY goes elsewhere, and what is below ends where it is', async (t) => {
  let asked = 0
  const { origin, sessions } = await startHttp2(t, (stream, count, session) => {
    if (count === 1) return ok(stream)
    if (session !== sessions[0]) return ok(stream, 'second')
    if (count > 2) return undefined
    // The first of three is processed, the others are not.
    session.goaway(0, stream.id as number)
    return setTimeout(ok, 50, stream, 'first')
  })
  const outbound = outboundFor(t)
  await outbound.request(request(origin))
  const confirm = async () => ++asked > 0
  const answers = await Promise.all([1, 2, 3].map(() => outbound.request(request(origin, { confirm }))))
  assert.deepEqual(answers.map(({ body }) => body.toString()).sort(), ['first', 'second', 'second'])
  assert.equal(asked, 5, 'the gate is asked again before a request goes out again')
})

test('a GOAWAY with an error loses what was seen, and what was not goes elsewhere', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream, count, session) => {
    if (count === 1 || session !== sessions[0]) ok(stream, 'second')
    else if (count === 2) session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, stream.id as number)
  })
  const outbound = outboundFor(t)
  await outbound.request(request(origin))
  const results = await Promise.allSettled([1, 2, 3].map(() => outbound.request(request(origin))))
  const words = results.map((result) =>
    result.status === 'fulfilled' ? result.value.body.toString() : (result.reason as OutboundError).failure,
  )
  assert.deepEqual(words, ['lost', 'second', 'second'])
})

for (const code of ['NGHTTP2_REFUSED_STREAM', 'NGHTTP2_ENHANCE_YOUR_CALM'] as const)
  test(`a stream that is refused (${code}) is tried again, and not for ever`, async (t) => {
    let asked = 0
    const { origin } = await startHttp2(t, (stream, count) => {
      if (count < 3) stream.close(constants[code])
      else ok(stream)
    })
    const outbound = outboundFor(t)
    const confirm = async () => ++asked > 0
    assert.equal((await outbound.request(request(origin, { confirm }))).status, 200)
    assert.equal(asked, 3)
    const never = await startHttp2(t, (stream) => stream.close(constants[code]))
    assert.equal(await failureOf(outbound.request(request(never.origin))), 'refusedStream')
  })

test('what is written and not answered when the connection is lost is lost, and not repeated', async (t) => {
  let seen = 0
  const { origin } = await startHttp2(t, (_stream, _count, session) => {
    seen++
    session.socket.destroy()
  })
  assert.equal(await failureOf(outboundFor(t).request(request(origin))), 'lost')
  assert.equal(seen, 1)
})

test('an answer that breaks off counts if it says that the request was taken, and is lost otherwise', async (t) => {
  const { origin } = await startHttp2(t, (stream, count, session) => {
    stream.respond({ ':status': count === 1 ? 201 : 400 })
    stream.write('half')
    setTimeout(() => session.socket.destroy(), 30)
  })
  const outbound = outboundFor(t)
  assert.equal((await outbound.request(request(origin))).status, 201)
  assert.equal(await failureOf(outbound.request(request(origin))), 'lost')
})

test('a request whose time is over is reset, and holds up nobody', async (t) => {
  let reset: number | undefined
  const { origin } = await startHttp2(t, (stream, count) => {
    if (count === 1) stream.on('close', () => (reset = stream.rstCode))
    else ok(stream)
  })
  const outbound = outboundFor(t)
  const slow = failureOf(outbound.request(request(origin, { signal: AbortSignal.timeout(150) })))
  assert.equal((await outbound.request(request(origin))).status, 200)
  assert.equal(await slow, 'deadline')
  await until('the stream is reset', () => reset !== undefined)
  assert.equal(reset, constants.NGHTTP2_CANCEL)
})

test('a request whose time is over before the gate agrees is not written', async (t) => {
  let seen = 0
  const { origin } = await startHttp2(t, (stream) => {
    seen++
    ok(stream)
  })
  const outbound = outboundFor(t)
  const late = new AbortController()
  const confirm = async () => {
    late.abort()
    return true
  }
  assert.equal(
    await failureOf(outbound.request(request(origin, { confirm, signal: late.signal }))),
    'deadline',
  )
  assert.equal(await failureOf(outbound.request(request(origin, { signal: late.signal }))), 'deadline')
  await outbound.request(request(origin))
  assert.equal(seen, 1)
})

test('a stalled window ends at the deadline, beside others that are answered', async (t) => {
  const onStream = (stream: ServerHttp2Stream, count: number) => {
    if (count === 1) stream.pause()
    else ok(stream)
  }
  const { origin } = await startHttp2(t, onStream, { initialWindowSize: 16 })
  const outbound = outboundFor(t)
  const long = request(origin, { body: Buffer.alloc(100_000), signal: AbortSignal.timeout(200) })
  const stalled = failureOf(outbound.request(long))
  const other = await outbound.request(request(origin, { body: Buffer.from('small') }))
  assert.equal(other.status, 200)
  assert.equal(await stalled, 'deadline')
})

test('what was written, and has not left when the gate holds no more, does not leave', async (t) => {
  let seen = 0
  const { origin } = await startHttp2(t, (stream) => {
    seen++
    ok(stream)
  })
  const outbound = outboundFor(t)
  await outbound.request(request(origin))
  const gate = { isHolding: true }
  const confirm = async () => {
    // As if the process stood still in the turn in which the request is written: bytes leave behind that turn.
    process.nextTick(() => (gate.isHolding = false))
    return gate.isHolding
  }
  const asked = { confirm, holds: () => gate.isHolding }
  const ends = [1, 2, 3].map(() => failureOf(outbound.request(request(origin, asked))))
  assert.deepEqual(await Promise.all(ends), ['refusedByGate', 'refusedByGate', 'refusedByGate'])
  assert.equal((await outbound.request(request(origin))).status, 200)
  assert.equal(seen, 2)
})

test('the rest of a request that waits for its window does not leave when the gate holds no more', async (t) => {
  const streams: ServerHttp2Stream[] = []
  const { origin } = await startHttp2(t, (stream) => streams.push(stream), { initialWindowSize: 16 })
  const outbound = outboundFor(t)
  const gate = { isHolding: true }
  const body = Buffer.alloc(100_000)
  const end = failureOf(outbound.request(request(origin, { body, holds: () => gate.isHolding })))
  await until('its head is there', () => streams.length === 1)
  gate.isHolding = false
  assert.ok((await buffer(streams[0] as ServerHttp2Stream).catch(() => Buffer.alloc(0))).length < body.length)
  assert.equal(await end, 'lost')
})

test('a request that did not leave in time goes elsewhere, if the gate agrees again', async (t) => {
  let seen = 0
  const { origin, sessions } = await startHttp2(t, (stream) => {
    seen++
    ok(stream)
  })
  const outbound = outboundFor(t)
  await outbound.request(request(origin))
  let asked = 0
  const answer = await outbound.request(
    request(origin, { confirm: async () => ++asked > 0, holds: (hasBegun) => hasBegun || asked > 1 }),
  )
  assert.equal(answer.status, 200)
  assert.deepEqual([asked, seen, sessions.length], [2, 2, 2])
})

test('a gate that holds no more does not end what has left', async (t) => {
  let seen: ServerHttp2Stream | undefined
  const { origin } = await startHttp2(t, (stream, count) => {
    if (count === 1) seen = stream
    else ok(stream)
  })
  const outbound = outboundFor(t)
  const gate = { isHolding: true }
  const answer = outbound.request(request(origin, { holds: () => gate.isHolding }))
  await until('it is under way', () => seen !== undefined)
  await sleep(20)
  gate.isHolding = false
  assert.equal((await outbound.request(request(origin))).status, 200)
  ok(seen as ServerHttp2Stream, 'late')
  assert.equal((await answer).body.toString(), 'late')
})

test('no redirect is followed, and no more than 64 KiB of an answer is read', async (t) => {
  let reset: number | undefined
  const { origin } = await startHttp2(t, (stream, count) => {
    stream.on('close', () => (reset = stream.rstCode))
    if (count === 1) {
      stream.respond({ ':status': 307, location: 'https://127.0.0.1:1/' }, { endStream: true })
      return
    }
    stream.respond({ ':status': 400 })
    // It has no end.
    const write = () => stream.destroyed || stream.write('x'.repeat(10_000), write)
    write()
  })
  const outbound = outboundFor(t)
  assert.equal((await outbound.request(request(origin))).status, 307)
  const answer = await outbound.request(request(origin))
  assert.deepEqual([answer.status, answer.body.length], [400, 65_536])
  await until('the stream is reset', () => reset === constants.NGHTTP2_CANCEL)
})

test('requests under way fail when everything is closed, on connections that are ending too', async (t) => {
  let seen = 0
  const { origin } = await startHttp2(t, (stream, count, session) => {
    seen++
    if (count === 1) session.goaway(0, stream.id as number)
  })
  const outbound = outboundFor(t)
  const requests = [failureOf(outbound.request(request(origin)))]
  await until('the first is under way', () => seen === 1)
  requests.push(failureOf(outbound.request(request(origin))))
  await until('the second is under way, elsewhere', () => seen === 2)
  await outbound.close()
  assert.deepEqual(await Promise.all(requests), ['lost', 'lost'])
  assert.equal(await failureOf(outbound.request(request(origin))), 'closed')
})

test('requests of different groups share no connection', async (t) => {
  const requests = new Map<unknown, number>()
  const { origin } = await startHttp2(t, (stream, _count, session) => {
    requests.set(session, (requests.get(session) ?? 0) + 1)
    ok(stream)
  })
  const outbound = outboundFor(t)
  for (const group of ['team-1', 'team-2', 'team-1']) await outbound.request(request(origin, { group }))
  assert.deepEqual([...requests.values()], [2, 1])
})
