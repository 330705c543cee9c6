/**
 * All connections to one origin. Requests wait in turn for a stream; another connection is opened when those that are open
 * are full. States: unknown → HTTP/2 or HTTP/1.1, as the first connection agrees; after a dial that failed nothing is
 * dialled for a while, and requests that no open connection can take fail in the same way at once.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { Dial } from './dial.ts'
import { Http1Connections } from './http1-connections.ts'
import { Http2Connection } from './http2-connection.ts'
import { Unprocessed } from './http2-stream.ts'
import { OutboundError, type OutboundRequest, type OutboundResponse } from './outbound.ts'
import { WaitingLine } from './waiting-line.ts'

export interface ConnectionTimes {
  /** Connections that nobody used for so long are closed. */
  readonly idleMs: number
  /** One that was silent for so long is pinged, if nothing is under way on it … */
  readonly quietMs: number
  /** … and if something is. */
  readonly suspectMs: number
  /** One that does not answer a ping within this time is ended. */
  readonly pingMs: number
  /** One that answers pings, but no request for so long, gets no more requests. */
  readonly stuckMs: number
}

/** HTTP/2 connections to one origin; ours. Eight of a thousand streams are more than one process serves. */
const CONNECTIONS_MAX = 8
/** Requests under way or waiting; ours, above what all apps of a busy server have under way at once. */
const REQUESTS_MAX = 20_000
/** Tries of a request that was not processed; ours. */
const TRIES_MAX = 5
/** Between the tries, doubled each time: a server that refuses streams is starting, stopping or busy. */
const RETRY_MS = 20
/** Without a dial after one that failed, doubled each time. Ours. */
const BACKOFF_MIN_MS = 250
const BACKOFF_MAX_MS = 30_000

type Connection = Http2Connection | Http1Connections

export class OriginConnections {
  readonly #origin: URL
  readonly #dial: Dial
  readonly #times: ConnectionTimes
  /** With those that are ending. */
  readonly #http2 = new Set<Http2Connection>()
  #http1: Http1Connections | undefined
  readonly #line = new WaitingLine<Connection>()
  #isOpening = false
  #isClosed = false
  #failure: { readonly error: OutboundError; readonly count: number; readonly until: number } | undefined
  #requests = 0
  #usedAt = performance.now()

  constructor(origin: URL, dial: Dial, times: ConnectionTimes) {
    this.#origin = origin
    this.#dial = dial
    this.#times = times
  }

  /** Milliseconds since the last request ended; undefined while one is under way. */
  get unusedMs(): number | undefined {
    return this.#requests === 0 ? performance.now() - this.#usedAt : undefined
  }

