/**
 * A small client of users' own sockets, for tests and for trying out: says who it is, keeps what comes, and acknowledges it
 * unless it is told not to. It is the WebSocket of the runtime, which is that of browsers.
 */

import type { MessageFrame, WelcomeFrame, WithdrawFrame } from '@lethe/protocol/socket.schemas.ts'
import type { SocketEvent } from '@lethe/protocol/socket.ts'

export interface FakeSocketOptions {
  /** `ws://host:port/client/v1/apps/{app_key}/socket`. */
  readonly url: string
  readonly registrationId: string
  readonly deviceSecret: string
  /** Ids of messages that it has from earlier. */
  readonly received?: readonly string[]
  /** Whether it acknowledges what comes; true when absent. */
  readonly isAcking?: boolean
}

type ServerFrame = MessageFrame | WelcomeFrame | WithdrawFrame
export type FakeMessage = MessageFrame['message'] & Readonly<Record<string, unknown>>

/** How a socket ended: 1006 is one that was never open, or broke off. */
export interface FakeSocketEnd {
  readonly code: number
  readonly reason: string
}

export class FakeSocketClient {
  /** Every message, as often as it came, the oldest first. */
  readonly messages: FakeMessage[] = []
  /** Ids of messages that it was told to take down. */
  readonly withdrawn: string[] = []
  /** False: the socket was closed instead. */
  readonly welcomed: Promise<boolean>
  readonly closed: Promise<FakeSocketEnd>
  isAcking: boolean
  readonly #socket: WebSocket
  readonly #welcome = Promise.withResolvers<boolean>()
  readonly #end = Promise.withResolvers<FakeSocketEnd>()
  #isClosed = false
  #taken = 0
  #onChange = () => {}

  constructor({ url, registrationId, deviceSecret, received, isAcking = true }: FakeSocketOptions) {
    this.isAcking = isAcking
    this.welcomed = this.#welcome.promise
    this.closed = this.#end.promise
    this.#socket = new WebSocket(url)
    this.#socket.addEventListener('open', () => {
      this.say({
        type: 'hello',
        registration_id: registrationId,
        device_secret: deviceSecret,
        ...(received && { received }),
      })
    })
    this.#socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data))))
    this.#socket.addEventListener('close', ({ code, reason }) => this.#onClose({ code, reason }))
  }

  /** The oldest message that was not taken yet; waits for it. Undefined: the socket was closed before one came. */
  async next(): Promise<FakeMessage | undefined> {
    while (this.messages.length === this.#taken && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#onChange = resolve
      })
    }
    const message = this.messages[this.#taken]
    if (message) this.#taken++
    return message
  }

  ack(msgId: string): void {
    this.say({ type: 'ack', msg_id: msgId })
  }

  report(msgId: string, event: SocketEvent): void {
    this.say({ type: 'event', msg_id: msgId, event })
  }

  /** Any frame, be it right or wrong. */
  say(frame: object): void {
    this.#socket.send(JSON.stringify(frame))
  }

  /** Resolves once the server has closed too. */
  close(): Promise<FakeSocketEnd> {
    this.#socket.close()
    return this.closed
  }

  #hear(frame: ServerFrame): void {
    if (frame.type === 'welcome') this.#welcome.resolve(true)
    else if (frame.type === 'withdraw') this.withdrawn.push(frame.msg_id)
    else {
      this.messages.push(frame.message)
      if (this.isAcking) this.ack(frame.message.msg_id)
    }
    this.#onChange()
  }

  #onClose(end: FakeSocketEnd): void {
    this.#isClosed = true
    this.#welcome.resolve(false)
    this.#end.resolve(end)
    this.#onChange()
  }
}
