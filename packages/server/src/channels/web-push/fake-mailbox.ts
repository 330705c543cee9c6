/**
 * One subscription at the fake push service, and the browser behind it: keeps messages while the browser is offline, lets a
 * later one replace an earlier one of the same topic, forgets those whose time is over (RFC 8030 sections 5.2 and 5.4),
 * and reads what arrives.
 *
 *   online -> offline -> online: what was kept is delivered
 *   either -> ended: the endpoint answers 410, and what was kept is forgotten
 */

import { createECDH, randomBytes } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { decryptPush } from './fake-decryption.ts'

/** What the push service answers, where it does not simply take the message. */
export type FakeBehaviour =
  | { readonly kind: 'take' }
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  /** Takes it, and answers so much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Takes it, and never answers. */
  | { readonly kind: 'hold' }
  /** Once: takes it, and the connection is lost before the answer. */
  | { readonly kind: 'loseAnswer' }

/** As a browser's `PushSubscription.toJSON()` gives it. */
export interface SubscriptionJson {
  readonly endpoint: string
  readonly expirationTime: null
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

export interface FakeMessage {
  readonly body: Buffer
  readonly ttlSeconds: number
  readonly urgency: string
  readonly topic: string | undefined
  /** Base64url, of whoever signed. */
  readonly publicKey: string
}

/** A message as the browser got it. */
export interface ReceivedPush extends FakeMessage {
  /** Undefined: it could not be decrypted. */
  readonly text: string | undefined
}

/** The last so many messages of a subscription; a bound for a fake that runs for long. */
const RECEIVED_MAX = 1_000
const KEPT_MAX = 1_000

interface Kept {
  readonly message: FakeMessage
  readonly untilMs: number
}

export class FakeSubscription {
  readonly endpoint: string
  /** The `applicationServerKey`: messages of anybody else are refused. Undefined: everybody may send. */
  readonly publicKey: string | undefined
  /** Set by tests. */
  behaviour: FakeBehaviour = { kind: 'take' }
  readonly #clock: Pick<Clock, 'now'>
  readonly #ecdh = createECDH('prime256v1')
  readonly #auth = randomBytes(16)
  readonly #received: ReceivedPush[] = []
  #kept: Kept[] = []
  #state: 'online' | 'offline' | 'ended' = 'online'
  readonly #waiters: (() => void)[] = []

  constructor(input: { endpoint: string; publicKey: string | undefined; clock: Pick<Clock, 'now'> }) {
    this.endpoint = input.endpoint
    this.publicKey = input.publicKey
    this.#clock = input.clock
    this.#ecdh.generateKeys()
  }

  /** Oldest first. */
  get received(): readonly ReceivedPush[] {
    return this.#received
  }

  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  toJSON(): SubscriptionJson {
    const p256dh = this.#ecdh.getPublicKey('base64url')
    return {
      endpoint: this.endpoint,
      expirationTime: null,
      keys: { p256dh, auth: this.#auth.toString('base64url') },
    }
  }

  /** Resolves once so many messages have been received, in all. */
  async waitFor(count: number): Promise<void> {
    while (this.#received.length < Math.min(count, RECEIVED_MAX)) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  goOffline(): void {
    if (this.#state === 'online') this.#state = 'offline'
  }

  goOnline(): void {
    if (this.#state !== 'offline') return
    this.#state = 'online'
    const now = this.#clock.now()
    for (const { message, untilMs } of this.#kept.splice(0)) if (now < untilMs) this.#receive(message)
  }

  /** The browser's user withdraws the permission, or clears the site's data. */
  end(): void {
    this.#state = 'ended'
    this.#kept = []
  }

  /** The push service's side: a message that passed its checks. */
  deliver(message: FakeMessage): void {
    if (this.#state === 'online') this.#receive(message)
    else if (message.ttlSeconds > 0) this.#keep(message)
  }

  #keep(message: FakeMessage): void {
    const { topic, ttlSeconds } = message
    this.#kept = this.#kept.filter((kept) => topic === undefined || kept.message.topic !== topic)
    this.#kept.push({ message, untilMs: this.#clock.now() + ttlSeconds * 1_000 })
    if (this.#kept.length > KEPT_MAX) this.#kept.shift()
  }

  #receive(message: FakeMessage): void {
    const text = decryptPush(message.body, { ecdh: this.#ecdh, auth: this.#auth })?.toString()
    this.#received.push({ ...message, text })
    if (this.#received.length > RECEIVED_MAX) this.#received.shift()
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
