/**
 * One socket of a client, from the moment it is open. States:
 *
 *   new -> checking    the hello came
 *   checking -> open   the user is live: welcome
 *   open -> open       messages go out, acknowledgements and events come in
 *   any -> closed      a close of ours, or of the client, or the socket broke: whatever was not acknowledged is told so at once
 *
 * There may be a hundred thousand of these on a node, nearly all of them silent: nothing is made before it is needed, and
 * time-outs stand in the wheel that all of them share.
 */

import {
  ackSeconds,
  type CloseCode,
  closeCodes,
  helloSeconds,
  pingSeconds,
  receivedIdsMax,
  type SocketEvent,
  welcomeFrame,
  withdrawFrame,
} from '@lethe/protocol/socket.ts'
import { type ClientFrame, type ClientHello, parseClientFrame } from '@lethe/protocol/socket-client-frame.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import type { Timed, TimingWheel } from './timing-wheel.ts'
import { type DeliveryEnd, Waiting } from './waiting.ts'

/** What is needed of a socket. None of it throws, whatever state the socket is in. */
export interface SocketLike {
  /** Bytes that were sent and are still in this process. */
  readonly bufferedAmount: number
  send(text: string): void
  ping(): void
  close(code: number, reason: string): void
  /** Ends it at once; what is buffered does not leave any more. */
  terminate(): void
}

/** A message, as it goes to all sockets of a platform and a language. */
export interface OutgoingMessage {
  readonly msgId: number
  readonly frame: string
}

/** Whose connections these are. */
export interface ConnectionHost {
  /** One tick is a second. */
  readonly wheel: TimingWheel
  onHello(connection: Connection, hello: ClientHello): void
  onEvent(connection: Connection, event: { readonly msgId: number; readonly event: SocketEvent }): void
  /** It is closed, and nothing is written to it any more: told once. */
  onClosed(connection: Connection): void
  /** The socket itself is gone: told once, never before `onClosed`. */
  onGone(connection: Connection): void
}

/** Bytes that may wait in one socket (ours: some forty messages of the longest kind). */
const BUFFERED_BYTES_MAX = 256 * 1024
/** Pings without a pong before the socket is given up. */
const PINGS_MAX = 2

export class Connection implements Timed {
  readonly appKey: string
  /** Known from the welcome on. */
  registrationId: RegistrationId | undefined
  /** It is written down that the user is connected here: for the host alone. */
  isKnown = false
  dueTick: number | undefined
  readonly #host: ConnectionHost
  readonly #socket: SocketLike
  #state: 'new' | 'checking' | 'open' | 'closed' = 'new'
  #heardTick: number
  #pings = 0
  #waiting: Map<number, Waiting> | undefined
  /** The last messages that the client has. */
  #received: number[] | undefined

