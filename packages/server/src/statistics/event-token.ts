/**
 * Event tokens: what a service worker shows instead of the device secret when it reports what became of one message. A token
 * goes out inside the encrypted message, is good for that message at that user alone, and is stored nowhere.
 */

import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { App } from '../apps/app.ts'
import { digestsEqual } from '../kernel/digest.ts'
import type { RegistrationId } from '../kernel/personal.ts'

/** A message at a user. `msgId`: decimal, or the number. */
export interface EventTokenSubject {
  readonly registrationId: RegistrationId
  readonly msgId: number | string
}

/** 22 characters of base64url, made with the app's newest key. */
export function eventTokenOf(app: App, subject: EventTokenSubject): string {
  return tokenOf(eventKeysOf(app)[0], subject)
}

/** Whether some key of the app has made the token for this message at this user. */
export function isEventToken(app: App, subject: EventTokenSubject, token: string): boolean {
  return eventKeysOf(app).some((key) => digestsEqual(tokenOf(key, subject), token))
}

type EventKeys = readonly [KeyObject, ...KeyObject[]]

/** Derived once for an app as it is in memory; tokens are made for every single send. */
const eventKeys = new WeakMap<App, EventKeys>()

function eventKeysOf(app: App): EventKeys {
  const known = eventKeys.get(app)
  if (known) return known
  const [newest, ...older] = app.erasureKeys
  const derived: EventKeys = [eventKey(newest.key), ...older.map(({ key }) => eventKey(key))]
  eventKeys.set(app, derived)
  return derived
}

/** A key of its own (RFC 5869), so that a token tells nothing about the digests that the erasure key makes. */
function eventKey(erasureKey: Uint8Array): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', erasureKey, '', 'lethe event token', KEY_BYTES)))
}

/** A registration id has no line breaks, so no two subjects make the same text. */
function tokenOf(key: KeyObject, { registrationId, msgId }: EventTokenSubject): string {
  const digest = createHmac('sha256', key).update(`event token\n${registrationId}\n${msgId}`).digest()
  return digest.subarray(0, TOKEN_BYTES).toString('base64url')
}

const KEY_BYTES = 32
/** 128 bits, as all secrets that are guessed over the network only: every byte here is one less for the message. */
const TOKEN_BYTES = 16
