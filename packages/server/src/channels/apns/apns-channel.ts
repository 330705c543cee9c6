/**
 * Sends to iOS through Apple Push Notification service. States for each of its two environments: open → suspended for a
 * minute after Apple has refused the sender, when sends are put off at once → open. Nothing is lost while an operator mends
 * the credentials: a push is tried again for as long as it lives.
 */

import { hash } from 'node:crypto'
import type { Refusal } from '@lethe/protocol/fault.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Address, Channel, Outcome, RenderInput, SendInput } from '../channel.ts'
import { type Outbound, OutboundError } from '../outbound/outbound.ts'
import { type Answer, outcomeOfFailure, readAnswer } from './answer.ts'
import type { ApnsCredentials } from './credentials.ts'
import { type RenderedApns, renderApns } from './payload.ts'
import { ProviderToken } from './provider-token.ts'

export interface ApnsChannelDeps {
  /** Shared by all channels: whoever made it closes it. */
  readonly outbound: Pick<Outbound, 'request'>
  readonly clock: Clock
}

export function createApnsChannel(
  deps: ApnsChannelDeps,
  credentials: ApnsCredentials,
): Channel<RenderedApns> {
  return new ApnsChannel(deps, credentials)
}

interface Attempt {
  readonly input: SendInput<RenderedApns>
  readonly origin: string
  readonly providerToken: string
}

class ApnsChannel implements Channel<RenderedApns> {
  readonly name = 'apns'
  readonly sendsMax = SENDS_MAX
  readonly #deps: ApnsChannelDeps
  readonly #credentials: ApnsCredentials
  readonly #providerToken: ProviderToken
  /** Apple takes tokens of one team only on a connection, and counts how often they change on it. */
  readonly #group: string
  /** By origin. */
  readonly #suspensions = new Map<string, { readonly until: number; readonly reason: string }>()
  #isClosed = false

  constructor(deps: ApnsChannelDeps, credentials: ApnsCredentials) {
    const { teamId, keyId, topic } = credentials
    this.#deps = deps
    this.#credentials = credentials
    this.#providerToken = new ProviderToken(deps.clock, credentials)
    this.#group = `${teamId} ${keyId} ${topic}`
  }

  render(input: RenderInput): RenderedApns {
    return renderApns(input)
  }

  refusalOf({ refusal }: RenderedApns): Refusal | undefined {
    return refusal
  }

  /** A provider token that Apple calls expired is made anew once, and the gate is asked again for the second request. */
  async send(input: SendInput<RenderedApns>): Promise<Outcome> {
    const origin = this.#originOf(input)
    const suspended = this.#outcomeOfSuspension(origin)
    if (suspended) return suspended
    const providerToken = this.#providerToken.current()
    const first = await this.#attempt({ input, origin, providerToken })
    if (first.kind !== 'tokenExpired') return this.#outcomeOf(first, origin)
    const another = this.#providerToken.replacing(providerToken)
    if (another === undefined) return this.#suspend(origin, first.reason)
    return this.#outcomeOf(await this.#attempt({ input, origin, providerToken: another }), origin)
  }

  /** What is written already runs on to its answer; nothing else is written. */
  async close(): Promise<void> {
    this.#isClosed = true
  }

  #originOf({ address, rendered }: SendInput<RenderedApns>): string {
    return this.#credentials.endpoint ?? ORIGINS[address.environment ?? rendered.environment]
  }

  async #attempt({ input, origin, providerToken }: Attempt): Promise<Answer> {
    const { address, rendered, gate } = input
    try {
      const response = await this.#deps.outbound.request({
        origin,
        group: this.#group,
        method: 'POST',
        path: `/3/device/${address.token}`,
        headers: { authorization: `bearer ${providerToken}`, ...this.#headersOf(input) },
        body: rendered.payload,
        confirm: async () => !this.#isClosed && gate.confirm(),
        holds: (hasBegun) => gate.holds(hasBegun),
        signal: gate.signal,
      })
      const isEnvironmentKnown = address.environment !== null
      return readAnswer(response, { isEnvironmentKnown, nowMs: this.#deps.clock.now() })
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error
      return { kind: 'outcome', outcome: outcomeOfFailure(this.#isClosed ? 'closed' : error.failure) }
    }
  }

  #headersOf({ rendered, address, expiresAtSeconds }: SendInput<RenderedApns>): Record<string, string> {
    return {
      'apns-id': notificationId(rendered.msgId, address),
      'apns-topic': this.#credentials.topic,
      'apns-push-type': rendered.pushType,
      'apns-priority': rendered.pushType === 'alert' ? PRIORITY_NOW : PRIORITY_SPARING,
      'apns-expiration': String(expiresAtSeconds),
      'apns-collapse-id': rendered.collapseId,
    }
  }

  #outcomeOf(answer: Answer, origin: string): Outcome {
    return answer.kind === 'outcome' ? answer.outcome : this.#suspend(origin, answer.reason)
  }

  #suspend(origin: string, reason: string): Outcome {
    this.#suspensions.set(origin, { until: this.#deps.clock.monotonic() + SUSPENSION_MS, reason })
    return { kind: 'retry', afterMs: SUSPENSION_MS, reason }
  }

  #outcomeOfSuspension(origin: string): Outcome | undefined {
    const suspension = this.#suspensions.get(origin)
    const leftMs = suspension ? suspension.until - this.#deps.clock.monotonic() : 0
    return suspension && leftMs > 0
      ? { kind: 'retry', afterMs: Math.ceil(leftMs), reason: suspension.reason }
      : undefined
  }
}

/** The same for the same message and device, as a UUID of one's own making (RFC 9562, version 8). */
function notificationId(msgId: number, { token }: Address): string {
  const hex = hash('sha256', `${msgId} ${token}`)
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0b11) | 0b1000).toString(16)
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)]
  return [...parts, hex.slice(20, 32)].join('-')
}

const ORIGINS = {
  production: 'https://api.push.apple.com',
  sandbox: 'https://api.sandbox.push.apple.com',
} as const

/** Apple: 10 is at once, 5 when it suits the battery. A background push must not have 10. */
const PRIORITY_NOW = '10'
const PRIORITY_SPARING = '5'

/** Ours: what Apple's answers after a tenth of a second keep under way at twenty thousand a second. */
const SENDS_MAX = 2_000
/** Ours: how often Apple is asked whether the sender is right by now. */
const SUSPENSION_MS = 60_000
