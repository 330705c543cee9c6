/** One request on an HTTP/2 connection, from the moment it was written: its answer, or why there is none. */

import { type ClientHttp2Stream, constants } from 'node:http2'
import { isTaken, OutboundError, type OutboundResponse, RESPONSE_BYTES_MAX } from './outbound.ts'

export interface StreamContext {
  /** The stream is reset when it aborts. */
  readonly signal: AbortSignal
  /** The head of the answer is there. */
  readonly onAnswer: () => void
  /** Asked when the stream is closed: whether the connection's end says that the other side did not look at the stream. */
  readonly isUnseen: () => boolean
  /** Asked when the stream is closed: whether it is the connection that has ended. */
  readonly isConnectionLost: () => boolean
}

/** Thrown where the other side has not processed a request: it may go out again, on another connection. */
export class Unprocessed extends Error {}

/** @throws OutboundError, or Unprocessed. */
export function followStream(stream: ClientHttp2Stream, context: StreamContext): Promise<OutboundResponse> {
  const { signal } = context
  return new Promise((resolve, reject) => {
    const answer = new Answer(stream)
    const reset = () => stream.close(constants.NGHTTP2_CANCEL)
    signal.addEventListener('abort', reset, { once: true })
    stream.on('response', context.onAnswer)
    stream.on('error', () => {
      // What it means is judged when the stream is closed.
    })
    stream.on('close', () => {
      signal.removeEventListener('abort', reset)
      const response = answer.response()
      if (response) resolve(response)
      else reject(failureOf(stream, context, answer.hasBegun))
    })
    if (signal.aborted) reset()
  })
}

/** Collects an answer, and cuts it off at the most that is kept. */
class Answer {
  readonly #stream: ClientHttp2Stream
  readonly #chunks: Buffer[] = []
  #head: { readonly status: number; readonly headers: OutboundResponse['headers'] } | undefined
  #bytes = 0

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream
    stream.on('response', (headers) => {
      this.#head = {
        status: Number(headers[':status']),
        headers: headers as unknown as OutboundResponse['headers'],
      }
    })
    stream.on('data', (chunk: Buffer) => this.#add(chunk))
  }

  get hasBegun(): boolean {
    return this.#head !== undefined
  }

  /** Asked when the stream is closed; undefined if the answer is not whole. */
  response(): OutboundResponse | undefined {
    if (!this.#head) return undefined
    const isWhole = this.#stream.rstCode === constants.NGHTTP2_NO_ERROR
    const isCut = this.#bytes >= RESPONSE_BYTES_MAX
    if (!isWhole && !isCut && !isTaken(this.#head.status)) return undefined
    const [first] = this.#chunks
    return { ...this.#head, body: first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks) }
  }

  #add(chunk: Buffer): void {
    this.#chunks.push(chunk.subarray(0, RESPONSE_BYTES_MAX - this.#bytes))
    this.#bytes += chunk.length
    if (this.#bytes < RESPONSE_BYTES_MAX) return
    this.#stream.removeAllListeners('data').resume()
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }
}

function failureOf(stream: ClientHttp2Stream, context: StreamContext, hasBegun: boolean): Error {
  if (context.signal.aborted) return new OutboundError('deadline', 'the time of the request was over')
  // The streams of a connection that is lost are closed with the code of its end, which says nothing about them.
  const isRefused = !context.isConnectionLost() && REFUSALS.has(stream.rstCode)
  if (!hasBegun && (isRefused || context.isUnseen())) return new Unprocessed('the stream was refused')
  return new OutboundError('lost', 'the connection was lost before the answer')
}

/** How a server says that it did not process a stream. The second is what Node's say of one above their limit. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([
  constants.NGHTTP2_REFUSED_STREAM,
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
])
