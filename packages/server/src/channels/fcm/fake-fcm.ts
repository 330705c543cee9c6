/**
 * A fake of FCM on this machine, over real HTTP/2 and TLS: it gives access tokens for assertions that it verifies, checks
 * messages as Google does, keeps what each token received, and fails as it is told to. For tests and for trying out.
 */

import { once } from 'node:events'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { makeCertificate } from '../outbound/fake-certificate.ts'
import { FakeAccessTokens, type FakeGranting } from './fake-access-tokens.ts'
import { errorReply, FAKE_ERRORS, type FakeReply, violationReply } from './fake-errors.ts'
import { violationOf } from './fake-message.ts'

/** What happens to the messages for a token. */
export type FakeBehaviour =
  | { readonly kind: 'error'; readonly code: keyof typeof FAKE_ERRORS; readonly retryAfterSeconds?: number }
  /** The answer never comes. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Once: the message is taken, and the connection is lost before the answer. */
  | { readonly kind: 'loseAnswer' }

/** What a token received. */
export type FakeReceived = Readonly<Record<string, unknown>> & { readonly token: string }

export interface FakeFcmOptions {
  /** Says when access tokens end. */
  readonly clock?: Clock
  readonly accessTokenSeconds?: number
  /** Hears of every message, whatever becomes of it: its token, and when its stream was opened, in milliseconds of `performance.now()`. */
  readonly onMessage?: (token: string, openedAt: number) => void
}

/** Resolves when it listens, on a port of its own. */
export async function startFakeFcm(options: FakeFcmOptions = {}): Promise<FakeFcm> {
  const { cert, key } = await makeCertificate()
  const server = createSecureServer({ cert, key, settings: { maxConcurrentStreams: STREAMS_MAX } })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new FakeFcm({ server, cert, ...options })
}

export class FakeFcm {
  readonly origin: string
  /** PEM: whoever trusts it as an authority can speak to the fake. */
  readonly cert: string
  readonly #server: Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #accessTokens: FakeAccessTokens
  readonly #behaviours = new Map<string, FakeBehaviour>()
  readonly #received = new Map<string, FakeReceived[]>()
  readonly #counts = { requests: 0, accepted: 0 }
  readonly #onMessage: FakeFcmOptions['onMessage']

  constructor({ server, cert, ...options }: FakeFcmOptions & { server: Http2SecureServer; cert: string }) {
    const { port } = server.address() as AddressInfo
    this.origin = `https://127.0.0.1:${port}`
    this.cert = cert
    this.#onMessage = options.onMessage
    this.#server = server
    this.#accessTokens = new FakeAccessTokens({
      clock: systemClock(),
      ...options,
      projectId: PROJECT,
      tokenUri: `${this.origin}/token`,
    })
    server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
    })
    server.on('request', (request, response) => void this.#serve(request, response))
  }

  /** The key file of the fake's service account, with the fake as the endpoint. */
  serviceAccount(): Readonly<Record<string, string>> {
    return { ...this.#accessTokens.keyFile(), endpoint: this.origin }
  }

  /** From now on; undefined: messages for the token are taken again. */
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

  /** Requests for access tokens and to send messages, whatever became of them, and messages that were taken. */
  get counts(): { readonly assertions: number; readonly requests: number; readonly accepted: number } {
    return { ...this.#counts, assertions: this.#accessTokens.asked }
  }

  /** All access tokens that were given end now. */
  revokeAccessTokens(): void {
    this.#accessTokens.revoke()
  }

  /** From now on. */
  answerAssertions(how: FakeGranting): void {
    this.#accessTokens.answer(how)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const session of this.#sessions) session.destroy()
    await closed
  }

  /** A stream that the other side gave up, or that is held, gets no answer. */
  async #serve(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const openedAt = performance.now()
    const body = await readBody(request)
    const reply = body === undefined ? undefined : await this.#replyTo(request, { body, openedAt })
    if (reply === undefined || request.stream.destroyed) return
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    response.end(JSON.stringify(reply.body))
  }

  async #replyTo(
    { url, headers, stream }: Http2ServerRequest,
    { body, openedAt }: { body: string; openedAt: number },
  ): Promise<FakeReply | undefined> {
    if (url === '/token') return this.#accessTokens.grant(body)
    if (url !== `/v1/projects/${PROJECT}/messages:send`) return errorReply(FAKE_ERRORS.NOT_FOUND)
    this.#counts.requests += 1
    if (!this.#accessTokens.admits(headers.authorization)) return errorReply(FAKE_ERRORS.UNAUTHENTICATED)
    return this.#send(parsed(body), { openedAt, session: stream.session })
  }

  async #send(
    request: unknown,
    { openedAt, session }: { openedAt: number; session: Http2Session | undefined },
  ): Promise<FakeReply | undefined> {
    const violation = violationOf(request)
    if (violation) return violationReply(violation)
    const { message } = request as { message: FakeReceived }
    this.#onMessage?.(message.token, openedAt)
    const behaviour = this.#behaviours.get(message.token)
    if (behaviour?.kind === 'hold') return undefined
    if (behaviour?.kind === 'error') return errorReply({ ...FAKE_ERRORS[behaviour.code], ...behaviour })
    if (behaviour?.kind === 'delay') await sleep(behaviour.ms, undefined, { ref: false })
    this.#keep(message)
    if (behaviour?.kind === 'loseAnswer') {
      this.#behaviours.delete(message.token)
      session?.destroy()
    }
    return { status: 200, body: { name: `projects/${PROJECT}/messages/0:${this.#counts.accepted}` } }
  }

  #keep(message: FakeReceived): void {
    this.#counts.accepted += 1
    const kept = [...this.received(message.token), message]
    this.#received.set(message.token, kept.slice(-RECEIVED_PER_TOKEN_MAX))
    const oldest = this.#received.keys().next().value
    if (this.#received.size > TOKENS_MAX && oldest !== undefined) this.#received.delete(oldest)
  }
}

/** Undefined if the other side gave up, or sent more than is read. */
async function readBody(request: Http2ServerRequest): Promise<string | undefined> {
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
  return Buffer.concat(chunks).toString()
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const PROJECT = 'fake-project'
/** Node counts a stream for a moment after its end: with Google's 100 it would refuse some under load. */
const STREAMS_MAX = 1_000
/** Ours: a message has 4 KiB, and a request some more. */
const BODY_BYTES_MAX = 65_536
/** Ours: a long run must not fill the memory. */
const RECEIVED_PER_TOKEN_MAX = 100
const TOKENS_MAX = 100_000
