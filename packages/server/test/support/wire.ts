/** HTTP byte by byte: what is sent is written out, and every header that comes back can be compared. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'

export interface Answer {
  /** `HTTP/1.1 200 OK` */
  readonly statusLine: string
  readonly status: number
  /** By their lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** A server that does not answer within this time does not answer. */
const ANSWER_MS = 10_000

/** Sends the bytes and reads until the server ends the connection: they must ask for that, or be refused. */
export function exchange(port: number, bytes: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('the server did not answer')))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('error', reject)
    socket.once('close', () => resolve(parseAnswer(Buffer.concat(chunks).toString('utf8'))))
  })
}

/** One request on a connection of its own. `line`: method and path as they stand in the request line, unchecked. */
export function send(port: number, line: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const all = { host: 'localhost', connection: 'close', ...length, ...headers }
  const head = [`${line} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)]
  return exchange(port, Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytesOf(body)]))
}

function bytesOf(body: string | Buffer | undefined): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : (body ?? Buffer.alloc(0))
}

export function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const status = Number(statusLine.split(' ')[1])
  return { statusLine, status, headers: Object.fromEntries(headers), body: text.slice(end + 4) }
}

/** Status, every header and the whole body. Only the id of the request and the date are taken as they come. */
export function assertAnswer(
  answer: Answer,
  expected: { status: number; body: string; headers?: Readonly<Record<string, string>> },
  context: string = expected.body,
): void {
  const { 'x-request-id': requestId = '', date = '', ...headers } = answer.headers
  assert.deepEqual(
    { status: answer.status, headers, body: answer.body },
    {
      status: expected.status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(Buffer.byteLength(expected.body)),
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        connection: 'close',
        ...expected.headers,
      },
      body: expected.body,
    },
    context,
  )
  assert.match(requestId, /^[0-9a-f]{32}$/)
  assert.ok(!Number.isNaN(Date.parse(date)), date)
}

/** Nested, an integer code, words and nothing else: what every SDK can decode. Answers the code. */
export function assertRefused({ status, headers, body }: Answer, context: string): number {
  assert.ok(status >= 400 && status < 500, `${context}: ${status} ${body}`)
  assert.equal(headers['content-type'], 'application/json; charset=utf-8', context)
  const parsed = JSON.parse(body) as { error: { code: number; message: string } }
  assert.deepEqual([Object.keys(parsed), Object.keys(parsed.error)], [['error'], ['code', 'message']], body)
  assert.ok(Number.isInteger(parsed.error.code), body)
  assert.doesNotMatch(parsed.error.message, /\n|node:|\.ts\b|\bat .*:\d+|Error:/, context)
  return parsed.error.code
}
