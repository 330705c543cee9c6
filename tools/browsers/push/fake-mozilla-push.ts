// Mozilla's push service (autopush) on loopback: the WebSocket that Firefox keeps open, and beside it the endpoints for
// senders. Messages are kept until Firefox acknowledges them.
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { PushEndpoints } from './push-endpoints.ts'

/** What Firefox says of a message: 100 delivered to the worker, 101 it could not be decrypted, 102 the worker failed. */
export type Acknowledgement = { endpointId: string; code: number }

type Message = {
  messageType: 'notification'
  channelID: string
  version: string
  data: string
  headers: object
}
type Subscription = { userAgentId: string; channelId: string }

/** What Firefox sends, as far as it matters here. */
type Frame = {
  messageType?: string
  uaid?: string
  channelID?: string
  key?: string
  updates?: { version: string; code: number }[]
}

export async function startFakeMozillaPush(): Promise<FakeMozillaPush> {
  const push = new FakeMozillaPush(await PushEndpoints.start())
  await push.listen()
  return push
}

export class FakeMozillaPush {
  readonly endpoints: PushEndpoints
  readonly acknowledgements: Acknowledgement[] = []
  readonly #server: Server = createServer()
  readonly #webSockets: WebSocketServer
  /** By the id in the endpoint. */
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #connected = new Map<string, WebSocket>()
  /** Not acknowledged yet, by browser. */
  readonly #waiting = new Map<string, Message[]>()

  constructor(endpoints: PushEndpoints) {
    this.endpoints = endpoints
    const handleProtocols = (offered: Set<string>) => offered.has('push-notification') && 'push-notification'
    this.#webSockets = new WebSocketServer({ server: this.#server, handleProtocols })
    this.#webSockets.on('connection', (socket) => this.#serve(socket))
  }

  /** For Firefox's `dom.push.serverURL`. */
  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async stop(): Promise<void> {
    for (const socket of this.#webSockets.clients) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.endpoints.stop()
  }

  #serve(socket: WebSocket): void {
    let userAgentId = ''
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.messageType === 'hello') userAgentId = this.#greet(socket, frame)
      else this.#take(socket, userAgentId, frame)
    })
    socket.on('close', () => {
      if (this.#connected.get(userAgentId) === socket) this.#connected.delete(userAgentId)
    })
  }

  /** The id must come back unchanged: with another one Firefox forgets all its subscriptions. */
  #greet(socket: WebSocket, { uaid }: Frame): string {
    const userAgentId = uaid || randomUUID().replaceAll('-', '')
    this.#connected.set(userAgentId, socket)
    send(socket, { messageType: 'hello', status: 200, uaid: userAgentId, use_webpush: true, broadcasts: {} })
    for (const message of this.#waiting.get(userAgentId) ?? []) send(socket, message)
    return userAgentId
  }

  #take(socket: WebSocket, userAgentId: string, frame: Frame): void {
    const { channelID = '' } = frame
    switch (frame.messageType) {
      case 'register': {
        const pushEndpoint = this.#subscribe(userAgentId, frame)
        send(socket, { messageType: 'register', channelID, status: 200, pushEndpoint })
        break
      }
      case 'unregister':
        this.#unsubscribe(channelID)
        send(socket, { messageType: 'unregister', channelID, status: 200 })
        break
      case 'ack':
        this.#acknowledge(userAgentId, frame)
        break
      case undefined:
      case 'ping':
        send(socket, {})
        break
    }
  }

  #subscribe(userAgentId: string, { channelID = '', key }: Frame): string {
    const id = randomBytes(24).toString('base64url')
    const deliver = (body: Buffer) => this.#deliver({ userAgentId, channelId: channelID }, body)
    this.#subscriptions.set(id, { userAgentId, channelId: channelID })
    this.endpoints.add(id, { publicKey: key && Buffer.from(key, 'base64url').toString('base64url'), deliver })
    return `${this.endpoints.origin}/wpush/${id}`
  }

  #unsubscribe(channelId: string): void {
    for (const [id, subscription] of this.#subscriptions) {
      if (subscription.channelId !== channelId) continue
      this.#subscriptions.delete(id)
      this.endpoints.remove(id)
    }
  }

  #deliver({ userAgentId, channelId }: Subscription, body: Buffer): void {
    const message: Message = {
      messageType: 'notification',
      channelID: channelId,
      version: randomUUID(),
      data: body.toString('base64url'),
      headers: { encoding: 'aes128gcm' },
    }
    this.#waiting.set(userAgentId, [...(this.#waiting.get(userAgentId) ?? []), message])
    const socket = this.#connected.get(userAgentId)
    if (socket) send(socket, message)
  }

  #acknowledge(userAgentId: string, { updates = [] }: Frame): void {
    for (const { version, code } of updates) {
      const waiting = this.#waiting.get(userAgentId) ?? []
      const channelId = waiting.find((message) => message.version === version)?.channelID
      const [endpointId] = [...this.#subscriptions].find(([, one]) => one.channelId === channelId) ?? ['']
      this.acknowledgements.push({ endpointId, code })
      this.#waiting.set(
        userAgentId,
        waiting.filter((message) => message.version !== version),
      )
    }
  }
}

function send(socket: WebSocket, frame: object): void {
  socket.send(JSON.stringify(frame))
}
