/** How a sender proves to a push service who it is: VAPID (RFC 8292), one signed token for each service. */

import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { WebPushCredentials } from './credentials.ts'

/** RFC 8292 section 2 allows 24 hours. Half of it, so that clocks may differ by hours in either direction. */
const LIFE_MS = 12 * 60 * 60_000

/** A token is replaced at half of its life. */
const USE_MS = LIFE_MS / 2

/** A token younger than this was not refused for its age: another would be refused as well. */
const RENEWABLE_AFTER_MS = 60_000

/** Origins of push services whose tokens are kept; ours. There are five services, and whoever registers names an origin. */
const ORIGINS_MAX = 500

interface Signed {
  readonly authorization: string
  readonly signedAt: number
}

/** The headers `authorization` of one app. */
export class VapidHeaders {
  readonly #clock: Pick<Clock, 'now'>
  readonly #credentials: WebPushCredentials
  readonly #key: KeyObject
  /** By origin, the one used last at the end. */
  readonly #signed = new Map<string, Signed>()

  constructor(clock: Pick<Clock, 'now'>, credentials: WebPushCredentials) {
    this.#clock = clock
    this.#credentials = credentials
    this.#key = privateKeyOf(credentials)
  }

  /** For requests to this origin, `https://host[:port]`. Signed once and used for hours. */
  of(origin: string): string {
    const known = this.#signed.get(origin)
    this.#signed.delete(origin)
    const signed = known && this.#ageMs(known) < USE_MS ? known : this.#sign(origin)
    this.#signed.set(origin, signed)
    return signed.authorization
  }

  /** Another one, after `refused` was refused; undefined where a new signature would make no difference. */
  renewed(origin: string, refused: string): string | undefined {
    const known = this.#signed.get(origin)
    if (known?.authorization === refused) {
      if (this.#ageMs(known) < RENEWABLE_AFTER_MS) return undefined
      this.#signed.delete(origin)
    }
    return this.of(origin)
  }

  #ageMs({ signedAt }: Signed): number {
    return Math.abs(this.#clock.now() - signedAt)
  }

  #sign(origin: string): Signed {
    const [oldest] = this.#signed.keys()
    if (this.#signed.size >= ORIGINS_MAX && oldest !== undefined) this.#signed.delete(oldest)
    const signedAt = this.#clock.now()
    const { publicKey, subject } = this.#credentials
    const claims = { aud: origin, exp: Math.floor((signedAt + LIFE_MS) / 1_000), sub: subject }
    return { authorization: `vapid t=${signedToken(claims, this.#key)}, k=${publicKey}`, signedAt }
  }
}

/** A JWT under ES256 (RFC 7518 section 3.4). */
function signedToken(claims: object, key: KeyObject): string {
  const content = `${TOKEN_HEADER}.${encoded(claims)}`
  const signature = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' })
  return `${content}.${signature.toString('base64url')}`
}

function privateKeyOf({ publicKey, privateKey }: WebPushCredentials): KeyObject {
  const point = Buffer.from(publicKey, 'base64url')
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)]
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d: privateKey, x, y }, format: 'jwk' })
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

const TOKEN_HEADER = encoded({ typ: 'JWT', alg: 'ES256' })
