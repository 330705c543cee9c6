// What stands for the vendors in benchmarks, in a process of its own: answers like them over HTTP/2 or HTTP/1.1 after a
// delay, looks at nothing, and keeps nothing. The fakes look at everything, and would be what is measured.
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { makeCertificate } from '../../packages/server/src/channels/outbound/fake-certificate.ts'

export type SinkStarted = { port: number; ca: string }

const delayMs = Number(process.argv[2] ?? 0)
const streamsMax = 1_000
const certificate = await makeCertificate()
const server = createSecureServer({
  ...certificate,
  allowHTTP1: true,
  settings: { maxConcurrentStreams: streamsMax },
})
server.on('stream', (stream, headers) => {
  const path = String(headers[':path'])
  stream.on('error', () => {})
  stream.resume().on('end', () => later(() => answer(stream as ServerHttp2Stream, path)))
})
server.on('request', (request, response) => {
  if (request.httpVersionMajor === 2) return
  request.resume().on('end', () => later(() => response.writeHead(201).end()))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.send?.({ port, ca: certificate.cert } satisfies SinkStarted)
})
process.once('disconnect', () => process.exit(0))

function later(work: () => void): void {
  if (delayMs === 0) work()
  else setTimeout(work, delayMs)
}

function answer(stream: ServerHttp2Stream, path: string): void {
  if (stream.destroyed) return
  if (path.startsWith('/push/')) stream.respond({ ':status': 201 }, { endStream: true })
  else if (path.startsWith('/3/device/'))
    stream.respond({ ':status': 200, 'apns-id': '0' }, { endStream: true })
  else {
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    stream.end(path === '/token' ? TOKEN : SENT)
  }
}

const TOKEN = JSON.stringify({ access_token: 'token', expires_in: 3_600, token_type: 'Bearer' })
const SENT = JSON.stringify({ name: 'projects/bench/messages/0' })
