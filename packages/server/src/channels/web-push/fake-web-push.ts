/**
 * A push service on loopback that speaks the real protocol: HTTP/2 and HTTP/1.1 over TLS, RFC 8030, 8291 and 8292. It
 * checks every request as strictly as the strictest service does, and stands in for the browsers as well.
 */

import { randomBytes } from 'node:crypto'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { type Certificate, makeCertificate } from '../outbound/fake-certificate.ts'
import { type FakeMessage, FakeSubscription } from './fake-mailbox.ts'
import { judgeVapid } from './fake-vapid.ts'

export interface FakeWebPushOptions {
  /** Made anew when absent. */
  readonly certificate?: Certificate
  /** Absent: a free one. */
  readonly port?: number
  /** Where browsers and senders find it, when that is another address than its own: `https://host:port`. */
  readonly publicOrigin?: string
  /** The machine's own when absent. */
  readonly clock?: Clock
}

export interface FakeWebPush {
  /** `https://localhost:port`, unless another was given. */
  readonly origin: string
  /** On which it listens itself. */
  readonly port: number
  /** PEM: trust it as an authority to reach the service. */
  readonly ca: string
  /** Requests that arrived whole, whatever became of them. */
  readonly requestCount: number
  /** A browser subscribes. With `publicKey` (base64url) it takes messages of that sender alone. */
  subscribe(publicKey?: string): FakeSubscription
  /** Ends all connections. */
  close(): Promise<void>
}

export async function startFakeWebPush(options: FakeWebPushOptions = {}): Promise<FakeWebPush> {
  const certificate = options.certificate ?? (await makeCertificate())
  const service = new FakeService(certificate, options)
  await service.listen(options.port ?? 0)
  return service
}

/** RFC 8030 section 7.2: a push service must take so many bytes. Common ones take no more. */
const BODY_BYTES_MAX = 4_096

/** Of a message that is kept; common services keep for four weeks. */
const TTL_SECONDS_MAX = 28 * 86_400

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

class FakeService implements FakeWebPush {
  readonly ca: string
  readonly #server: Http2SecureServer
  readonly #clock: Clock
  readonly #publicOrigin: string | undefined
  readonly #sockets = new Set<Socket>()
  readonly #subscriptions = new Map<string, FakeSubscription>()
  #requestCount = 0

  constructor({ key, cert }: Certificate, { clock, publicOrigin }: FakeWebPushOptions) {
    this.ca = cert
    this.#clock = clock ?? systemClock()
    this.#publicOrigin = publicOrigin
    this.#server = createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
      void this.#handle(request, response)
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  get origin(): string {
    return this.#publicOrigin ?? `https://localhost:${this.port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get requestCount(): number {
    return this.#requestCount
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
  }

  subscribe(publicKey?: string): FakeSubscription {
    const path = `/push/${randomBytes(16).toString('base64url')}`
    const endpoint = this.origin + path
    const subscription = new FakeSubscription({ endpoint, publicKey, clock: this.#clock })
    this.#subscriptions.set(path, subscription)
    return subscription
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  async #handle(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (!body) return
    this.#requestCount++
    const subscription = this.#subscriptions.get(request.url)
    const answer = this.#judge(request, body, subscription)
    const behaviour = subscription?.behaviour
    if (behaviour?.kind === 'hold') return
    if (subscription && behaviour?.kind === 'loseAnswer') {
      subscription.behaviour = { kind: 'take' }
      // Of HTTP/2 the session's own: through it the stream hears of it at once.
      return void (request.stream?.session ?? request.socket).destroy()
    }
    if (behaviour?.kind === 'delay') await this.#clock.sleep(behaviour.ms)
    if (response.writableEnded || response.socket?.destroyed) return
    response.writeHead(answer.status, { ...answer.headers })
    response.end(answer.body ?? '')
  }

  #judge(request: Http2ServerRequest, body: Buffer, subscription: FakeSubscription | undefined): Answer {
    if (!subscription) return { status: 404, body: '{"reason":"UnknownSubscription"}' }
    if (subscription.isEnded) return { status: 410, body: '{"reason":"Unregistered"}' }
    if (subscription.behaviour.kind === 'answer') return subscription.behaviour
    const message = this.#messageOf(request, body, subscription)
    if ('status' in message) return message
    subscription.deliver(message)
    const location = `${this.origin}/message/${randomBytes(8).toString('base64url')}`
    return { status: 201, headers: { location, ttl: String(message.ttlSeconds) } }
  }

  #messageOf(
    { method, headers }: Http2ServerRequest,
    body: Buffer,
    subscription: FakeSubscription,
  ): FakeMessage | Answer {
    const { authorization, ttl, urgency = 'normal', topic } = headers as Readonly<Record<string, string>>
    if (method !== 'POST') return refusedWith(405, 'MethodNotAllowed')
    const vapid = judgeVapid({ authorization, origin: this.origin, nowMs: this.#clock.now() })
    if (!vapid.ok) return refusedWith(401, vapid.reason)
    const { publicKey } = vapid
    if (![undefined, publicKey].includes(subscription.publicKey))
      return refusedWith(403, 'VapidPkHashMismatch')
    if (body.length > BODY_BYTES_MAX) return refusedWith(413, 'PayloadTooLarge')
    if (headers['content-encoding'] !== 'aes128gcm') return refusedWith(400, 'BadContentEncoding')
    if (!/^\d{1,10}$/.test(ttl ?? '')) return refusedWith(400, 'BadTtl')
    if (!URGENCIES.includes(urgency)) return refusedWith(400, 'BadUrgency')
    if (topic !== undefined && !/^[\w-]{1,32}$/.test(topic)) return refusedWith(400, 'BadWebPushTopic')
    const ttlSeconds = Math.min(Number(ttl), TTL_SECONDS_MAX)
    return { body, ttlSeconds, urgency, topic, publicKey }
  }
}

/** As Apple's service words it. */
function refusedWith(status: number, reason: string): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ reason }) }
}

/** Of a body that is too long, more than is allowed and not much. Undefined when the connection was lost before its end. */
async function bodyOf(request: Http2ServerRequest): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of request) {
      if (bytes <= BODY_BYTES_MAX) parts.push(part as Buffer)
      bytes += part.length
    }
    return Buffer.concat(parts)
  } catch {
    return undefined
  }
}

/** RFC 8030 section 5.3. */
const URGENCIES: readonly string[] = ['very-low', 'low', 'normal', 'high']
