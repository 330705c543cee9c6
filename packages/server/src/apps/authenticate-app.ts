/**
 * Who calls the server API: HTTP Basic with the app key and the master secret. A wrong secret and an unknown app key take
 * the same path and get the same answer, so that nobody learns which apps exist.
 */

import { type AddressList, compileAddressList } from '../kernel/address-list.ts'
import { assert } from '../kernel/assert.ts'
import { digestsEqual, sha256 } from '../kernel/digest.ts'
import type { App } from './app.ts'
import type { AppDirectory } from './find-app.ts'

export type { App, AppDirectory }

export type Authentication =
  | { readonly kind: 'app'; readonly app: App }
  | {
      readonly kind: 'refused'
      readonly error: 'credentialsMissing' | 'credentialsWrong' | 'addressNotAllowed'
    }

export interface Credentials {
  /** The header Authorization as it came. */
  readonly authorization: string | undefined
  /** The caller's network address. */
  readonly address: string
}

/** Answers at once when the app is in memory. */
export function authenticateApp(
  deps: { readonly apps: AppDirectory },
  credentials: Credentials,
): Authentication | Promise<Authentication> {
  const pair = parseBasic(credentials.authorization)
  if (!pair) return MISSING
  const found = deps.apps.find(pair.appKey)
  if (!(found instanceof Promise)) return judge(found, pair.secret, credentials.address)
  return found.then((app) => judge(app, pair.secret, credentials.address))
}

/** Tells browsers and tools which credentials are wanted. Goes with every 401 of the server API. */
export const BASIC_CHALLENGE = 'Basic realm="Lethe", charset="UTF-8"'

const MISSING = { kind: 'refused', error: 'credentialsMissing' } as const
const WRONG = { kind: 'refused', error: 'credentialsWrong' } as const
const NOT_ALLOWED = { kind: 'refused', error: 'addressNotAllowed' } as const

/** Stands in for the digest of an app that does not exist. It is the digest of nothing that can be sent. */
const NO_DIGEST = 'A'.repeat(43)

function judge(app: App | undefined, secret: string, address: string): Authentication {
  const isRight = digestsEqual(sha256(secret), app?.secretDigest ?? NO_DIGEST)
  if (!app || !isRight) return WRONG
  const allowed = allowedAddresses(app)
  return allowed.isEmpty || allowed.has(address) ? { kind: 'app', app } : NOT_ALLOWED
}

/**
 * `Basic base64(appKey:secret)`. Keys and secrets are printable ASCII, so it makes no difference whether the client
 * encoded them as UTF-8 or as ISO-8859-1: anything else fits no app.
 */
function parseBasic(header: string | undefined): { appKey: string; secret: string } | undefined {
  const encoded = header === undefined ? undefined : BASIC.exec(header)?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('latin1')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { appKey: text.slice(0, colon), secret: text.slice(colon + 1) }
}

const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i

/** Compiled once for each app in memory. */
const compiled = new WeakMap<App, AddressList>()

function allowedAddresses(app: App): AddressList {
  const known = compiled.get(app)
  if (known) return known
  const list = compileAddressList(app.settings.allowedAddresses)
  assert(list, 'addresses are checked before they are stored')
  compiled.set(app, list)
  return list
}
