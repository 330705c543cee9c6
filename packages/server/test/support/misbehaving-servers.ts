/** Servers that take a connection, and then do to it what servers ought not to do. Each answers the port on which it listens. */

import { constants, type ServerHttp2Session, type ServerHttp2Stream, type Settings } from 'node:http2'
import type { TestContext } from 'node:test'
import { createServer, type TLSSocket } from 'node:tls'
import { certificate, listen, startHttp2 } from './https-servers.ts'

export type Misbehaving = (t: TestContext) => Promise<number>

/** Says which stream it has looked at last, that one, and goes. */
export const endsInMidStream: Misbehaving = (t) =>
  withHttp2(t, (stream, session) => {
    session.goaway(constants.NGHTTP2_NO_ERROR, stream.id)
    stream.on('end', () => session.destroy()).resume()
  })

/** Says that it has looked at no stream, and goes. */
export const endsUnseen: Misbehaving = (t) =>
  withHttp2(t, (_stream, session) => {
    session.goaway(constants.NGHTTP2_NO_ERROR, 0)
    setImmediate(() => session.destroy())
  })

export const refusesStreams: Misbehaving = (t) =>
  withHttp2(t, (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM))

/** Lets no more than the beginning of a request through. */
export const stallsTheWindow: Misbehaving = (t) =>
  withHttp2(t, (stream) => stream.pause(), { initialWindowSize: 16 })

/** Reads the whole request, and the connection is lost before the answer. */
export const losesTheAnswer: Misbehaving = (t) =>
  withHttp2(t, (stream, session) => stream.on('end', () => session.destroy()).resume())

/** Not the vendor, but what stands before it. */
export const isABadGateway: Misbehaving = (t) =>
  withHttp2(t, (stream) => {
    stream.respond({ ':status': 502, 'content-type': 'text/html' })
    stream.end('<h1>502 Bad Gateway</h1>')
  })

/** Agrees on HTTP/2, and never says a word in it: not even its settings. */
export const isSilentAfterTls: Misbehaving = async (t) => {
  const sockets: TLSSocket[] = []
  const server = createServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
    sockets.push(socket.on('error', () => {}).resume())
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return portOf(await listen(t, server))
}

async function withHttp2(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void,
  settings: Settings = {},
): Promise<number> {
  const { origin } = await startHttp2(t, (stream, _count, session) => onStream(stream, session), settings)
  return portOf(origin)
}

function portOf(origin: string): number {
  return Number(new URL(origin).port)
}
