// Google's push service on loopback, as Chromium knows it: check-in and registration over HTTP, messages over MCS, and the
// endpoints for senders. Chromium's endpoints have a fixed host, so senders have to be led here by `origin`.
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { McsConnection, type McsMessage } from './mcs-connection.ts'
import { bytesField, fixed64Field, numberField } from './protobuf.ts'
import { PushEndpoints } from './push-endpoints.ts'

/** The hosts that a Chromium may write into its endpoints; which one depends on how it was built. */
export const googleOrigins: readonly string[] = ['https://fcm.googleapis.com', 'https://jmt17.google.com']

/** Of the subtypes of subscriptions (Chromium: push_messaging_app_identifier.cc). */
const webPushPrefix = 'wp:'

type Registration = {
  deviceId: string
  /** Of the browser, per subscription. */
  subtype: string
  app: string
  /** Base64url of the `applicationServerKey`. */
  sender: string
}

export async function startFakeGooglePush(): Promise<FakeGooglePush> {
  const push = new FakeGooglePush(await PushEndpoints.start(googleOrigins))
  await push.listen()
  return push
}

export class FakeGooglePush {
  readonly endpoints: PushEndpoints
  readonly #http: HttpServer
  readonly #mcs: TlsServer
  /** By token, which ends the endpoint. */
  readonly #registrations = new Map<string, Registration>()
  readonly #connections = new Set<McsConnection>()
  readonly #loggedIn = new Map<string, McsConnection>()
  /** Not known to be received, by device. */
  readonly #waiting = new Map<string, McsMessage[]>()

  constructor(endpoints: PushEndpoints) {
    this.endpoints = endpoints
    this.#http = createHttpServer((request, response) => {
      void this.#answer(request).then((body) => response.end(body))
    })
    this.#mcs = createTlsServer(endpoints.certificate, (socket) => {
      let device = ''
      const connection: McsConnection = new McsConnection(socket, {
        onLogin: ({ deviceId, received }) => {
          device = deviceId
          this.#logIn(connection, deviceId, received)
        },
        onClose: () => {
          this.#connections.delete(connection)
          if (this.#loggedIn.get(device) === connection) this.#loggedIn.delete(device)
        },
      })
      this.#connections.add(connection)
    })
  }

  /** With which Chromium finds all of it, and trusts this start's certificate by its key. */
  get flags(): readonly string[] {
    const http = `http://127.0.0.1:${portOf(this.#http)}`
    const { publicKey } = new X509Certificate(this.endpoints.certificate.cert)
    const digest = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }))
    return [
      `--gcm-checkin-url=${http}/checkin`,
      `--gcm-registration-url=${http}/register`,
      `--gcm-mcs-endpoint=https://localhost:${portOf(this.#mcs)}`,
      `--ignore-certificate-errors-spki-list=${digest.digest('base64')}`,
    ]
  }

  async listen(): Promise<void> {
    for (const server of [this.#http, this.#mcs]) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.close()
    this.#http.closeAllConnections()
    for (const server of [this.#http, this.#mcs]) await new Promise((resolve) => server.close(resolve))
    await this.endpoints.stop()
  }

  async #answer(request: IncomingMessage): Promise<string | Buffer> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    if (request.url?.startsWith('/checkin')) return checkIn()
    return this.#register(new URLSearchParams(Buffer.concat(parts).toString()))
  }

  #register(form: URLSearchParams): string {
    const get = (name: string) => form.get(name) ?? ''
    const registration = {
      deviceId: get('device'),
      subtype: get('X-subtype'),
      app: get('app'),
      sender: get('sender'),
    }
    if (form.has('delete')) {
      this.#unregister(registration)
      return `deleted=${registration.app}`
    }
    const token = `fake:${randomBytes(60).toString('base64url')}`
    // The browser registers for purposes of its own as well, which nobody sends anything for here.
    if (!registration.subtype.startsWith(webPushPrefix)) return `token=${token}`
    this.#registrations.set(token, registration)
    this.endpoints.add(token, {
      publicKey: registration.sender,
      deliver: (body) => this.#deliver(registration, body),
    })
    return `token=${token}`
  }

  #unregister({ deviceId, subtype }: Registration): void {
    for (const [token, known] of this.#registrations) {
      if (known.deviceId !== deviceId || known.subtype !== subtype) continue
      this.#registrations.delete(token)
      this.endpoints.remove(token)
    }
  }

  #logIn(connection: McsConnection, deviceId: string, received: ReadonlySet<string>): void {
    this.#loggedIn.set(deviceId, connection)
    const left = (this.#waiting.get(deviceId) ?? []).filter(({ persistentId }) => !received.has(persistentId))
    this.#waiting.set(deviceId, left)
    for (const message of left) connection.send(message)
  }

  #deliver(registration: Registration, body: Buffer): void {
    const message = messageOf(registration, body)
    const { deviceId } = registration
    this.#waiting.set(deviceId, [...(this.#waiting.get(deviceId) ?? []), message])
    this.#loggedIn.get(deviceId)?.send(message)
  }
}

/** `AndroidCheckinResponse` (Chromium: google_apis/gcm/protocol/checkin.proto) with a device of its own. */
function checkIn(): Buffer {
  const [androidId, securityToken] = [identifier(), identifier()]
  return Buffer.concat([
    numberField(1, 1),
    numberField(3, Date.now()),
    fixed64Field(7, androidId),
    fixed64Field(8, securityToken),
    bytesField(11, 'fake'),
  ])
}

/** Never 0, which says "none", and within a signed number. */
function identifier(): bigint {
  return (randomBytes(8).readBigUInt64LE() >> 2n) | 1n
}

/** `DataMessageStanza` with the encrypted body as its raw data. */
function messageOf({ sender, app, subtype }: Registration, body: Buffer): McsMessage {
  const persistentId = `0:${randomBytes(12).toString('hex')}`
  const stanza = Buffer.concat([
    bytesField(3, sender),
    bytesField(4, ''),
    bytesField(5, app),
    appData('subtype', subtype),
    appData('content-encoding', 'aes128gcm'),
    numberField(8, 1),
    bytesField(9, persistentId),
    numberField(17, 60),
    numberField(18, Date.now()),
    bytesField(21, body),
  ])
  return { persistentId, stanza }
}

function appData(key: string, value: string): Buffer {
  return bytesField(7, Buffer.concat([bytesField(1, key), bytesField(2, value)]))
}

function portOf(server: HttpServer | TlsServer): number {
  return (server.address() as AddressInfo).port
}
