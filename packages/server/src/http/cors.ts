/** Which web pages may use the client API: those of the origins that the operator listed for the app. */

/** What is decided about the origin of a call. */
export type OriginVerdict = 'none' | 'allowed' | 'refused'

export interface OriginQuestion {
  /** The header Origin; absent on phones and in servers. */
  readonly origin: string | undefined
  /** The header Host, by which this server was called. */
  readonly host: string | undefined
  /** Origins that the operator listed; `*` stands for all. */
  readonly origins: readonly string[]
}

/** Pages of this server's own host need no listing. */
export function judgeOrigin({ origin, host, origins }: OriginQuestion): OriginVerdict {
  if (origin === undefined) return 'none'
  if (origins.includes(origin) || origins.includes('*')) return 'allowed'
  return host !== undefined && (origin === `https://${host}` || origin === `http://${host}`)
    ? 'allowed'
    : 'refused'
}

/** Goes with every answer to a page of an allowed origin, refusals included: the page must be able to read them. */
export function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED_HEADERS,
    vary: 'Origin',
  }
}

/** Answers the question that a browser asks before the call itself. */
export function preflightHeaders(origin: string, methods: readonly string[]): Record<string, string> {
  return {
    ...corsHeaders(origin),
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': ALLOWED_HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  }
}

const EXPOSED_HEADERS = 'Lethe-Erasure, Lethe-Skipped, Retry-After, X-Request-Id'
const ALLOWED_HEADERS = 'Authorization, Content-Type, Idempotency-Key'
/** Ours: two hours is the most that Chromium keeps; ten minutes lets a changed list take effect. */
const PREFLIGHT_SECONDS = 600