  /** @throws OutboundError and nothing else. */
  async request(request: OutboundRequest): Promise<OutboundResponse> {
    if (this.#requests >= REQUESTS_MAX)
      throw new OutboundError('unreachable', 'too many requests wait for the other side')
    this.#requests++
    try {
      return await this.#tryAgain(request)
    } finally {
      this.#requests--
      this.#usedAt = performance.now()
    }
  }

  /** Called now and then: pings connections, gives up those that nobody uses or that hang, and dials again after a failure. */
  tend(): void {
    const { idleMs, quietMs, suspectMs, pingMs, stuckMs } = this.#times
    for (const connection of this.#http2) {
      const { isIdle, unusedMs, silentMs, unansweredMs } = connection
      if ((isIdle && unusedMs > idleMs) || unansweredMs > stuckMs) connection.retire()
      if (silentMs > (isIdle ? quietMs : suspectMs)) connection.ping(pingMs)
    }
    this.#serve()
  }

  close(): void {
    this.#isClosed = true
    this.#line.failAll(closed())
    for (const connection of this.#http2) connection.destroy()
    this.#http1?.close()
  }

  async #tryAgain(request: OutboundRequest): Promise<OutboundResponse> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#try(request)
      } catch (error) {
        if (!(error instanceof Unprocessed)) throw error
        if (tries >= TRIES_MAX) throw new OutboundError('refusedStream', 'the other side refuses streams')
      }
      // An abort is found by the next try.
      await sleep(RETRY_MS * 2 ** (tries - 1), undefined, { signal: request.signal }).catch(() => {})
    }
  }

  async #try(request: OutboundRequest): Promise<OutboundResponse> {
    const { signal, confirm } = request
    if (signal.aborted) throw deadline()
    const connection = this.#free() ?? (await this.#wait(signal))
    if (connection instanceof Http1Connections) return connection.send(request)
    try {
      if (confirm && !(await confirm())) throw new OutboundError('refusedByGate', 'the gate refused')
      if (signal.aborted) throw deadline()
      return await connection.send(request)
    } finally {
      connection.give()
    }
  }

  /** A stream that is free at once, unless somebody waits: that one is served before. */
  #free(): Connection | undefined {
    return this.#line.isEmpty ? this.#take() : undefined
  }

  #take(): Connection | undefined {
    if (this.#http1) return this.#http1
    for (const connection of this.#http2) {
      if (!connection.hasRoom) continue
      connection.take()
      return connection
    }
    return undefined
  }

  #wait(signal: AbortSignal): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(closed())
    const failure = this.#isConnected ? undefined : this.#failureOfLate
    if (failure) return Promise.reject(failure)
    const served = this.#line.wait(signal)
    this.#openIfNeeded()
    return served
  }

  get #isConnected(): boolean {
    return [...this.#http2].some(({ isEnding }) => !isEnding)
  }

  /** Why the last dial failed, for as long as there is to be no other. */
  get #failureOfLate(): OutboundError | undefined {
    return this.#failure && performance.now() < this.#failure.until ? this.#failure.error : undefined
  }

  /** Gives free streams to those who wait, and opens another connection where there are none. */
  #serve(): void {
    while (!this.#line.isEmpty) {
      const connection = this.#take()
      if (!connection) break
      this.#line.serveFirst(connection)
    }
    this.#openIfNeeded()
  }

  #openIfNeeded(): void {
    if (this.#line.isEmpty || this.#isOpening || this.#isClosed || this.#failureOfLate) return
    if (this.#http2.size >= CONNECTIONS_MAX) return
    if ([...this.#http2].every(({ isEnding, isFull }) => isEnding || isFull)) void this.#open()
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      const socket = await this.#reach(['h2', 'http/1.1'])
      if (socket.alpnProtocol === 'h2') this.#addHttp2(socket)
      else {
        socket.destroy()
        this.#http1 = new Http1Connections(this.#origin, () => this.#reach(['http/1.1']))
      }
    } catch (error) {
      if (!this.#isConnected) this.#line.failAll(error as OutboundError)
    }
    this.#isOpening = false
    this.#serve()
  }

  async #reach(protocols: readonly string[]): Promise<TLSSocket> {
    if (this.#failureOfLate) throw this.#failureOfLate
    try {
      const socket = await this.#dial(this.#origin, protocols)
      this.#failure = undefined
      if (!this.#isClosed) return socket
      socket.destroy()
    } catch (error) {
      // Of several that fail together one counts.
      if (!this.#failureOfLate) this.#backOff(error as OutboundError)
      throw error
    }
    throw closed()
  }

  #backOff(error: OutboundError): void {
    const count = (this.#failure?.count ?? 0) + 1
    const ms = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (count - 1))
    this.#failure = { error, count, until: performance.now() + ms }
  }

  #addHttp2(socket: TLSSocket): void {
    const connection: Http2Connection = new Http2Connection(this.#origin.origin, socket, {
      onChange: () => this.#serve(),
      onClose: () => {
        this.#http2.delete(connection)
        this.#serve()
      },
    })
    this.#http2.add(connection)
  }
}

function deadline(): OutboundError {
  return new OutboundError('deadline', 'the time of the request was over')
}

function closed(): OutboundError {
  return new OutboundError('closed', 'requests to the outside have ended')
}
