/**
 * The access token of a service account, which every request to FCM carries: an OAuth 2.0 grant with a signed assertion
 * (RFC 7523), made again some time before it ends. States: none → asked for → held; held and soon over → held while a new
 * one is asked for; after a failure → none, and nobody asks again until a delay has passed.
 */

import { createPrivateKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Clock } from '../../kernel/clock.ts'
import { type Outbound, OutboundError, type OutboundResponse } from '../outbound/outbound.ts'
import type { FcmCredentials } from './credentials.ts'

export interface AccessTokenDeps {
  readonly outbound: Pick<Outbound, 'request'>
  readonly clock: Clock
}

export type AccessTokenResult =
  | { readonly ok: true; readonly token: string }
  /** `afterMs`: until then nobody is asked again. `reason`: Google's word for it, or how the request failed. */
  | { readonly ok: false; readonly afterMs: number; readonly reason: string }

interface Held {
  readonly token: string
  readonly renewsAt: number
  readonly endsAt: number
}

interface Failed {
  /** How often in a row. */
  readonly count: number
  readonly until: number
  readonly reason: string
}

/** Times are those of the clock that never jumps, but for the assertion, which Google reads. */
export class AccessToken {
  readonly #deps: AccessTokenDeps
  readonly #credentials: FcmCredentials
  readonly #key: KeyObject
  readonly #closing = new AbortController()
  #held: Held | undefined
  #failed: Failed | undefined
  #asking: Promise<AccessTokenResult> | undefined

  constructor(deps: AccessTokenDeps, credentials: FcmCredentials) {
    this.#deps = deps
    this.#credentials = credentials
    this.#key = createPrivateKey(credentials.privateKey)
  }

  /** One for all who ask at the same time, valid for a while yet. Resolves at once when `signal` aborts; never rejects. */
  async get(signal: AbortSignal): Promise<AccessTokenResult> {
    const now = this.#deps.clock.monotonic()
    const held = this.#held && now + LEFT_MS_MIN < this.#held.endsAt ? this.#held : undefined
    if (held && now < held.renewsAt) return { ok: true, token: held.token }
    const late = this.#failureOfLate(now)
    const asked = late ? Promise.resolve(late) : this.#ask()
    return held ? { ok: true, token: held.token } : orAborted(asked, signal)
  }

  /** The token was refused, though it should be valid: the next that is given is another. */
  discard(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }

  /** A fresh token was refused too: an operator has to mend something, and until then Google is asked now and then. */
  suspend(token: string, reason: string): void {
    this.discard(token)
    this.#failed = { count: 1, until: this.#deps.clock.monotonic() + RETRY_MS_MAX, reason }
  }

  /** Ends a request that is under way. */
  close(): void {
    this.#closing.abort()
  }

  #failureOfLate(now: number): AccessTokenResult | undefined {
    if (this.#failed === undefined) return undefined
    const afterMs = this.#failed.until - now
    return afterMs > 0 ? { ok: false, afterMs: Math.ceil(afterMs), reason: this.#failed.reason } : undefined
  }

  #ask(): Promise<AccessTokenResult> {
    this.#asking ??= this.#request().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #request(): Promise<AccessTokenResult> {
    const response = await this.#post(await this.#assertion())
    const granted = typeof response === 'string' ? response : grantOf(response)
    const now = this.#deps.clock.monotonic()
    if (typeof granted === 'string') return this.#fail(granted, now)
    this.#failed = undefined
    const livesMs = granted.seconds * 1_000
    const renewsAt = now + Math.max(livesMs - RENEW_BEFORE_MS, livesMs / 2)
    this.#held = { token: granted.token, renewsAt, endsAt: now + livesMs }
    return { ok: true, token: granted.token }
  }

  #fail(reason: string, now: number): AccessTokenResult {
    const count = (this.#failed?.count ?? 0) + 1
    const afterMs = Math.min(RETRY_MS_MIN * 2 ** (count - 1), RETRY_MS_MAX)
    this.#failed = { count, until: now + afterMs, reason }
    return { ok: false, afterMs, reason }
  }

  #assertion(): Promise<string> {
    const { clientEmail, tokenUri } = this.#credentials
    const issuedAt = Math.floor(this.#deps.clock.now() / 1_000)
    return new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(clientEmail)
      .setAudience(tokenUri)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ASSERTION_SECONDS)
      .sign(this.#key)
  }

  /** The answer, or a word for why there is none. */
  async #post(assertion: string): Promise<OutboundResponse | string> {
    const { outbound, clock } = this.#deps
    const { origin, pathname } = new URL(this.#credentials.tokenUri)
    const ended = new AbortController()
    const deadline = new AbortController()
    // Only the clock ends it: `ended` lets the sleep go when the answer has come.
    const late = clock.sleep(REQUEST_MS_MAX, ended.signal).then(() => deadline.abort())
    try {
      return await outbound.request({
        origin,
        method: 'POST',
        path: pathname,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString()),
        signal: AbortSignal.any([deadline.signal, this.#closing.signal]),
      })
    } catch (error) {
      if (error instanceof OutboundError) return error.failure
      throw error
    } finally {
      ended.abort()
      await late
    }
  }
}

function orAborted(asked: Promise<AccessTokenResult>, signal: AbortSignal): Promise<AccessTokenResult> {
  const aborted = new Promise<AccessTokenResult>((resolve) => {
    const late = () => resolve({ ok: false, afterMs: 0, reason: 'ended' })
    if (signal.aborted) late()
    signal.addEventListener('abort', late, { once: true })
  })
  return Promise.race([asked, aborted])
}

interface Grant {
  readonly token: string
  readonly seconds: number
}

/** The grant of an answer, or Google's word for why there is none. */
function grantOf({ status, body }: OutboundResponse): Grant | string {
  const { access_token, expires_in, error } = parsed(body)
  const isGrant = status === 200 && typeof access_token === 'string' && access_token !== ''
  if (isGrant && typeof expires_in === 'number') return { token: access_token, seconds: expires_in }
  return typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : `HTTP_${status}`
}

function parsed(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(body.toString()) }
  } catch {
    return {}
  }
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
/** RFC 7523, section 2.1. */
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Google takes an hour at most. */
const ASSERTION_SECONDS = 3_600
/** Ours. Tokens live an hour: the new one is there long before, even if Google is away for some minutes. */
const RENEW_BEFORE_MS = 300_000
/** Ours: a send that begins now is over by then. */
const LEFT_MS_MIN = 30_000
/** Ours: a third of the hard deadline of a send. */
const REQUEST_MS_MAX = 10_000
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
