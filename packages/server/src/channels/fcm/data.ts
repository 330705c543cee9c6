/**
 * `data` of an FCM message: the developer's extras and what Lethe adds. FCM carries texts only, so an extra that is none goes
 * as JSON. Two keys are Lethe's: `lethe_msg_id`, the decimal id of the push, and `lethe`, a JSON object with everything that
 * FCM has no field for, under the names of the push API: for the client SDK, and for apps that read it themselves.
 */

import { fault, type Refusal } from '@lethe/protocol/fault.ts'
import type { FreeObject } from '@lethe/protocol/push.ts'

export type Data = Readonly<Record<string, string>>

export interface DataInput {
  readonly msgId: number
  readonly extras: FreeObject | undefined
  /** What goes under the key `lethe`, beside the version. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** Raised by a change that an older SDK would misread. */
export const FIELDS_VERSION = 1

export function dataOf({ msgId, extras = {}, fields }: DataInput): Data {
  const texts = Object.entries(extras).map(([key, value]) => [key, textOf(value)] as const)
  return {
    ...Object.fromEntries(texts),
    lethe_msg_id: String(msgId),
    lethe: JSON.stringify({ v: FIELDS_VERSION, ...fields }),
  }
}

/** Refuses keys that would not arrive. `name` is the parameter that the extras came in. */
export function refusalOfExtras(extras: FreeObject | undefined, name: string): Refusal | undefined {
  if (!Object.keys(extras ?? {}).some(isReserved)) return undefined
  const owners = `the keys ${RESERVED.join(', ')} and those that begin with ${PREFIXES.join(' or ')}`
  return fault('parameterInvalid', `${name}: ${owners} are reserved by FCM or Lethe`)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function isReserved(key: string): boolean {
  return RESERVED.includes(key) || PREFIXES.some((prefix) => key.startsWith(prefix))
}

/**
 * Google's reference of `projects.messages` and its page of error codes. `collapse_key` would be accepted, but FCM puts its
 * own value there. The client library hides all of them from the app.
 */
const RESERVED = ['from', 'message_type', 'collapse_key', 'gcm', 'google', 'lethe', 'lethe_msg_id']
const PREFIXES = ['gcm.', 'google.']
