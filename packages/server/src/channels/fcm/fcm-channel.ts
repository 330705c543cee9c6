/**
 * Sends to Android through Firebase Cloud Messaging, HTTP v1. A send waits for an access token and for its turn under the
 * project's quota, then for a free stream and the gate. States of a project: open → paused after an exhausted quota, when
 * sends are given back at once → open when the pause is over.
 */

import type { Refusal } from '@lethe/protocol/fault.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Channel, Outcome, RenderInput, SendInput } from '../channel.ts'
import { type Outbound, OutboundError } from '../outbound/outbound.ts'
import { AccessToken } from './access-token.ts'
import { type Answer, outcomeOfFailure, QUOTA_PAUSE_MS, readAnswer } from './answer.ts'
import type { FcmCredentials } from './credentials.ts'
import { fcmBody, type RenderedFcm, renderFcm } from './payload.ts'
import { FCM_RATE, type Rate, RateBucket } from './rate.ts'

export interface FcmChannelDeps {
  readonly outbound: Pick<Outbound, 'request'>
  readonly clock: Clock
  readonly random: Random
  /** Absent: what Google gives to a project. */
  readonly rate?: Rate
}

/** For one project. The quota is counted for each channel, so each node of a server has one of its own. */
export function createFcmChannel(deps: FcmChannelDeps, credentials: FcmCredentials): Channel<RenderedFcm> {
  return new FcmChannel(deps, credentials)
}

interface Attempt {
  readonly input: SendInput<RenderedFcm>
  readonly accessToken: string
  readonly signal: AbortSignal
}

class FcmChannel implements Channel<RenderedFcm> {
  readonly name = 'fcm'
  readonly sendsMax = SENDS_MAX
  readonly #deps: FcmChannelDeps
  readonly #credentials: FcmCredentials
  readonly #accessToken: AccessToken
  readonly #bucket: RateBucket
  readonly #underWay = new Set<AbortController>()
  #isClosed = false
  #pause = { until: Number.NEGATIVE_INFINITY, reason: '' }

  constructor(deps: FcmChannelDeps, credentials: FcmCredentials) {
    this.#deps = deps
    this.#credentials = credentials
    this.#accessToken = new AccessToken(deps, credentials)
    this.#bucket = new RateBucket(deps.rate ?? FCM_RATE)
  }

  render(input: RenderInput): RenderedFcm {
    return renderFcm(input)
  }

  refusalOf({ refusal }: RenderedFcm): Refusal | undefined {
    return refusal
  }

  /** `AbortSignal.any` would do the same as the controller here, for five times the price of everything else in a send. */
  async send(input: SendInput<RenderedFcm>): Promise<Outcome> {
    const { signal } = input.gate
    const ending = new AbortController()
    const end = () => ending.abort()
    if (signal.aborted || this.#isClosed) end()
    signal.addEventListener('abort', end)
    this.#underWay.add(ending)
    try {
      return await this.#deliver(input, ending.signal)
    } finally {
      this.#underWay.delete(ending)
      signal.removeEventListener('abort', end)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#accessToken.close()
    for (const ending of this.#underWay) ending.abort()
  }

  /** A refused access token is made anew once, and the gate is asked again for the second request. */
  async #deliver(input: SendInput<RenderedFcm>, signal: AbortSignal): Promise<Outcome> {
    const first = await this.#accessToken.get(signal)
    if (!first.ok) return retry(first)
    const answer = await this.#attempt({ input, accessToken: first.token, signal })
    if (answer.kind !== 'tokenRefused') return this.#outcomeOf(answer)
    this.#accessToken.discard(first.token)
    const second = await this.#accessToken.get(signal)
    if (!second.ok) return retry(second)
    const again = await this.#attempt({ input, accessToken: second.token, signal })
    if (again.kind !== 'tokenRefused') return this.#outcomeOf(again)
    this.#accessToken.suspend(second.token, again.reason)
    return retry({ reason: again.reason })
  }

  async #attempt(attempt: Attempt): Promise<Answer> {
    const { input, signal } = attempt
    const held = await this.#turn(signal)
    if (held) return { kind: 'outcome', outcome: held }
    try {
      const response = await this.#deps.outbound.request({
        origin: this.#credentials.endpoint,
        method: 'POST',
        path: `/v1/projects/${this.#credentials.projectId}/messages:send`,
        headers: {
          authorization: `Bearer ${attempt.accessToken}`,
          'content-type': 'application/json',
        },
        body: fcmBody(input.rendered, input.address.token, input.ttlSeconds),
        confirm: () => input.gate.confirm(),
        holds: (hasBegun) => input.gate.holds(hasBegun),
        signal,
      })
      return readAnswer(response, this.#deps.clock.now())
    } catch (error) {
      if (error instanceof OutboundError) return { kind: 'outcome', outcome: outcomeOfFailure(error.failure) }
      throw error
    }
  }

  /** Waits for the project's quota; the outcome if the send is not to begin. */
  async #turn(signal: AbortSignal): Promise<Outcome | undefined> {
    const paused = this.#outcomeOfPause()
    if (paused) return paused
    const { clock } = this.#deps
    const waitMs = this.#bucket.takeMs(clock.monotonic())
    if (waitMs > 0) await clock.sleep(waitMs, signal)
    if (signal.aborted) return retry({ reason: 'ended' })
    return this.#outcomeOfPause()
  }

  #outcomeOf(answer: Exclude<Answer, { kind: 'tokenRefused' }>): Outcome {
    if (answer.kind === 'outcome') return answer.outcome
    const until = this.#deps.clock.monotonic() + (answer.afterMs ?? QUOTA_PAUSE_MS)
    this.#pause = { until: Math.max(until, this.#pause.until), reason: answer.reason }
    return this.#outcomeOfPause() ?? retry({ reason: answer.reason })
  }

  /** Sends come back spread over some seconds, as Google asks for, and not all at the end of the pause. */
  #outcomeOfPause(): Outcome | undefined {
    const leftMs = this.#pause.until - this.#deps.clock.monotonic()
    if (leftMs <= 0) return undefined
    const fraction = Buffer.from(this.#deps.random.bytes(4)).readUInt32BE() / 2 ** 32
    return retry({ afterMs: Math.ceil(leftMs + fraction * JITTER_MS_MAX), reason: this.#pause.reason })
  }
}

function retry({ afterMs = null, reason }: { afterMs?: number | null; reason: string }): Outcome {
  return { kind: 'retry', afterMs, reason }
}

/** Ours: what Google's quota of 10,000 a second keeps under way when an answer takes a fifth of a second. */
const SENDS_MAX = 2_000
/** Ours: after a pause everything that waits begins within this time. */
const JITTER_MS_MAX = 10_000
