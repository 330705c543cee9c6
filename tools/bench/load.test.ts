import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { type Load, runLoad, startLoad } from './load.ts'

const seen: string[] = []
/** Answers in pieces, so that an answer has to be put together. */
const server: Server = createServer((request, response) => {
  seen.push(request.url ?? '')
  response.writeHead(request.url === '/bad' ? 400 : 200, { 'content-length': 10, 'x-mark': request.url })
  response.write('12345')
  setImmediate(() => response.end('67890'))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
after(() => server.close())

function loadOf(paths: readonly string[], given: Partial<Load> = {}): Load {
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    requests: paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`),
    isRepeating: false,
    connections: 3,
    seconds: 30,
    ...given,
  }
}

test('a closed load sends each request once and counts every answer', async () => {
  seen.length = 0
  const paths = Array.from({ length: 20 }, (_, n) => `/${n}`)
  const { count, statuses, latenciesMs, examples } = await runLoad(loadOf([...paths, '/bad']))
  assert.equal(count, 21)
  assert.equal(latenciesMs.length, 21)
  assert.deepEqual(statuses, { 200: 20, 400: 1 })
  assert.deepEqual(seen.toSorted(), [...paths, '/bad'].toSorted())
  assert.match(examples['400'] ?? '', /^HTTP\/1\.1 400 [\s\S]*1234567890$/)
})

test('an open load sends at its rate and says when each request was due', async () => {
  const load = loadOf(['/a', '/b', '/c', '/d', '/e', '/f'], { perSecond: 100, collect: 'x-mark' })
  const { seconds, collected } = await runLoad(load)
  assert.ok(seconds >= 0.05, `${seconds} s for six requests, the last one due after 50 ms`)
  assert.deepEqual(
    collected.map(({ header }) => header),
    ['/a', '/b', '/c', '/d', '/e', '/f'],
  )
  const [first, last] = [collected[0]?.dueAt ?? 0, collected.at(-1)?.dueAt ?? 0]
  assert.equal(Math.round(last - first), 50)
})

test('a load that repeats its requests ends when it is told to', async () => {
  const running = startLoad(loadOf(['/again'], { isRepeating: true }))
  // Long enough for its thread to start on a busy machine.
  setTimeout(() => running.stop(), 1_000)
  assert.ok((await running.outcome).count > 3)
})
