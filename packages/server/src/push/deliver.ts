/**
 * Sends one message to one user: picks the way, waits for a place, looks a last time, and says what became of it. Whatever
 * the channel answers, the message is either done with, or put off within its time to live.
 */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { ChannelOrder } from '@lethe/protocol/push.ts'
import type { App } from '../apps/app.ts'
import type { Address, Channel, Gate, Outcome } from '../channels/channel.ts'
import { keyOf } from '../devices/working-set.ts'
import type { Alias, Fact, RegistrationId, Token } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { retryDelayMs } from '../work/loop.ts'
import type { ActiveChannel, AppChannels } from './app-channels.ts'
import type { ClaimedMessage } from './claim.store.ts'
import type { SendEnd, SendResult } from './finish-sends.store.ts'
import { createGate, type GateDeps, type Looks } from './gate.ts'
import type { InFlight } from './in-flight.ts'
import type { LookInput, LookOutput } from './last-look.ts'
import { type Message, render } from './messages.ts'
import { isSocketToken } from './presence.store.ts'
import { readConnected } from './recipients.store.ts'

export interface Delivery {
  /** Under which this node took it. */
  readonly senderId: string
  readonly app: App
  readonly message: Message
  readonly registrationId: RegistrationId
  readonly platform: Platform
  readonly token: Token | null
  readonly p256dh: Token | null
  readonly auth: Token | null
  readonly environment: 'production' | 'sandbox' | null
  readonly language: Fact | null
  /** The alias by which the message names the user. */
  readonly alias: Alias | null
  /** Milliseconds of the database's clock. */
  readonly expiresAt: number
  /** Tries before this one. */
  readonly attempts: number
  /** Whether the user's own socket is open, where that was asked. */
  readonly isConnected: boolean
  /** One of a push to few: it goes before those of pushes to many. */
  readonly isUrgent: boolean
}

export interface DeliverDeps extends GateDeps {
  readonly channels: AppChannels
  readonly inFlight: InFlight
}

/** `now`: the database's clock, as far as this node knows it. */
export type Now = () => number

/** Looks up who has an open socket, where that decides the way, and begins to send to all. */
export async function deliverAll(
  deps: DeliverDeps & { readonly database: Pick<Db, 'read'> },
  deliveries: readonly Delivery[],
  now: Now,
): Promise<Promise<SendResult>[]> {
  const asked = deliveries.filter((delivery) => needsPresence(deps, delivery))
  const connected = await readConnected(
    deps.database.read,
    asked.map(({ app, registrationId }) => ({ appKey: app.appKey, registrationId })),
  )
  return deliveries.map((delivery) => {
    const isConnected = connected.has(keyOf(delivery.app.appKey, delivery.registrationId))
    return deliver(deps, isConnected ? { ...delivery, isConnected } : delivery, now)
  })
}

/** Sends the message by a vendor's channel, or says how it is to go on. Never throws for what a user, a vendor or the network may do. */
async function deliver(deps: DeliverDeps, delivery: Delivery, now: Now): Promise<SendResult> {
  const vendor = vendorOf(deps, delivery)
  const way = wayOf(orderOf(delivery), { hasVendor: vendor !== undefined, isConnected: delivery.isConnected })
  if (way === 'vendor' && vendor) return sendByVendor(deps, { delivery, vendor, now })
  if (way === 'none') return resultOf(delivery, { kind: 'failed', failure: 'no channel reaches the user' })
  return resultOf(delivery, toSocket(delivery), { channel: socketKey(delivery.platform) })
}

/** Whether the way of a delivery hangs on whether the user's own socket is open. */
function needsPresence(deps: Pick<DeliverDeps, 'channels'>, delivery: Delivery): boolean {
  const order = orderOf(delivery)
  if (order === 'socketFirst') return true
  return order !== 'vendorOnly' && (order === 'socketOnly' || vendorOf(deps, delivery) === undefined)
}

/** Sends over the user's own socket, which is open on this node. */
export async function deliverBySocket(deps: DeliverDeps, delivery: Delivery, now: Now): Promise<SendResult> {
  const socket = deps.channels.socketOf(delivery.app)
  const channel = socketKey(delivery.platform)
  if (isExpired(delivery, now())) return resultOf(delivery, EXPIRED, { channel, isFirst: false })
  const { outcome, look } = await send(deps, { delivery, active: socket, isTokenAsked: false, now })
  const end =
    outcome.kind === 'accepted' ? { kind: 'delivered' as const } : socketEnd(delivery, outcome, look)
  return resultOf(delivery, end, { channel, isFirst: false })
}

