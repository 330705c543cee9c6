/** The part of the fake that stands for Google's accounts: one service account, and the access tokens that it got. */

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { Clock } from '../../kernel/clock.ts'
import type { FakeReply } from './fake-errors.ts'

export interface FakeAccount {
  readonly clock: Clock
  readonly projectId: string
  readonly tokenUri: string
  readonly accessTokenSeconds?: number
}

/** What becomes of assertions: the right ones are granted, all are refused (`invalid_grant`), none gets an answer. */
export type FakeGranting = 'grant' | 'refuse' | 'hold'

/** Its key is made at the start and never outlives it. */
export class FakeAccessTokens {
  readonly #account: FakeAccount
  readonly #seconds: number
  readonly #email: string
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  /** Each with its end, on the clock that never jumps. */
  readonly #tokens = new Map<string, number>()
  #answering: FakeGranting = 'grant'
  #asked = 0

  constructor(account: FakeAccount) {
    this.#account = account
    this.#seconds = account.accessTokenSeconds ?? ACCESS_TOKEN_SECONDS
    this.#email = `fake@${account.projectId}.iam.gserviceaccount.com`
  }

  /** How many requests there were. */
  get asked(): number {
    return this.#asked
  }

  /** In the form of Google's file. */
  keyFile(): Readonly<Record<string, string>> {
    return {
      type: 'service_account',
      project_id: this.#account.projectId,
      private_key_id: 'fake',
      private_key: this.#keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      client_email: this.#email,
      token_uri: this.#account.tokenUri,
    }
  }

  /** All that were given end now. */
  revoke(): void {
    this.#tokens.clear()
  }

  answer(how: FakeGranting): void {
    this.#answering = how
  }

  /** Answers a request for an access token, or does not: `body` is its form. */
  async grant(body: string): Promise<FakeReply | undefined> {
    this.#asked += 1
    if (this.#answering === 'hold') return undefined
    const isRight = this.#answering === 'grant' && (await this.#isAssertion(new URLSearchParams(body)))
    if (!isRight) return { status: 400, body: { error: 'invalid_grant', error_description: 'Bad assertion' } }
    const token = `ya29.${randomBytes(24).toString('base64url')}`
    this.#tokens.set(token, this.#account.clock.monotonic() + this.#seconds * 1_000)
    return { status: 200, body: { access_token: token, expires_in: this.#seconds, token_type: 'Bearer' } }
  }

  /** Whether a header `authorization` carries a token that has not ended. */
  admits(authorization: string | undefined): boolean {
    const endsAt = this.#tokens.get(authorization?.replace(/^Bearer /, '') ?? '')
    return endsAt !== undefined && endsAt > this.#account.clock.monotonic()
  }

  async #isAssertion(form: URLSearchParams): Promise<boolean> {
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return false
    try {
      const { payload } = await jwtVerify(form.get('assertion') ?? '', this.#keys.publicKey, {
        algorithms: ['RS256'],
        issuer: this.#email,
        audience: this.#account.tokenUri,
        maxTokenAge: ASSERTION_SECONDS_MAX,
        requiredClaims: ['exp', 'iat'],
        currentDate: new Date(this.#account.clock.now()),
      })
      return payload['scope'] === 'https://www.googleapis.com/auth/firebase.messaging'
    } catch {
      return false
    }
  }
}

/** As Google gives and takes them. */
const ACCESS_TOKEN_SECONDS = 3_599
const ASSERTION_SECONDS_MAX = 3_600
