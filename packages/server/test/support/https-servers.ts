/** Servers on loopback that speak HTTP over TLS, for requests to the outside. */

import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { makeCertificate } from '../../src/channels/outbound/fake-certificate.ts'

export const certificate = await makeCertificate(['push.example'])

/** Listens on a port of its own until the test has ended; the origin. */
export async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface Http2World {
  readonly origin: string
  readonly server: Http2SecureServer
  /** In the order in which they were opened. */
  readonly sessions: readonly ServerHttp2Session[]
}

/** `onStream` gets the number of the stream, from 1 on, and its session. */
export async function startHttp2(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, count: number, session: ServerHttp2Session) => void,
  settings: Settings = {},
): Promise<Http2World> {
  const server = createSecureServer({ ...certificate, settings })
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

export async function startHttp1(
  t: TestContext,
  onRequest: RequestListener,
): Promise<{ readonly origin: string; readonly server: HttpsServer }> {
  const server = createHttpsServer(certificate, onRequest)
  t.after(() => server.closeAllConnections())
  return { origin: await listen(t, server), server }
}

/** A network before a server, which passes bytes on until it is frozen, and then none, while connections stay open. */
export async function startNetwork(
  t: TestContext,
  origin: string,
): Promise<{ readonly origin: string; freeze(): void }> {
  const sockets: Socket[] = []
  const network = createServer((near) => {
    const far = connect(Number(new URL(origin).port), '127.0.0.1')
    for (const socket of [near, far]) socket.on('error', () => {})
    near.pipe(far)
    far.pipe(near)
    sockets.push(near, far)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  const freeze = () => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { origin: await listen(t, network), freeze }
}
