/**
 * One HTTP/2 connection. It gives out as many streams as the other side allows: one until its settings are there, which is
 * what Apple asks for. States: open → ending (a GOAWAY, a fault, or retired: no more streams, those under way go on) →
 * closed. Streams that the other side has not seen count as not processed.
 */

import { type ClientHttp2Session, connect } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { GuardedWire } from './guarded-wire.ts'
import { followStream, Unprocessed } from './http2-stream.ts'
import type { OutboundRequest, OutboundResponse } from './outbound.ts'

/** Streams on one connection, whatever the other side allows; ours, for the memory that they take. */
const STREAMS_MAX = 1_000
/** Megabytes that one connection may hold of what is sent and of answers; Node's default of 10 is for servers. */
const SESSION_MEMORY_MB = 64

export interface Http2ConnectionEvents {
  /** A stream is free, or more are allowed, or none will be given out any more. */
  readonly onChange: () => void
  /** Every stream has ended. */
  readonly onClose: () => void
}

export class Http2Connection {
  readonly #session: ClientHttp2Session
  readonly #wire: GuardedWire
  readonly #events: Http2ConnectionEvents
  #streamsMax = 1
  #streams = 0
  #isEnding = false
  #isPinging = false
  #hasAnswered = false
  /** Streams above this one were not processed. */
  #lastStreamId = Number.POSITIVE_INFINITY
  #usedAt = performance.now()
  #heardAt = performance.now()
  #answeredAt = performance.now()

  constructor(origin: string, socket: TLSSocket, events: Http2ConnectionEvents) {
    this.#events = events
    this.#wire = new GuardedWire(socket)
    this.#session = connect(origin, {
      createConnection: () => this.#wire,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { enablePush: false },
    })
    this.#session.setMaxListeners(0)
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.#streamsMax = Math.min(STREAMS_MAX, maxConcurrentStreams ?? STREAMS_MAX)
      events.onChange()
    })
    this.#session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId
      this.#end()
    })
    // What is under way learns of it by its own stream.
    this.#session.on('error', () => this.#end())
    this.#session.on('close', () => {
      this.#end()
      events.onClose()
    })
  }

  get hasRoom(): boolean {
    return !this.#isEnding && this.#streams < this.#streamsMax && !this.#session.closed
  }

  /**
   * Whether another connection would help: all streams are taken, and more than the one that there is before the other side
   * has heard and said anything.
   */
  get isFull(): boolean {
    return this.#streams >= this.#streamsMax && (this.#streamsMax > 1 || this.#hasAnswered)
  }

  get isIdle(): boolean {
    return this.#streams === 0
  }

  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Milliseconds since the last stream was taken. */
  get unusedMs(): number {
    return performance.now() - this.#usedAt
  }

  /** Milliseconds since the other side gave a sign of life. */
  get silentMs(): number {
    return performance.now() - this.#heardAt
  }

  /** Milliseconds for which something was under way and nothing was answered. */
  get unansweredMs(): number {
    return this.isIdle ? 0 : performance.now() - this.#answeredAt
  }

  /** Takes a stream that is free; `give` gives it back. */
  take(): void {
    if (this.isIdle) this.#answeredAt = performance.now()
    this.#streams++
    this.#usedAt = performance.now()
  }

  give(): void {
    this.#streams--
    if (this.#isEnding && this.#streams === 0) this.#session.close()
    else this.#events.onChange()
  }

  /** Writes the request in this turn and resolves with the answer. @throws OutboundError, or Unprocessed. */
  send(request: OutboundRequest): Promise<OutboundResponse> {
    const { stream, guarded } = this.#open(request)
    return followStream(stream, {
      signal: request.signal,
      onAnswer: () => {
        this.#hasAnswered = true
        this.#heardAt = performance.now()
        this.#answeredAt = this.#heardAt
      },
      isUnseen: () =>
        stream.id === undefined || stream.id > this.#lastStreamId || guarded?.hasBegun === false,
      isConnectionLost: () => this.#session.destroyed,
    })
  }

  /** Asks whether the other side is still there; a connection that does not answer within `msMax` is ended. */
  ping(msMax: number): void {
    if (this.#isPinging || this.#session.destroyed) return
    const timer = setTimeout(() => this.#session.destroy(new Error('no answer to a ping')), msMax)
    timer.unref()
    this.#isPinging = this.#session.ping((error) => {
      clearTimeout(timer)
      this.#isPinging = false
      if (!error) this.#heardAt = performance.now()
    })
    if (!this.#isPinging) clearTimeout(timer)
  }

  /** Gives out no more streams, and closes once the last has ended. */
  retire(): void {
    this.#end()
    if (this.#streams === 0) this.#session.close()
  }

  destroy(): void {
    this.#end()
    this.#session.destroy()
  }

  #open({ method, path, headers, body, holds }: OutboundRequest) {
    if (this.#isEnding || this.#session.closed) throw new Unprocessed('the connection has ended')
    try {
      const stream = this.#session.request({ ':method': method, ':path': path, ...headers })
      const guarded = holds && this.#wire.guard(holds, stream)
      stream.end(body)
      return { stream, guarded }
    } catch {
      // After half of its 2^31 stream numbers a connection has no more (RFC 9113, section 5.1.1).
      this.retire()
      throw new Unprocessed('the connection has no more streams')
    }
  }

  #end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#events.onChange()
  }
}
