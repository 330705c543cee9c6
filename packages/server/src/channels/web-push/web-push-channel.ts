/** Web Push: an encrypted message to the push service of a user's browser (RFC 8030, 8291, 8292). */

import type { Clock } from '../../kernel/clock.ts'
import type { Address, Channel, EventTokenFor, Outcome, SendInput } from '../channel.ts'
import { type Outbound, OutboundError, type OutboundRequest } from '../outbound/outbound.ts'
import { isUnauthorized, outcomeOf, outcomeOfFailure } from './answer.ts'
import type { WebPushCredentials } from './credentials.ts'
import type { Encryption, EncryptionPool } from './encryption-pool.ts'
import { plaintextFor, type RenderedWebPush, refusalOfSize, renderWebPush, topicFor } from './payload.ts'
import { VapidHeaders } from './vapid.ts'
import { vendorOf } from './vendors.ts'

export interface WebPushDeps {
  /** Both are shared by all apps: whoever made them closes them. */
  readonly outbound: Pick<Outbound, 'request'>
  readonly encryption: Pick<EncryptionPool, 'encrypt'>
  readonly clock: Pick<Clock, 'now'>
  readonly eventTokenFor: EventTokenFor
}

/** Ours: with answers after a tenth of a second, four thousand sends a second. */
const SENDS_MAX = 400

export function createWebPushChannel(
  deps: WebPushDeps,
  credentials: WebPushCredentials,
): Channel<RenderedWebPush> {
  const vapid = new VapidHeaders(deps.clock, credentials)
  return {
    name: 'webPush',
    render: renderWebPush,
    refusalOf: refusalOfSize,
    vendorOf: ({ token }) => vendorOf(token),
    send: (input) => send({ ...deps, vapid }, input),
    sendsMax: SENDS_MAX,
    // Connections and threads are not this channel's own.
    close: () => Promise.resolve(),
  }
}

type SendDeps = WebPushDeps & { readonly vapid: VapidHeaders }
type WebPushInput = SendInput<RenderedWebPush>

async function send(deps: SendDeps, input: WebPushInput): Promise<Outcome> {
  const destination = destinationOf(input.address)
  if (!destination) return { kind: 'rejected', reason: 'subscription incomplete' }
  if (refusalOfSize(input.rendered)) return { kind: 'rejected', reason: 'too large' }
  const encrypted = await encrypt(deps, input, destination)
  switch (encrypted.kind) {
    case 'encrypted':
      return post(deps, requestOf(input, destination.url, encrypted.body))
    case 'keysUnusable':
      return { kind: 'rejected', reason: 'keys unusable' }
    case 'unavailable':
      return {
        kind: 'retry',
        afterMs: null,
        reason: input.gate.signal.aborted ? 'deadline' : 'encryption unavailable',
      }
  }
}

interface Destination {
  readonly url: URL
  readonly p256dh: NonNullable<Address['p256dh']>
  readonly auth: NonNullable<Address['auth']>
}

function destinationOf({ token, p256dh, auth }: Address): Destination | undefined {
  const url = URL.parse(token)
  return url && p256dh !== null && auth !== null ? { url, p256dh, auth } : undefined
}

/** Waits for it no longer than the send may take. */
function encrypt(
  { encryption, eventTokenFor }: SendDeps,
  { rendered, address: { registrationId }, gate: { signal } }: WebPushInput,
  { p256dh, auth }: Destination,
): Promise<Encryption> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve({ kind: 'unavailable' })
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    const plaintext = plaintextFor(rendered, eventTokenFor(registrationId, rendered.msgId))
    encryption
      .encrypt({ plaintext, p256dh, auth })
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', giveUp))
  })
}

function requestOf(
  { rendered, ttlSeconds, gate }: WebPushInput,
  url: URL,
  body: Uint8Array,
): OutboundRequest {
  const topic = topicFor(rendered, vendorOf(url.origin))
  return {
    origin: url.origin,
    method: 'POST',
    path: url.pathname + url.search,
    headers: {
      'content-type': 'application/octet-stream',
      'content-encoding': 'aes128gcm',
      ttl: String(ttlSeconds),
      urgency: rendered.urgency,
      ...(topic !== undefined && { topic }),
    },
    body,
    confirm: () => gate.confirm(),
    holds: (hasBegun) => gate.holds(hasBegun),
    signal: gate.signal,
  }
}

async function post({ outbound, vapid, clock }: SendDeps, request: OutboundRequest): Promise<Outcome> {
  const { origin, headers } = request
  const ask = (authorization: string) =>
    outbound.request({ ...request, headers: { ...headers, authorization } })
  try {
    const authorization = vapid.of(origin)
    let response = await ask(authorization)
    const renewed = isUnauthorized(response) ? vapid.renewed(origin, authorization) : undefined
    if (renewed !== undefined) response = await ask(renewed)
    return outcomeOf(response, { vendor: vendorOf(origin), nowMs: clock.now() })
  } catch (error) {
    if (error instanceof OutboundError) return outcomeOfFailure(error)
    throw error
  }
}
