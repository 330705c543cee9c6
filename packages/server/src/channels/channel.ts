/**
 * What every channel is: a way to one device, which takes bytes and returns an outcome. A channel knows no user: it gets an
 * address and what to say. Channels have the same files: `<name>-channel.ts`, `payload.ts` and `credentials.ts` where there are
 * such, and `fake-<name>.ts` where there is a vendor: a provider on loopback that speaks the real protocol.
 */

import type { Refusal } from '@lethe/protocol/fault.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import type { Push } from '@lethe/protocol/push.ts'
import type { RegistrationId, Token } from '../kernel/personal.ts'

export const channelNames = ['webPush', 'fcm', 'apns', 'socket', 'stub'] as const
export type ChannelName = (typeof channelNames)[number]

/** One push as a channel renders it: once for all users of a platform and a language. */
export interface RenderInput {
  readonly msgId: number
  readonly platform: Platform
  readonly push: Push
  /** The user's language, a BCP 47 tag; null where it is unknown, or where nothing hangs on it. */
  readonly language: string | null
  /** Replaces an earlier notification of the same id: the id of the first message of a chain of overrides, or the caller's own. */
  readonly collapseId: string
  /** The message that this one replaces. */
  readonly overriddenMsgId: number | null
}

/** Where a push goes. */
export interface Address {
  readonly token: Token
  /** Web Push only: keys of the subscription, base64url. */
  readonly p256dh: Token | null
  readonly auth: Token | null
  /** APNs only. */
  readonly environment: 'production' | 'sandbox' | null
  /** Own socket only: who is meant, since there the user is the address. */
  readonly registrationId: RegistrationId
}

export interface SendInput<Rendered> {
  readonly rendered: Rendered
  readonly address: Address
  /** Seconds for which the vendor may keep it; 0: deliver now or never. */
  readonly ttlSeconds: number
  /** The same instant on the wall clock, seconds since the epoch, for vendors that want it so; 0 with a ttl of 0. */
  readonly expiresAtSeconds: number
  readonly gate: Gate
}

/** Makes the token with which a user's client may report what became of this one message. */
export type EventTokenFor = (registrationId: RegistrationId, msgId: number) => string

/** Stands before every request to a vendor. */
export interface Gate {
  /**
   * Asked when everything is ready (encrypted, connected, a stream free), and again after every further wait: may this user
   * still get it? After `true` the request is written in the same turn of the event loop, without another await. After
   * `false` nothing is written and the outcome is `dropped`.
   */
  confirm(): Promise<boolean>
  /**
   * Asked as bytes leave, which may be later than they were written: whether this process still stands by what it
   * confirmed. One that stood still for too long does not: nobody waits for its sends any more, so none may leave.
   * `hasBegun`: whether some of the request has left before.
   */
  holds(hasBegun: boolean): boolean
  /** Aborts at the hard deadline of the send. Afterwards no byte of it leaves, and the outcome follows at once. */
  readonly signal: AbortSignal
}

/** What became of one send. A channel never throws for what a vendor, the network or a credential may do. */
export type Outcome =
  /** The vendor has taken it. `vendor`: who it was, for statistics, where a channel has several. */
  | { readonly kind: 'accepted'; readonly vendor?: string }
  /** The vendor will not take this one, and repeating would not help. `reason` is the vendor's own word for it. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** The token is dead. `sinceMs`: the vendor knows it dead since then, milliseconds since the epoch; null: not told. */
  | { readonly kind: 'gone'; readonly sinceMs: number | null; readonly reason: string }
  /** Not taken this time. `afterMs`: not earlier than in so many milliseconds; null: not told. */
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly reason: string }
  /** The gate refused: nothing was sent. */
  | { readonly kind: 'dropped' }

/** A channel of one app. `Rendered` is its own business: what can be prepared once for many users. */
export interface Channel<Rendered = unknown> {
  readonly name: ChannelName
  render(input: RenderInput): Rendered
  /** Whether the vendor would refuse what was rendered, because of its size above all: told when a push is accepted. */
  refusalOf(rendered: Rendered): Refusal | undefined
  send(input: SendInput<Rendered>): Promise<Outcome>
  /** Which vendor an address belongs to, for statistics, where a channel has several. */
  vendorOf?(address: Address): string
  /** How many sends may be under way at once; those beyond wait before `send` is called. */
  readonly sendsMax: number
  /**
   * Ends what is this channel's own; what all share, such as connections, is closed by whoever made it. Called once nothing is
   * under way. A send that is, all the same, keeps its word: it has an outcome by its deadline at the latest.
   */
  close(): Promise<void>
}
