/** What an app needs in order to send through FCM: the key file of a Google service account. */

import { createPrivateKey } from 'node:crypto'
import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'

/** Plain JSON, so that it can be sealed and stored. */
export interface FcmCredentials {
  readonly projectId: string
  readonly clientEmail: string
  /** PEM, RSA of at least 2048 bits. */
  readonly privateKey: string
  /** Where access tokens are made: an https url without a query. */
  readonly tokenUri: string
  /** The origin of FCM: `https://host` or `https://host:port`. */
  readonly endpoint: string
}

export const FCM_ENDPOINT = 'https://fcm.googleapis.com'

/**
 * Takes the JSON of a key file as the Firebase console gives it, and beside Google's keys `endpoint`, an origin that stands
 * in place of FCM's. Keys that are not needed are ignored. A reason names the key and repeats no value.
 */
export function parseFcmCredentials(input: unknown): Parsed<FcmCredentials> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return refused('the key file of a service account is a JSON object')
  const file: Readonly<Record<string, unknown>> = { ...input }
  if (file['type'] !== 'service_account') return refused('type is not service_account')
  const projectId = textOf(file['project_id'])
  if (!PROJECT_ID.test(projectId)) return refused('project_id is not the id of a project')
  const clientEmail = textOf(file['client_email'])
  if (!clientEmail.includes('@')) return refused('client_email is not an address')
  const privateKey = textOf(file['private_key'])
  if (!isRsaKey(privateKey)) return refused('private_key is not a PEM with an RSA key of 2048 bits or more')
  const tokenUri = httpsUrl(textOf(file['token_uri']))
  if (tokenUri === undefined || tokenUri.search !== '') return refused('token_uri is not an https url')
  const endpoint = httpsUrl(file['endpoint'] === undefined ? FCM_ENDPOINT : textOf(file['endpoint']))
  if (endpoint === undefined || endpoint.href !== `${endpoint.origin}/`)
    return refused('endpoint is not an https origin')
  return accepted({
    projectId,
    clientEmail,
    privateKey,
    tokenUri: tokenUri.href,
    endpoint: endpoint.origin,
  })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isRsaKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN
  } catch {
    return false
  }
}

/** Without user, password and fragment. */
function httpsUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === ''
  return isPlain ? url : undefined
}

/** Google: 6 to 30 of a-z, 0-9 and the hyphen; old projects of a domain have its name and a colon before it. */
const PROJECT_ID = /^([a-z0-9.-]{1,253}:)?[a-z0-9-]{6,30}$/

/** RFC 7518, section 3.3. */
const RSA_BITS_MIN = 2048