/** The key under which statistics count a user's own socket. */
function socketKey(platform: Platform): string {
  return `engageLab_${platform}`
}

/** The key of a vendor that did not name itself. */
const VENDOR_KEYS: Readonly<Record<Platform, string>> = {
  web: 'engageLab_web',
  android: 'fcm',
  ios: 'apns',
  hmos: 'harmonyos',
}

function orderOf({ platform, message }: Delivery): ChannelOrder {
  const { channelOrder } = message.push.options
  switch (platform) {
    case 'android':
      return channelOrder.android
    case 'web':
      return channelOrder.web
    case 'ios':
    case 'hmos':
      return 'vendorFirst'
  }
}

function wayOf(
  order: ChannelOrder,
  { hasVendor, isConnected }: { hasVendor: boolean; isConnected: boolean },
): 'vendor' | 'socket' | 'none' {
  switch (order) {
    case 'vendorOnly':
      return hasVendor ? 'vendor' : 'none'
    case 'socketOnly':
      return 'socket'
    case 'socketFirst':
      return hasVendor && !isConnected ? 'vendor' : 'socket'
    case 'vendorFirst':
      return hasVendor ? 'vendor' : 'socket'
  }
}

function vendorOf(
  { channels }: Pick<DeliverDeps, 'channels'>,
  { app, platform, token }: Delivery,
): ActiveChannel | undefined {
  return token === null || isSocketToken(token) ? undefined : channels.vendorOf(app, platform)
}

/** A message for users who are online now is not kept for one who is not. */
function toSocket({ attempts, expiresAt, isConnected, message }: Delivery): SendEnd {
  if (message.push.options.timeToLiveSeconds === 0 && !isConnected)
    return { kind: 'failed', failure: 'offline' }
  return { kind: 'socket', attempts, expiresAt }
}

async function sendByVendor(
  deps: DeliverDeps,
  { delivery, vendor, now }: { delivery: Delivery; vendor: ActiveChannel; now: Now },
): Promise<SendResult> {
  const { outcome, look } = await send(deps, { delivery, active: vendor, isTokenAsked: true, now })
  const named = outcome.kind === 'accepted' ? outcome.vendor : undefined
  const channel = named ?? vendor.channel.vendorOf?.(addressOf(delivery))
  const end = vendorEnd(delivery, { outcome, look, now })
  const deadToken =
    outcome.kind === 'gone' && delivery.token ? { token: delivery.token, sinceMs: outcome.sinceMs } : null
  return resultOf(delivery, end, { ...(channel === undefined ? {} : { channel }), deadToken })
}

interface SendInput {
  readonly delivery: Delivery
  readonly active: ActiveChannel
  readonly isTokenAsked: boolean
  readonly now: Now
}

interface Sent {
  readonly outcome: Outcome
  /** What the last look saw; undefined: none was taken, or it could not be. */
  readonly look: LookOutput | undefined
}

/** Entered as in flight before the last look: whoever deletes the user afterwards finds it there, and the look finds whoever did it before. */
async function send(deps: DeliverDeps, { delivery, active, isTokenAsked, now }: SendInput): Promise<Sent> {
  const { slots, channel } = active
  const waited = slots.take(delivery.isUrgent)
  if (waited !== undefined) await waited
  const user = { appKey: delivery.app.appKey, registrationId: delivery.registrationId }
  deps.inFlight.enter(user)
  const looks: Looks = {}
  const gate = gateOf(deps, delivery, { isTokenAsked, looks })
  try {
    if (isExpired(delivery, now()))
      return { outcome: { kind: 'rejected', reason: EXPIRED.failure }, look: undefined }
    const outcome = await sendIn(channel, delivery, { gate, now })
    return { outcome, look: looks.last }
  } finally {
    deps.inFlight.leave(user)
    slots.give()
  }
}

function sendIn(
  channel: Channel,
  delivery: Delivery,
  { gate, now }: { gate: Gate; now: Now },
): Promise<Outcome> {
  const { message, expiresAt } = delivery
  const isNowOrNever = message.push.options.timeToLiveSeconds === 0
  return channel.send({
    rendered: render(channel, message, delivery),
    address: addressOf(delivery),
    ttlSeconds: isNowOrNever ? 0 : Math.max(1, Math.ceil((expiresAt - now()) / 1_000)),
    expiresAtSeconds: isNowOrNever ? 0 : Math.ceil(expiresAt / 1_000),
    gate,
  })
}

