/** A socket without a network, for tests of what is said over it. It is gone in the turn after its close, unless it is stuck. */

import { assert } from '../../kernel/assert.ts'
import type { Connection, SocketLike } from './connection.ts'

export class FakeSocket implements SocketLike {
  bufferedAmount = 0
  isStuck = false
  /** Frames of the server, the oldest first. */
  readonly sent: Record<string, unknown>[] = []
  pings = 0
  /** How the server closed it, or the client. */
  end: number | 'terminated' | undefined
  reason = ''
  listener: Pick<Connection, 'heard' | 'ponged' | 'gone'> | undefined

  send(text: string): void {
    assert(this.end === undefined, 'nothing is written to a socket that is closed')
    this.sent.push(JSON.parse(text))
  }

  ping(): void {
    this.pings++
  }

  close(code: number, reason: string): void {
    this.end = code
    this.reason = reason
    if (!this.isStuck) setImmediate(() => this.listener?.gone())
  }

  terminate(): void {
    this.end ??= 'terminated'
    setImmediate(() => this.listener?.gone())
  }

  /** The client closes it. */
  leave(): void {
    this.end = 1005
    this.listener?.gone()
  }

  say(frame: object): void {
    this.listener?.heard(JSON.stringify(frame))
  }

  ack(msgId: number): void {
    this.say({ type: 'ack', msg_id: String(msgId) })
  }
}
