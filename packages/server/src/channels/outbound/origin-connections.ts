/**
 * All connections to one origin. Requests wait in turn for a stream; another connection is opened when those that are open
 * are full. An origin that could not be reached is left alone for a while, so that a dead one costs no dial per request.
 */

import type { Dial } from './dial.ts'
import { Http1Connections } from './http1-connections.ts'
import { Http2Connection, Unprocessed } from './http2-connection.ts'
import { OutboundError, type OutboundRequest, type OutboundResponse } from './outbound.ts'

/** Connections to one origin; ours. Eight of a thousand streams are more than one process serves. */
const CONNECTIONS_MAX = 8
/** Requests that wait for a stream; those beyond are told that the origin cannot be reached. Ours. */
const WAITING_MAX = 20_000
/** Tries of a request that was not processed; ours. */
const TRIES_MAX = 5
/** Waits between them, doubled each time: a server that refuses streams is starting or stopping. */
const RETRY_MS = 20
const BACKOFF_MIN_MS = 250
const BACKOFF_MAX_MS = 30_000
/** Connections that nobody used for so long are closed. */
const IDLE_MS = 300_000
const PING_MS = 10_000

interface Waiting {
  readonly resolve: (connection: Http2Connection | Http1Connections) => void
  readonly reject: (error: Error) => void
  readonly signal: AbortSignal
}

export class OriginConnections {
  readonly #origin: URL
  readonly #dial: Dial
  readonly #http2: Http2Connection[] = []
  #http1: Http1Connections | undefined
  #waiting: Waiting[] = []
  #isOpening = false
  #isClosed = false
  #failures = 0
  #failedUntil = 0
  #requests = 0

  constructor(origin: URL, dial: Dial) {
    this.#origin = origin
    this.#dial = dial
  }

  /** Whether nobody uses it now, nor has for a while. */
  get isIdle(): boolean {
    return this.#requests === 0
  }

  async request(request: OutboundRequest): Promise<OutboundResponse> {
    this.#requests++
    try {
      for (let tries = 1; ; tries++) {
        try {
          return await this.#try(request)
        } catch (error) {
          if (!(error instanceof Unprocessed)) throw error
          if (tries >= TRIES_MAX) throw new OutboundError('refusedStream', 'the other side refuses streams')
        }
        await pause(RETRY_MS * 2 ** (tries - 1))
      }
    } finally {
      this.#requests--
    }
  }

  /** Pings connections, and closes those that nobody uses. */
  tend(): void {
    for (const connection of [...this.#http2]) {
      if (connection.isIdle && connection.idleMs > IDLE_MS) connection.retire()
      else connection.ping(PING_MS)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const connection of [...this.#http2]) connection.destroy()
    this.#http1?.close()
    this.#failWaiting(new OutboundError('closed', 'requests to the outside have ended'))
  }

  async #try(request: OutboundRequest): Promise<OutboundResponse> {
    const { signal, confirm } = request
    const connection = this.#free() ?? (await this.#wait(signal))
    if (connection instanceof Http1Connections) return connection.send(this.#origin, request)
    try {
      if (confirm && !(await confirm())) throw new OutboundError('refusedByGate', 'the gate refused')
      if (signal.aborted) throw deadline()
      return await connection.send(request)
    } finally {
      connection.give()
    }
  }

  /** A stream that is free at once. Those who wait are served before. */
  #free(): Http2Connection | Http1Connections | undefined {
    if (this.#http1) return this.#http1
    if (this.#waiting.length > 0) return undefined
    const connection = this.#http2.find((one) => one.hasRoom)
    connection?.take()
    return connection
  }

  #wait(signal: AbortSignal): Promise<Http2Connection | Http1Connections> {
    if (this.#isClosed)
      return Promise.reject(new OutboundError('closed', 'requests to the outside have ended'))
    if (signal.aborted) return Promise.reject(deadline())
    if (this.#waiting.length >= WAITING_MAX || this.#isFailing()) {
      return Promise.reject(new OutboundError('unreachable', 'the other side cannot be reached for now'))
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(deadline())
      }
      signal.addEventListener('abort', onAbort, { once: true })
      const settle = () => signal.removeEventListener('abort', onAbort)
      const waiting: Waiting = {
        signal,
        resolve: (connection) => {
          settle()
          resolve(connection)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      this.#waiting.push(waiting)
      this.#serve()
    })
  }

  #isFailing(): boolean {
    return this.#http2.length === 0 && performance.now() < this.#failedUntil
  }

  /** Gives free streams to those who wait, and opens another connection where there are none. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      const connection = this.#http1 ?? this.#http2.find((one) => one.hasRoom)
      if (!connection) break
      if (connection instanceof Http2Connection) connection.take()
      this.#waiting.shift()?.resolve(connection)
    }
    if (this.#waiting.length > 0 && this.#mayOpen()) void this.#open()
  }

  #mayOpen(): boolean {
    if (this.#isOpening || this.#isClosed || this.#http2.length >= CONNECTIONS_MAX) return false
    return this.#http2.every((connection) => connection.isFull)
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      const socket = await this.#dial(this.#origin, ['h2', 'http/1.1'])
      this.#failures = 0
      if (this.#isClosed) socket.destroy()
      else if (socket.alpnProtocol === 'h2') this.#addHttp2(socket)
      else {
        socket.destroy()
        this.#http1 = new Http1Connections(this.#origin, this.#dial)
      }
    } catch (error) {
      this.#failedUntil = performance.now() + Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#failures++)
      if (this.#http2.length === 0) this.#failWaiting(error as Error)
    } finally {
      this.#isOpening = false
    }
    this.#serve()
  }

  #addHttp2(socket: Awaited<ReturnType<Dial>>): void {
    const connection: Http2Connection = new Http2Connection(this.#origin.origin, socket, {
      onRoom: () => this.#serve(),
      onEnd: () => {
        const index = this.#http2.indexOf(connection)
        if (index !== -1) this.#http2.splice(index, 1)
        this.#serve()
      },
    })
    this.#http2.push(connection)
  }

  #failWaiting(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}

function deadline(): OutboundError {
  return new OutboundError('deadline', 'the time of the request was over')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