function addressOf({ token, p256dh, auth, environment, registrationId }: Delivery): Address {
  return { token: token ?? ('' as Token), p256dh, auth, environment, registrationId }
}

function gateOf(
  deps: DeliverDeps,
  delivery: Delivery,
  { isTokenAsked, looks }: { isTokenAsked: boolean; looks: Looks },
): Gate {
  const { senderId } = delivery
  return createGate(deps, { senderId, asked: lookInputOf(delivery, isTokenAsked), looks })
}

function lookInputOf(
  { app, message, registrationId, token, alias }: Delivery,
  isTokenAsked: boolean,
): LookInput {
  const { msgId } = message
  return { appKey: app.appKey, registrationId, msgId, token: isTokenAsked ? token : null, alias }
}

const EXPIRED = { kind: 'failed', failure: 'expired' } as const

function vendorEnd(delivery: Delivery, { outcome, look, now }: Sent & { now: Now }): SendEnd {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'sent' }
    case 'rejected':
      return { kind: 'failed', failure: outcome.reason }
    case 'gone':
      return delivery.isConnected ? toSocket(delivery) : { kind: 'failed', failure: outcome.reason }
    case 'retry':
      return putOff(delivery, { delayMs: outcome.afterMs, failure: outcome.reason, isByChannel: true, now })
    case 'dropped':
      if (look === 'gone') return { kind: 'dropped' }
      return putOff(delivery, {
        delayMs: look === 'changed' ? 0 : NOT_SENT_MS,
        failure: 'not sent',
        isByChannel: false,
        now,
      })
  }
}

function putOff(
  { attempts, expiresAt, message }: Delivery,
  {
    delayMs,
    failure,
    isByChannel,
    now,
  }: { delayMs: number | null; failure: string; isByChannel: boolean; now: Now },
): SendEnd {
  const leftMs = expiresAt - now()
  const delay = delayMs ?? waitOf(attempts, leftMs)
  if (delay >= leftMs || message.push.options.timeToLiveSeconds === 0) return { kind: 'failed', failure }
  return { kind: 'later', delayMs: delay, attempts: attempts + 1, expiresAt, isByChannel }
}

/** Never more than half of the time that is left, so that a vendor who is well again shortly before the end is asked once more. */
function waitOf(attempts: number, leftMs: number): number {
  return Math.min(retryDelayMs(attempts), Math.max(retryDelayMs(0), Math.ceil(leftMs / 2)))
}

function socketEnd(delivery: Delivery, outcome: Outcome, look: LookOutput | undefined): SendEnd {
  if (outcome.kind === 'dropped' && look === 'gone') return { kind: 'dropped' }
  if (outcome.kind === 'rejected') return { kind: 'failed', failure: outcome.reason }
  return toSocket({ ...delivery, isConnected: false, attempts: delivery.attempts + 1 })
}

function isExpired({ expiresAt }: Delivery, now: number): boolean {
  return now >= expiresAt
}

function resultOf(
  { senderId, app, message, registrationId, platform, alias, attempts }: Delivery,
  end: SendEnd,
  more: Partial<Pick<SendResult, 'channel' | 'isFirst' | 'deadToken'>> = {},
): SendResult {
  return {
    senderId,
    appKey: app.appKey,
    registrationId,
    msgId: message.msgId,
    platform,
    alias,
    channel: VENDOR_KEYS[platform],
    isFirst: attempts === 0,
    end,
    deadToken: null,
    ...more,
  }
}

/** The result of a message that this node could not even try: another try follows soon, and counts as the first. */
export function notSent({
  senderId,
  appKey,
  registrationId,
  msgId,
  alias,
  attempts,
  expiresAt,
}: ClaimedMessage): SendResult {
  return {
    senderId,
    appKey,
    registrationId,
    msgId,
    alias,
    platform: 'web',
    channel: VENDOR_KEYS.web,
    isFirst: false,
    end: { kind: 'later', delayMs: NOT_SENT_MS, attempts, expiresAt, isByChannel: false },
    deadToken: null,
  }
}

const NOT_SENT_MS = 1_000
