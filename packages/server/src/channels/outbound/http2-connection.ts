/**
 * One HTTP/2 connection. It gives out as many streams as the other side allows: one until its settings are there, which is
 * what Apple asks for. After a GOAWAY it gives out none, and those that the other side has not seen count as not processed.
 */

import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { OutboundError, type OutboundRequest, type OutboundResponse, RESPONSE_BYTES_MAX } from './outbound.ts'

/** Streams on one connection, whatever the other side allows; ours, for the memory that they take. */
const STREAMS_MAX = 1_000
/** What one connection may hold of answers that nobody has read, in MB; Node's default of 10 is for servers. */
const SESSION_MEMORY_MB = 64

export interface Http2ConnectionEvents {
  /** A stream is free, or more are allowed. */
  readonly onRoom: () => void
  /** Gives out no more streams. */
  readonly onEnd: () => void
}

/** Thrown where the other side has not processed a request for certain: it may go to another connection. */
export class Unprocessed extends Error {}

export class Http2Connection {
  readonly #session: ClientHttp2Session
  readonly #events: Http2ConnectionEvents
  #streamsMax = 1
  #streams = 0
  #isEnding = false
  /** Streams above this one were not processed. */
  #lastStreamId = Number.POSITIVE_INFINITY
  #usedAt = performance.now()
  #heardAt = performance.now()

  constructor(origin: string, socket: TLSSocket, events: Http2ConnectionEvents) {
    this.#events = events
    this.#session = connect(origin, {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { enablePush: false },
    })
    this.#session.setMaxListeners(0)
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.#streamsMax = Math.min(STREAMS_MAX, maxConcurrentStreams ?? STREAMS_MAX)
      events.onRoom()
    })
    this.#session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId
      this.#end()
    })
    // What is under way learns of it by its own stream.
    this.#session.on('error', () => this.#end())
    this.#session.on('close', () => this.#end())
  }

  get hasRoom(): boolean {
    return !this.#isEnding && this.#streams < this.#streamsMax && !this.#session.closed
  }

  /** Whether the other side has said how many streams it allows, and all are taken. */
  get isFull(): boolean {
    return this.#streamsMax > 1 && this.#streams >= this.#streamsMax
  }

  get isIdle(): boolean {
    return this.#streams === 0
  }

  /** Milliseconds since the last stream was taken. */
  get idleMs(): number {
    return performance.now() - this.#usedAt
  }

  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Takes a stream that is free; `give` gives it back. */
  take(): void {
    this.#streams++
    this.#usedAt = performance.now()
  }

  give(): void {
    this.#streams--
    this.#events.onRoom()
    if (this.#isEnding && this.#streams === 0) this.#session.close()
  }

  /** Writes the request in this turn and resolves with the answer. @throws OutboundError, or Unprocessed. */
  send(request: OutboundRequest): Promise<OutboundResponse> {
    if (this.#isEnding || this.#session.closed || this.#session.destroyed) {
      return Promise.reject(new Unprocessed('the connection has ended'))
    }
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': request.method,
        ':path': request.path,
        ...request.headers,
      })
      stream.end(request.body)
      this.#follow(stream, request.signal, { resolve, reject })
    })
  }

  /** Asks whether the other side is still there; a connection that does not answer within `ms` is ended. */
  ping(ms: number): void {
    if (this.#session.destroyed || performance.now() - this.#heardAt < ms) return
    const timer = setTimeout(() => this.#session.destroy(new Error('no answer to a ping')), ms)
    timer.unref()
    const isSent = this.#session.ping(() => {
      clearTimeout(timer)
      this.#heardAt = performance.now()
    })
    if (!isSent) clearTimeout(timer)
  }

  /** Gives out no more streams and closes once the last has ended. */
  retire(): void {
    this.#end()
    if (this.#streams === 0) this.#session.close()
  }

  destroy(): void {
    this.#end()
    this.#session.destroy()
  }

  #end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#events.onEnd()
  }

  #follow(
    stream: ClientHttp2Stream,
    signal: AbortSignal,
    { resolve, reject }: { resolve: (response: OutboundResponse) => void; reject: (error: Error) => void },
  ): void {
    let response: { status: number; headers: OutboundResponse['headers'] } | undefined
    const chunks: Buffer[] = []
    let bytes = 0
    const onAbort = () => stream.close(constants.NGHTTP2_CANCEL)
    signal.addEventListener('abort', onAbort, { once: true })
    stream.on('response', (headers) => {
      this.#heardAt = performance.now()
      response = {
        status: Number(headers[':status']),
        headers: headers as unknown as OutboundResponse['headers'],
      }
    })
    stream.on('data', (chunk: Buffer) => {
      if (bytes < RESPONSE_BYTES_MAX) chunks.push(chunk.subarray(0, RESPONSE_BYTES_MAX - bytes))
      bytes += chunk.length
    })
    stream.on('error', () => {
      // What it means is judged when the stream is closed.
    })
    stream.on('close', () => {
      signal.removeEventListener('abort', onAbort)
      if (response && stream.rstCode === constants.NGHTTP2_NO_ERROR) {
        resolve({ ...response, body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) })
      } else
        reject(this.#failureOf(stream, { isAborted: signal.aborted, hasResponse: response !== undefined }))
    })
    if (signal.aborted) onAbort()
  }

  #failureOf(
    stream: ClientHttp2Stream,
    { isAborted, hasResponse }: { isAborted: boolean; hasResponse: boolean },
  ): Error {
    if (isAborted) return new OutboundError('deadline', 'the time of the request was over')
    const isUnseen = stream.id === undefined || stream.id > this.#lastStreamId
    const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
    if (!hasResponse && (isUnseen || isRefused)) return new Unprocessed('the stream was refused')
    return new OutboundError('lost', 'the connection was lost before the answer')
  }
}