  constructor(host: ConnectionHost, socket: SocketLike, appKey: string) {
    this.#host = host
    this.#socket = socket
    this.appKey = appKey
    this.#heardTick = host.wheel.tick
    // One tick more, since the one that is under way is not a whole second.
    host.wheel.add(this, helloSeconds + 1)
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** The client is who it says, and the user is live. */
  welcome(registrationId: RegistrationId, received: readonly number[]): void {
    this.#state = 'open'
    this.registrationId = registrationId
    for (const msgId of received) this.#keepReceived(msgId)
    this.#host.wheel.add(this, pingSeconds)
    this.#socket.send(welcomeFrame())
  }

  /**
   * Written in this turn of the event loop, or not at all: a message that the client says it has is `acked` already, and one
   * for which there is no room is `unacked` when its time is over, so that whoever sends tries no faster.
   */
  deliver({ msgId, frame }: OutgoingMessage, signal: AbortSignal): Promise<DeliveryEnd> {
    if (this.#received?.includes(msgId)) return Promise.resolve('acked')
    const known = this.#waiting?.get(msgId)
    if (known) return known.end
    const waiting = new Waiting(this, { msgId, isWritten: this.#hasRoom }, signal)
    this.#waiting ??= new Map()
    this.#waiting.set(msgId, waiting)
    this.#host.wheel.add(waiting, ackSeconds + 1)
    if (waiting.isWritten) this.#socket.send(frame)
    return waiting.end
  }

  /** Tells the client to take the message down, if it has it. */
  withdraw(msgId: number): void {
    const at = this.#received?.indexOf(msgId) ?? -1
    if (at >= 0) this.#received?.splice(at, 1)
    else if (!this.#waiting?.get(msgId)?.withdraw()) return
    this.#socket.send(withdrawFrame(msgId))
  }

  /** A message's wait is over. */
  settle(msgId: number, end: DeliveryEnd): void {
    const waiting = this.#waiting?.get(msgId)
    if (!waiting) return
    this.#waiting?.delete(msgId)
    this.#host.wheel.remove(waiting)
    waiting.settle(end)
  }

  /** A message's time is over. A client that made no room for it all the while is too slow. */
  expire({ msgId, isWritten }: Waiting): void {
    this.settle(msgId, 'unacked')
    if (!isWritten && !this.#hasRoom) this.close(closeCodes.tooSlow)
  }

  /** `text`: undefined for a frame that is not text. */
  heard(text: string | undefined): void {
    if (this.isClosed) return
    this.ponged()
    const frame = parseClientFrame(text ?? '')
    if (!frame.ok) this.close(closeCodes.badFrame, frame.reason)
    else this.#follow(frame.value)
  }

  ponged(): void {
    this.#heardTick = this.#host.wheel.tick
    this.#pings = 0
  }

  /** The socket is gone, whoever ended it. */
  gone(): void {
    this.#end()
    this.#host.onGone(this)
  }

  close(code: CloseCode, reason = ''): void {
    if (this.isClosed) return
    this.#end()
    this.#socket.close(code, reason)
  }

  /** Nothing that still waits in this process may leave it: a client that reads slowly hears of the deletion when it comes back. */
  closeDeleted(): void {
    if (this.#socket.bufferedAmount > 0) this.terminate()
    else this.close(closeCodes.deleted)
  }

  terminate(): void {
    this.#end()
    this.#socket.terminate()
  }

  onDue(): void {
    if (this.#state === 'new') this.close(closeCodes.helloTimeout)
    else if (this.#state === 'checking') this.close(closeCodes.tryAgainLater)
    else if (this.#state === 'open') this.#askForLife()
  }

  #follow(frame: ClientFrame): void {
    if (frame.type === 'hello') this.#followHello(frame)
    else if (this.#state === 'open') this.#followReport(frame)
    else this.close(closeCodes.badFrame, 'the first frame is a hello, and the next follows the welcome')
  }

  #followHello(hello: ClientHello): void {
    if (this.#state !== 'new') {
      this.close(closeCodes.badFrame, 'there is one hello')
      return
    }
    this.#state = 'checking'
    this.#host.onHello(this, hello)
  }

  /** An event tells as well that the message arrived. */
  #followReport(frame: Exclude<ClientFrame, ClientHello>): void {
    this.#acknowledge(frame.msgId)
    if (frame.type === 'event') this.#host.onEvent(this, { msgId: frame.msgId, event: frame.event })
  }

  /** One that comes too late counts when the message is sent again. */
  #acknowledge(msgId: number): void {
    if (!this.#waiting?.get(msgId)?.isWithdrawn) this.#keepReceived(msgId)
    this.settle(msgId, 'acked')
  }

  #keepReceived(msgId: number): void {
    this.#received ??= []
    if (this.#received.includes(msgId)) return
    this.#received.push(msgId)
    if (this.#received.length > receivedIdsMax) this.#received.shift()
  }

  get #hasRoom(): boolean {
    return this.#socket.bufferedAmount <= BUFFERED_BYTES_MAX
  }

  #askForLife(): void {
    const { wheel } = this.#host
    const silentSeconds = wheel.tick - this.#heardTick
    if (silentSeconds >= pingSeconds && this.#pings === PINGS_MAX) {
      this.terminate()
      return
    }
    wheel.add(this, silentSeconds < pingSeconds ? pingSeconds - silentSeconds : pingSeconds)
    if (silentSeconds < pingSeconds) return
    this.#pings++
    this.#socket.ping()
  }

  #end(): void {
    if (this.isClosed) return
    this.#state = 'closed'
    this.#host.wheel.remove(this)
    for (const msgId of [...(this.#waiting?.keys() ?? [])]) this.settle(msgId, 'unacked')
    this.#waiting = undefined
    this.#received = undefined
    this.#host.onClosed(this)
  }
}
