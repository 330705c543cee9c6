// The side of a push service that senders call: RFC 8030 over TLS, HTTP/2 and HTTP/1.1. It checks every request as strictly as
// the vendors do (RFC 8291 section 4, RFC 8292) and hands what passes to whoever keeps the browser's connection.
import { once } from 'node:events'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import {
  type Certificate,
  makeCertificate,
} from '../../../packages/server/src/channels/outbound/fake-certificate.ts'
import { judgeVapid } from '../../../packages/server/src/channels/web-push/fake-vapid.ts'

export type PushSubscriptionAtService = {
  /** Base64url of the `applicationServerKey`; undefined: anybody may send. */
  publicKey: string | undefined
  deliver(body: Buffer): void
}

/** A request of a sender, in the order in which they came. */
export type SendAttempt = {
  /** The last part of the endpoint's path. */
  id: string
  status: number
  /** Why it was refused; empty when it was not. */
  reason: string
}

/** RFC 8030 section 7.2: so much a push service must take, and the common ones take no more. */
const bodyBytesMax = 4_096

export class PushEndpoints {
  readonly certificate: Certificate
  readonly attempts: SendAttempt[] = []
  /** As whom a sender may address the service; empty: as what it is. */
  readonly #origins: readonly string[]
  readonly #subscriptions = new Map<string, PushSubscriptionAtService>()
  readonly #server: Http2SecureServer
  readonly #sockets = new Set<Socket>()

  private constructor(certificate: Certificate, origins: readonly string[]) {
    this.certificate = certificate
    this.#origins = origins
    this.#server = createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
      void this.#handle(request, response)
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** `origins`: those of the vendor, where senders are led here by another way than the address. */
  static async start(origins: readonly string[] = []): Promise<PushEndpoints> {
    const endpoints = new PushEndpoints(await makeCertificate(), origins)
    endpoints.#server.listen(0, '127.0.0.1')
    await once(endpoints.#server, 'listening')
    return endpoints
  }

  /** Where it listens. */
  get origin(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  /** Subscriptions that are there now. */
  get count(): number {
    return this.#subscriptions.size
  }

  add(id: string, subscription: PushSubscriptionAtService): void {
    this.#subscriptions.set(id, subscription)
  }

  /** From now on its endpoint answers 410. */
  remove(id: string): void {
    this.#subscriptions.delete(id)
  }

  /** The subscriptions and what was sent to them never were. */
  forgetEverything(): void {
    this.#subscriptions.clear()
    this.attempts.length = 0
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const id = request.url.split('/').at(-1) ?? ''
    const [status, reason] = this.#judge(request, id, body)
    this.attempts.push({ id, status, reason })
    if (status === 201) this.#subscriptions.get(id)?.deliver(body)
    const headers =
      status === 201 ? { location: `${this.origin}/message`, ttl: String(request.headers['ttl']) } : {}
    response.writeHead(status, headers).end(reason)
  }

  #judge(
    { method, headers }: Http2ServerRequest,
    id: string,
    body: Buffer,
  ): [status: number, reason: string] {
    const subscription = this.#subscriptions.get(id)
    if (!subscription) return [410, 'no such subscription']
    if (method !== 'POST') return [405, 'not a POST']
    if (!/^\d+$/.test(String(headers['ttl']))) return [400, 'no TTL']
    if (headers['content-encoding'] !== 'aes128gcm') return [400, 'not aes128gcm']
    if (body.length > bodyBytesMax) return [413, 'too long']
    const { authorization } = headers
    const origins = this.#origins.length > 0 ? this.#origins : [this.origin]
    const judgements = origins.map((origin) => judgeVapid({ authorization, origin, nowMs: Date.now() }))
    const judgement = judgements.find(({ ok }) => ok) ?? judgements[0]
    if (!judgement?.ok) return [401, judgement?.reason ?? 'nobody to judge']
    if (![undefined, judgement.publicKey].includes(subscription.publicKey))
      return [403, 'VapidPkHashMismatch']
    return [201, '']
  }
}
