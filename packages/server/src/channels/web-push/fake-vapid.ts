/** A push service's half of VAPID (RFC 8292): whether a request was signed for this service, by whom, and until when. */

import { createPublicKey, verify } from 'node:crypto'

export type VapidJudgement =
  /** `publicKey`: base64url, of whoever signed. */
  | { readonly ok: true; readonly publicKey: string; readonly expiresAtSeconds: number }
  | { readonly ok: false; readonly reason: string }

export interface VapidInput {
  /** The header; undefined when it is missing. */
  readonly authorization: string | undefined
  /** Of the push service. */
  readonly origin: string
  readonly nowMs: number
}

/** Reasons are words like those of Apple's service. */
export function judgeVapid({ authorization, origin, nowMs }: VapidInput): VapidJudgement {
  const [, token = '', publicKey = ''] = HEADER.exec(authorization ?? '') ?? []
  const [head = '', body = '', signature = '', ...more] = token.split('.')
  const [header, claims] = [head, body].map(objectOf)
  if (!header || !claims || more.length > 0) return refusedFor('MissingProviderToken')
  if (header['alg'] !== 'ES256' || !isSigned(`${head}.${body}`, signature, publicKey))
    return refusedFor('InvalidSignature')
  const { aud, exp, sub } = claims
  if (aud !== origin) return refusedFor('BadAudience')
  if (typeof exp !== 'number' || exp * 1_000 <= nowMs) return refusedFor('ExpiredProviderToken')
  if (exp * 1_000 > nowMs + DAY_MS) return refusedFor('BadExpiration')
  if (typeof sub !== 'string' || !/^(mailto:|https:\/\/)./.test(sub)) return refusedFor('BadSubject')
  return { ok: true, publicKey, expiresAtSeconds: exp }
}

function refusedFor(reason: string): VapidJudgement {
  return { ok: false, reason }
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function isSigned(content: string, signature: string, publicKey: string): boolean {
  const point = Buffer.from(publicKey, 'base64url')
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)]
  try {
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
    const options = { key, dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', Buffer.from(content), options, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}

/** Both parameters, in the order in which every library writes them. */
const HEADER = /^vapid t=([\w.-]+), ?k=([\w-]+)$/

/** RFC 8292 section 2. */
const DAY_MS = 24 * 60 * 60_000
