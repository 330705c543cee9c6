/**
 * A fake of APNs on this machine, over real HTTP/2 and TLS: it verifies provider tokens, checks requests as Apple does, keeps
 * what each token received, and fails as it is told to. As with Apple, a connection has one stream until a request with a
 * valid provider token came over it. For tests and for trying out.
 */

import { once } from 'node:events'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { makeCertificate } from '../outbound/fake-certificate.ts'
import { FakeProviderTokens, type FakeTeam } from './fake-provider-tokens.ts'
import { errorReply, type FakeError, type FakeReply } from './fake-reasons.ts'
import { type FakeRequest, violationOf } from './fake-request.ts'

/** What happens to the pushes for a token. */
export type FakeBehaviour =
  | ({ readonly kind: 'error' } & FakeError)
  /** The answer never comes. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Once: the stream is refused. */
  | { readonly kind: 'refuse' }
  /** Once: the connection ends, and this stream is the first that was not looked at. */
  | { readonly kind: 'goAway' }
  /** Once: the push is taken, and the connection is lost before the answer. */
  | { readonly kind: 'loseAnswer' }

/** What a token received. */
export interface FakeReceived {
  readonly payload: Readonly<Record<string, unknown>>
  /** Those that begin with `apns-`. */
  readonly headers: Readonly<Record<string, string>>
}

export interface FakeApnsOptions {
  /** Says how old provider tokens are. */
  readonly clock?: Clock
}

/** Resolves when it listens, on a port of its own. */
export async function startFakeApns({ clock = systemClock() }: FakeApnsOptions = {}): Promise<FakeApns> {
  const { cert, key } = await makeCertificate()
  const server = createSecureServer({ cert, key, settings: { maxConcurrentStreams: 1 } })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new FakeApns({ server, cert, clock })
}

export class FakeApns {
  readonly origin: string
  /** PEM: whoever trusts it as an authority can speak to the fake. */
  readonly cert: string
  readonly #server: Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #welcome = new WeakSet<ServerHttp2Session>()
  readonly #providerTokens: FakeProviderTokens
  readonly #behaviours = new Map<string, FakeBehaviour>()
  readonly #received = new Map<string, FakeReceived[]>()
  readonly #counts = { connections: 0, requests: 0, accepted: 0 }

  constructor({ server, cert, clock }: { server: Http2SecureServer; cert: string; clock: Clock }) {
    const { port } = server.address() as AddressInfo
    this.origin = `https://127.0.0.1:${port}`
    this.cert = cert
    this.#server = server
    this.#providerTokens = new FakeProviderTokens(clock)
    server.on('session', (session) => {
      this.#counts.connections += 1
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
    })
    server.on('request', (request, response) => void this.#serve(request, response))
  }

  /** Credentials for an app of a team of its own, with the fake as the endpoint. */
  credentials(topic = 'com.example.app'): FakeTeam & { readonly endpoint: string } {
    return { ...this.#providerTokens.addTeam(topic), endpoint: this.origin }
  }

  /** From now on; undefined: pushes for the token are taken again. */
  behave(token: string, behaviour: FakeBehaviour | undefined): void {
    if (behaviour) this.#behaviours.set(token, behaviour)
    else this.#behaviours.delete(token)
  }

  /** Of whoever received something. */
  get tokens(): Iterable<string> {
    return this.#received.keys()
  }

  /** The oldest first, at most `RECEIVED_PER_TOKEN_MAX`. */
  received(token: string): readonly FakeReceived[] {
    return this.#received.get(token) ?? []
  }

  /** Requests, whatever became of them, and pushes that were taken. */
  get counts(): { readonly connections: number; readonly requests: number; readonly accepted: number } {
    return { ...this.#counts }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const session of this.#sessions) session.destroy()
    await closed
  }

  /** A stream that the other side gave up, or that is held, gets no answer. */
  async #serve(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    this.#counts.requests += 1
    const body = await readBody(request)
    const reply = body === undefined ? undefined : await this.#replyTo(request, body)
    if (reply === undefined || request.stream.destroyed) return
    response.writeHead(reply.status, reply.headers ?? {})
    response.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
  }

  async #replyTo(request: Http2ServerRequest, body: Buffer): Promise<FakeReply | undefined> {
    const { method, url, headers, stream } = request
    const token = /^\/3\/device\/([^/?]*)$/.exec(url)?.[1]
    if (method !== 'POST') return errorReply({ reason: 'MethodNotAllowed' })
    if (token === undefined) return errorReply({ reason: 'BadPath' })
    if (token === '') return errorReply({ reason: 'MissingDeviceToken' })
    const topic = headers['apns-topic']
    if (typeof topic !== 'string') return errorReply({ reason: 'MissingTopic' })
    const session = stream.session as ServerHttp2Session
    const refusal = this.#providerTokens.refusalOf(headers.authorization, topic, session)
    if (refusal) return errorReply({ reason: refusal })
    this.#allowMore(session)
    const reason = violationOf({ token, headers, body })
    return reason ? errorReply({ reason }) : this.#take(request, { token, headers, body })
  }

  #allowMore(session: ServerHttp2Session): void {
    if (this.#welcome.has(session)) return
    this.#welcome.add(session)
    session.settings({ maxConcurrentStreams: STREAMS_MAX })
  }

  async #take({ stream }: Http2ServerRequest, given: FakeRequest): Promise<FakeReply | undefined> {
    const { token, headers } = given
    const behaviour = this.#behaviours.get(token)
    switch (behaviour?.kind) {
      case 'error':
        return errorReply(behaviour)
      case 'hold':
        return undefined
      case 'refuse':
        this.#behaviours.delete(token)
        stream.close(constants.NGHTTP2_REFUSED_STREAM)
        return undefined
      case 'goAway':
        this.#behaviours.delete(token)
        stream.session?.goaway(constants.NGHTTP2_NO_ERROR, Math.max(0, (stream.id ?? 0) - 2))
        return undefined
      case 'delay':
        await sleep(behaviour.ms, undefined, { ref: false })
    }
    this.#keep(given)
    if (behaviour?.kind === 'loseAnswer') {
      this.#behaviours.delete(token)
      stream.session?.destroy()
    }
    return { status: 200, headers: { 'apns-id': String(headers['apns-id']) } }
  }

  #keep({ token, headers, body }: FakeRequest): void {
    this.#counts.accepted += 1
    const apns = Object.entries(headers).filter(([name]) => name.startsWith('apns-'))
    const received = {
      payload: JSON.parse(body.toString()),
      headers: Object.fromEntries(apns.map(([name, value]) => [name, String(value)])),
    }
    this.#received.set(token, [...this.received(token), received].slice(-RECEIVED_PER_TOKEN_MAX))
    const oldest = this.#received.keys().next().value
    if (this.#received.size > TOKENS_MAX && oldest !== undefined) this.#received.delete(oldest)
  }
}

/** Undefined if the other side gave up, or sent more than is read. */
async function readBody(request: Http2ServerRequest): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) return undefined
    }
  } catch {
    return undefined
  }
  return Buffer.concat(chunks)
}

/** Apple's are a thousand. Node counts a stream for a moment after its end, and refuses a new one above the limit. */
const STREAMS_MAX = 1_500
/** Ours: a payload has 4 KiB, and what is too large has some more. */
const BODY_BYTES_MAX = 65_536
/** Ours: a long run must not fill the memory. */
const RECEIVED_PER_TOKEN_MAX = 100
const TOKENS_MAX = 100_000
