/** What an app needs in order to send through APNs: a team's signing key, and the app that it is used for. */

import { createPrivateKey } from 'node:crypto'
import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'

/** Plain JSON, so that it can be sealed and stored. */
export interface ApnsCredentials {
  /** The text of the .p8 file: PEM of a PKCS #8 key on P-256. */
  readonly key: string
  /** 10 characters. */
  readonly keyId: string
  /** 10 characters. */
  readonly teamId: string
  /** The bundle id of the app. */
  readonly topic: string
  /** An origin that stands in place of both of Apple's: `https://host` or `https://host:port`. */
  readonly endpoint?: string
}

/** Other keys are ignored. A reason names the key and repeats no value. */
export function parseApnsCredentials(input: unknown): Parsed<ApnsCredentials> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return refused('the credentials are a JSON object')
  const given: Readonly<Record<string, unknown>> = { ...input }
  const { key, keyId, teamId, topic, endpoint } = given
  if (!isP256Key(key)) return refused('key is not a PEM with a private key on P-256, as a .p8 file has it')
  if (!isText(keyId, ID)) return refused('keyId is not 10 capital letters and digits')
  if (!isText(teamId, ID)) return refused('teamId is not 10 capital letters and digits')
  if (!isText(topic, BUNDLE_ID)) return refused('topic is not a bundle id')
  if (endpoint === undefined) return accepted({ key, keyId, teamId, topic })
  const origin = originOf(endpoint)
  if (origin === undefined) return refused('endpoint is not an https origin')
  return accepted({ key, keyId, teamId, topic, endpoint: origin })
}

function isP256Key(pem: unknown): pem is string {
  if (typeof pem !== 'string') return false
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

function isText(value: unknown, shape: RegExp): value is string {
  return typeof value === 'string' && shape.test(value)
}

function originOf(value: unknown): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : undefined
  return url?.protocol === 'https:' && url.href === `${url.origin}/` ? url.origin : undefined
}

/** Of keys and teams: Apple, "Establishing a token-based connection to APNs". */
const ID = /^[A-Z0-9]{10}$/

/** Apple, CFBundleIdentifier: letters, digits, hyphens and periods. The length is ours. */
const BUNDLE_ID = /^[A-Za-z0-9.-]{1,255}$/
