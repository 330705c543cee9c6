/** Requests to an origin that speaks HTTP/1.1 alone: kept connections, one request at a time on each. */

import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Dial } from './dial.ts'
import { OutboundError, type OutboundRequest, type OutboundResponse, RESPONSE_BYTES_MAX } from './outbound.ts'

/** Connections to one origin, and requests that wait for one; ours. */
const CONNECTIONS_MAX = 50
const KEPT_MAX = 20
/** Shorter than servers usually keep a connection, so that few requests meet one that is just closing. */
const KEPT_MS = 4_000

export class Http1Connections {
  readonly #agent: Agent

  constructor(origin: URL, dial: Dial) {
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: CONNECTIONS_MAX,
      maxFreeSockets: KEPT_MAX,
      timeout: KEPT_MS,
    })
    this.#agent.createConnection = (_options, callback) => {
      dial(origin, ['http/1.1']).then(
        (socket) => callback?.(null, socket),
        (error: Error) => callback?.(error, undefined as never),
      )
      return undefined as unknown as TLSSocket
    }
  }

  /** The head is not written before the gate was asked, on a connection that is open. */
  send(origin: URL, request: OutboundRequest): Promise<OutboundResponse> {
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest({
        agent: this.#agent,
        host: origin.hostname,
        port: origin.port || 443,
        method: request.method,
        path: request.path,
        headers: { ...request.headers, 'content-length': String(request.body.length) },
      })
      const state = { isWritten: false }
      const onAbort = () =>
        outgoing.destroy(new OutboundError('deadline', 'the time of the request was over'))
      request.signal.addEventListener('abort', onAbort, { once: true })
      const settle = () => request.signal.removeEventListener('abort', onAbort)
      outgoing.once('socket', () => void writeIfConfirmed(outgoing, request, state))
      outgoing.once('error', (error) => {
        settle()
        reject(failureOf(error, state.isWritten))
      })
      outgoing.once('response', (incoming) => {
        readBody(incoming).then(
          (body) => {
            settle()
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers as OutboundResponse['headers'],
              body,
            })
          },
          (error: Error) => {
            settle()
            reject(failureOf(error, true))
          },
        )
      })
      if (request.signal.aborted) onAbort()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function writeIfConfirmed(
  outgoing: ClientRequest,
  { confirm, body }: OutboundRequest,
  state: { isWritten: boolean },
): Promise<void> {
  try {
    const isConfirmed = confirm === undefined || (await confirm())
    if (outgoing.destroyed) return
    if (!isConfirmed) {
      outgoing.destroy(new OutboundError('refusedByGate', 'the gate refused'))
      return
    }
    state.isWritten = true
    outgoing.end(body)
  } catch (error) {
    outgoing.destroy(error as Error)
  }
}

function failureOf(error: Error, isWritten: boolean): OutboundError {
  if (error instanceof OutboundError) return error
  return isWritten
    ? new OutboundError('lost', 'the connection was lost before the answer')
    : new OutboundError('unreachable', 'the other side cannot be reached')
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    if (bytes < RESPONSE_BYTES_MAX) chunks.push(chunk.subarray(0, RESPONSE_BYTES_MAX - bytes))
    bytes += chunk.length
  }
  return Buffer.concat(chunks)
}
