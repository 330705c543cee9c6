/** Calls the operator API of a server, and says in a sentence what went wrong. */

import { Complaint, EXIT_USAGE } from './complaint.ts'

export interface Connection {
  readonly url: string
  readonly operatorToken: string | undefined
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/** Longer than the server takes for anything that this API does. */
const TIMEOUT_MS = 30_000

/** The answer's body. Its shape is the server's promise, in the schemas of the protocol. */
export async function callOperatorApi<Answer>(connection: Connection, request: Request): Promise<Answer> {
  const { url, operatorToken } = connection
  if (operatorToken === undefined) {
    throw new Complaint(
      'Set LETHE_OPERATOR_TOKEN, or give --operator-token: the server printed it at its first start.',
      EXIT_USAGE,
    )
  }
  const response = await send(url, operatorToken, request)
  const text = await response.text()
  if (response.ok) return parse<Answer>(text, url)
  throw new Complaint(await sentenceOf(response.status, text, url))
}

async function send(url: string, operatorToken: string, { method, path, body }: Request): Promise<Response> {
  try {
    return await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${operatorToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    if (error instanceof TypeError && URL.parse(url) === null) {
      throw new Complaint(`${url} is not a URL: give --url like http://127.0.0.1:7300.`, EXIT_USAGE)
    }
    throw new Complaint(
      `No server answers at ${url} (${reasonOf(error)}): start it, or give --url or LETHE_URL.`,
    )
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : undefined
  if (typeof code === 'string') return code
  return error instanceof Error ? error.message : 'unknown'
}

function parse<Answer>(text: string, url: string): Answer {
  try {
    return JSON.parse(text) as Answer
  } catch {
    throw new Complaint(`What answers at ${url} is not a Lethe server.`)
  }
}

async function sentenceOf(status: number, text: string, url: string): Promise<string> {
  const { error } = parse<{ error?: { code?: number; message?: string } }>(text, url)
  if (status === 401)
    return 'The operator token is wrong: give the one that the server printed at its first start, or its LETHE_OPERATOR_TOKEN.'
  if (error?.message === undefined) return `What answers at ${url} is not a Lethe server.`
  return `${error.message} (${status}, code ${error.code}).`
}
