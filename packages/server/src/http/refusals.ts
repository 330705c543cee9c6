/** Answers to what goes wrong outside an operation: in the framework, in the storage, in a program's fault. */

import { type ErrorName, errorBody } from '@lethe/protocol/errors.ts'
import { bodyBytesMax } from '@lethe/protocol/limits.ts'
import { type Reply, refuse } from '../kernel/reply.ts'
import type { Route } from './route.ts'

/** The framework's own refusals, by its codes. What is not here is a fault of ours. */
export function refusalOfFramework(error: unknown, bytesMax: number = bodyBytesMax): Reply | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return refuse('bodyTooLarge', `the body is too large: at most ${bytesMax} bytes`)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return refuse('contentTypeUnsupported')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return refuse('parameterInvalid', 'the body is not as long as the header Content-Length says')
    case 'FST_ERR_BAD_URL':
      return refuse('parameterInvalid', 'the path is not percent-encoded UTF-8')
    default:
      return undefined
  }
}

/** What is wrong with the head of a request that could be read as HTTP: 1.1 asks for a Host (RFC 9112, 3.2). */
export function refusalOfHead(head: {
  readonly httpVersion: string
  readonly headers: { readonly host?: string | undefined }
}): Reply | undefined {
  if (head.headers.host !== undefined || head.httpVersion !== '1.1') return undefined
  return refuse('parameterInvalid', 'the header Host is missing')
}

/** A whole HTTP answer to what cannot be read as HTTP; the connection ends after it. */
export function refusalOfConnection(error: unknown, requestId: string): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  const [status, words] = CONNECTION_REFUSALS[String(code)] ?? ['400 Bad Request', 'this is not valid HTTP']
  const body = JSON.stringify(errorBody('parameterInvalid', words))
  return [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

/** Which methods a path answers to, for the header Allow; none when no route has this path. */
export function createMethodsOf(routes: readonly Route[]): (url: string) => string[] {
  const patterns = routes.map((route) => ({ route, segments: segmentsOf(route.path) }))
  return (url) => {
    const called = segmentsOf(url.split('?', 1)[0] ?? '')
    const fitting = patterns.filter(({ segments }) => fits(segments, called)).map(({ route }) => route)
    const methods = fitting.flatMap(({ method, access }) => [
      method,
      ...(method === 'GET' ? ['HEAD'] : []),
      ...(access === 'client' ? ['OPTIONS'] : []),
    ])
    return [...new Set(methods)].sort()
  }
}

/** The answer where no operation is: a path that nobody has, or a method that this path has not. */
export function refusalOfPath(methods: readonly string[]): Reply {
  if (methods.length === 0) return refuse('pathUnknown')
  return refuse('methodNotAllowed', undefined, { allow: methods.join(', ') })
}

/** What the storage's exceptions mean to the caller; undefined for every other one. */
export type NameFailure = (error: unknown) => ErrorName | undefined

export const JSON_TYPE = 'application/json; charset=utf-8'

const CONNECTION_REFUSALS: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the head of the request is too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive in time'],
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '')
}

function fits(segments: readonly string[], called: readonly string[]): boolean {
  return (
    segments.length === called.length &&
    segments.every((segment, index) => segment.startsWith(':') || segment === called[index])
  )
}
