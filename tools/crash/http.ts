// Calls to the server over kept connections. A call that got no whole answer is an ordinary result here: that is what
// killing a server is about.
import { Agent, request } from 'node:http'
import { appKey, basicAuth } from '../server-process.ts'

export type Call = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  /** Basic authentication of the customer's server, a device's secret, or nothing. */
  as: 'server' | { secret: string } | 'nobody'
  body?: unknown
  idempotencyKey?: string
}

export type Answer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: unknown
}

/** Longer than any time-out of the server: whoever waits longer found a call that hangs. */
const answerTimeoutMs = 45_000

export class Http {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })
  readonly #url: URL

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** Undefined: the connection ended before the answer was whole. */
  send(call: Call): Promise<Answer | undefined> {
    const text = call.body === undefined ? undefined : JSON.stringify(call.body)
    return new Promise((resolve, reject) => {
      const sent = request({
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method: call.method,
        path: call.path,
        headers: headersOf(call, text),
      })
      sent.setTimeout(answerTimeoutMs, () => reject(new Error(`${call.method} ${call.path} hangs`)))
      sent.once('error', () => resolve(undefined))
      sent.once('response', (response) => {
        let received = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          received += chunk
        })
        response.once('error', () => resolve(undefined))
        response.once('close', () => {
          if (!response.complete) resolve(undefined)
          else resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parse(received) })
        })
      })
      sent.end(text)
    })
  }

  /** For calls that must be answered. */
  async ask(call: Call): Promise<Answer> {
    const answer = await this.send(call)
    if (answer === undefined) throw new Error(`${call.method} ${call.path} got no answer`)
    return answer
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The number of the error that an answer carries; undefined when it carries none. */
export function errorCode({ body }: Answer): number | undefined {
  return (body as { error?: { code?: number } } | null)?.error?.code
}

export function clientPath(rest = ''): string {
  return `/client/v1/apps/${appKey}/registrations${rest}`
}

function headersOf(call: Call, text: string | undefined): Record<string, string> {
  const authorization =
    call.as === 'server' ? basicAuth : call.as === 'nobody' ? '' : `Bearer ${call.as.secret}`
  return {
    ...(authorization === '' ? {} : { authorization }),
    ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
