/** Requests to an origin that speaks HTTP/1.1 alone: kept connections, one request at a time on each. */

import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'
import {
  isTaken,
  OutboundError,
  type OutboundRequest,
  type OutboundResponse,
  RESPONSE_BYTES_MAX,
} from './outbound.ts'
import { WaitingLine } from './waiting-line.ts'

/** Requests under way to one origin, each on a connection, and connections that are kept while nobody uses them; ours. */
const REQUESTS_MAX = 50
const KEPT_MAX = 20
/** Shorter than servers usually keep a connection, so that few requests meet one that is just closing. */
const KEPT_MS = 4_000

export class Http1Connections {
  readonly #origin: URL
  readonly #agent: Agent
  readonly #line = new WaitingLine<void>()
  #requests = 0

  constructor(origin: URL, dial: () => Promise<TLSSocket>) {
    this.#origin = origin
    this.#agent = new Agent({
      keepAlive: true,
      maxFreeSockets: KEPT_MAX,
      timeout: KEPT_MS,
    })
    this.#agent.createConnection = (_options, callback) => {
      dial().then(
        (socket) => callback?.(null, socket),
        (error: Error) => callback?.(error, undefined as never),
      )
      return undefined
    }
  }

  /** The head is not written before the gate was asked, on a connection that is open. @throws OutboundError */
  async send(request: OutboundRequest): Promise<OutboundResponse> {
    // The agent's own limit does not count connections that are being opened.
    if (this.#requests >= REQUESTS_MAX) await this.#line.wait(request.signal)
    else this.#requests++
    try {
      return await this.#sendNow(request)
    } finally {
      if (this.#line.isEmpty) this.#requests--
      else this.#line.serveFirst()
    }
  }

  close(): void {
    this.#line.failAll(new OutboundError('closed', 'requests to the outside have ended'))
    this.#agent.destroy()
  }

  #sendNow(request: OutboundRequest): Promise<OutboundResponse> {
    const { signal } = request
    const outgoing = this.#prepare(request)
    const progress = { isWritten: false }
    outgoing.once('socket', () => void writeIfConfirmed(outgoing, request, progress))
    return new Promise((resolve, reject) => {
      // A request that has no connection yet would say nothing of its end.
      const end = () => {
        outgoing.destroy()
        reject(deadline())
      }
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
      void answerOf(outgoing)
        .then(resolve, (error: Error) => reject(failureOf(error, progress)))
        .finally(() => signal.removeEventListener('abort', end))
    })
  }

  #prepare({ method, path, headers, body }: OutboundRequest): ClientRequest {
    return httpsRequest({
      agent: this.#agent,
      host: this.#origin.hostname,
      port: this.#origin.port || 443,
      method,
      path,
      headers: { ...headers, 'content-length': String(body.length) },
    })
  }
}

interface Progress {
  isWritten: boolean
}

async function writeIfConfirmed(
  outgoing: ClientRequest,
  { confirm, holds, body }: OutboundRequest,
  progress: Progress,
): Promise<void> {
  try {
    const isConfirmed = confirm === undefined || (await confirm())
    if (outgoing.destroyed) return
    if (!isConfirmed || holds?.(false) === false) {
      outgoing.destroy(new OutboundError('refusedByGate', 'the gate refused'))
      return
    }
    progress.isWritten = true
    outgoing.end(body)
  } catch (error) {
    outgoing.destroy(error as Error)
  }
}

function answerOf(outgoing: ClientRequest): Promise<OutboundResponse> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.once('response', (incoming) => readAnswer(incoming).then(resolve, reject))
  })
}

async function readAnswer(incoming: IncomingMessage): Promise<OutboundResponse> {
  const status = incoming.statusCode ?? 0
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, RESPONSE_BYTES_MAX - bytes))
      bytes += chunk.length
      // Leaving the loop ends the connection too.
      if (bytes >= RESPONSE_BYTES_MAX) break
    }
  } catch (error) {
    if (!isTaken(status)) throw error
  }
  return {
    status,
    headers: incoming.headers as OutboundResponse['headers'],
    body: Buffer.concat(chunks),
  }
}

function failureOf(error: Error, { isWritten }: Progress): OutboundError {
  if (error instanceof OutboundError) return error
  return isWritten
    ? new OutboundError('lost', 'the connection was lost before the answer')
    : new OutboundError('unreachable', 'the other side cannot be reached')
}

function deadline(): OutboundError {
  return new OutboundError('deadline', 'the time of the request was over')
}
