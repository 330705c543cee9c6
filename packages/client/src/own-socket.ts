/**
 * The user's own socket from the client's side: says who it is, acknowledges what comes, hands no message on twice, and
 * connects again when the connection is lost.
 *
 *   connecting -> open -> waiting -> connecting …      until `close()`, or until the server says that it is over: the user
 *   was deleted or is unknown, the secret is wrong, or a newer socket of the same user is open.
 */

import { closeCodes, receivedIdsMax, type SocketEvent } from '@lethe/protocol/socket.ts'
import type { SocketMessage } from '@lethe/protocol/socket-message.ts'
import type { Credentials } from './client-api.ts'
import { type OpenSocket, runtime, type SocketLike, type Timer } from './runtime.ts'

export interface OwnSocketOptions {
  readonly url: string
  readonly self: Credentials
  readonly onMessage: (message: SocketMessage) => void
  /** A message that was handed on was withdrawn: it is to be taken down. */
  readonly onWithdraw: (msgId: string) => void
  /** The connection stands, or stands no more and is made again. */
  readonly onChange?: (isOpen: boolean) => void
  /** Nothing comes any more, and it is not connected again. */
  readonly onEnd: (why: SocketEnd) => void
  /** Absent: the runtime's WebSocket. */
  readonly open?: OpenSocket
}

export type SocketEnd = 'deleted' | 'unknown' | 'unauthorized' | 'replaced' | 'refused'

/** As the guide to the socket asks: within 5 seconds, twice as long after each failure, up to five minutes. */
const WAIT_MS = 5_000
const WAIT_MAX_MS = 300_000

const ENDS: Readonly<Record<number, SocketEnd>> = {
  [closeCodes.deleted]: 'deleted',
  [closeCodes.unknownUser]: 'unknown',
  [closeCodes.wrongSecret]: 'unauthorized',
  [closeCodes.replaced]: 'replaced',
  [closeCodes.badFrame]: 'refused',
}

export class OwnSocket {
  readonly #options: OwnSocketOptions
  /** The newest last. */
  readonly #received: string[] = []
  #socket: SocketLike | undefined
  #timer: Timer | undefined
  #isOpen = false
  #isClosed = false
  #failures = 0

  constructor(options: OwnSocketOptions) {
    this.#options = options
    this.#connect()
  }

  /** What became of a message; lost if the connection is not there, as the acknowledgement was not. */
  report(msgId: string, event: SocketEvent): void {
    this.#send({ type: 'event', msg_id: msgId, event })
  }

  close(): void {
    this.#isClosed = true
    runtime.clearTimeout(this.#timer)
    this.#socket?.close(1000)
    this.#changed(false)
  }

  #connect(): void {
    const { url, self, open = (at: string) => new runtime.WebSocket(at) } = this.#options
    const socket = open(url)
    this.#socket = socket
    socket.onopen = () =>
      this.#send({
        type: 'hello',
        registration_id: self.registrationId,
        device_secret: self.deviceSecret,
        received: this.#received,
      })
    socket.onmessage = ({ data }) => this.#take(String(data))
    // What went wrong is told by the close that follows.
    socket.onerror = () => {}
    socket.onclose = ({ code }) => this.#lost(code)
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as { type: string; message?: SocketMessage; msg_id?: string }
    if (frame.type === 'welcome') {
      this.#failures = 0
      this.#changed(true)
    } else if (frame.type === 'message' && frame.message) this.#takeMessage(frame.message)
    else if (frame.type === 'withdraw' && frame.msg_id) this.#options.onWithdraw(frame.msg_id)
  }

  #takeMessage(message: SocketMessage): void {
    const { msg_id: msgId } = message
    const isNew = !this.#received.includes(msgId)
    if (isNew) this.#received.push(msgId)
    if (this.#received.length > receivedIdsMax) this.#received.shift()
    this.#send({ type: 'ack', msg_id: msgId })
    if (isNew) this.#options.onMessage(message)
  }

  #lost(code: number): void {
    this.#changed(false)
    if (this.#isClosed) return
    const end = ENDS[code]
    if (end) {
      this.#isClosed = true
      this.#options.onEnd(end)
      return
    }
    const wait = Math.min(WAIT_MS * 2 ** this.#failures, WAIT_MAX_MS)
    this.#failures += 1
    this.#timer = runtime.setTimeout(() => this.#connect(), wait * Math.random())
  }

  #changed(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return
    this.#isOpen = isOpen
    this.#options.onChange?.(isOpen)
  }

  #send(frame: object): void {
    try {
      this.#socket?.send(JSON.stringify(frame))
    } catch {
      // The connection is lost, and its close follows: what is not acknowledged comes again.
    }
  }
}
