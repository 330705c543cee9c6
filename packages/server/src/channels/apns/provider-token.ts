/**
 * The token by which Apple knows who sends: a JWT over the team and the time, signed with the team's key. Apple takes one for
 * an hour, and wants no new one within 20 minutes. So its time is a step of half an hour: whoever has the same key, another
 * app or another node, says the same time until the next step. One that Apple calls expired is replaced, but seldom: then our
 * clock is slow, and the steps are counted from that moment, so that tokens are as young as can be and stay as long as others.
 */

import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { ApnsCredentials } from './credentials.ts'

export class ProviderToken {
  readonly #clock: Clock
  readonly #head: string
  readonly #teamId: string
  readonly #key: KeyObject
  #held: { readonly token: string; readonly step: number } | undefined
  /** Where a step begins, and how old its token is there. */
  #steps = { from: AGE_MS_MIN, ageMs: AGE_MS_MIN }
  #replacedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, { key, keyId, teamId }: ApnsCredentials) {
    this.#clock = clock
    this.#head = base64url(JSON.stringify({ alg: 'ES256', kid: keyId }))
    this.#teamId = teamId
    this.#key = createPrivateKey(key)
  }

  /** A token that is 5 to 35 minutes old by the wall clock, so that a clock which is a little fast does no harm. */
  current(): string {
    const { from, ageMs } = this.#steps
    const step = Math.floor((this.#clock.now() - from) / STEP_MS)
    if (this.#held?.step !== step) this.#held = { step, token: this.#mint(from + step * STEP_MS - ageMs) }
    return this.#held.token
  }

  /** Another in place of one that was refused as expired; undefined if there was another just so within 20 minutes. */
  replacing(refused: string): string | undefined {
    const current = this.current()
    if (current !== refused) return current
    const now = this.#clock.monotonic()
    if (now - this.#replacedAt < REPLACE_MS_MIN) return undefined
    this.#replacedAt = now
    this.#steps = { from: this.#clock.now(), ageMs: 0 }
    this.#held = undefined
    return this.current()
  }

  #mint(issuedAtMs: number): string {
    const claims = { iss: this.#teamId, iat: Math.floor(issuedAtMs / 1_000) }
    const text = `${this.#head}.${base64url(JSON.stringify(claims))}`
    const signature = sign('sha256', Buffer.from(text), { key: this.#key, dsaEncoding: 'ieee-p1363' })
    return `${text}.${base64url(signature)}`
  }
}

function base64url(value: string | Buffer): string {
  return Buffer.from(value).toString('base64url')
}

/** Apple: refresh no more than once every 20 minutes and no less than once every 60. */
const STEP_MS = 30 * 60_000
const REPLACE_MS_MIN = 20 * 60_000
/** Ours. */
const AGE_MS_MIN = 5 * 60_000
