/**
 * A Web Push subscription as a browser serialises it (W3C Push API). The keys come out as bytes; whether the public key
 * is a point on the curve needs arithmetic that only the server has, and it checks that itself.
 */
import { decodeBase64url } from './base64url.ts'
import { endpointCharactersMax } from './limits.ts'
import { accepted, type Parsed, refused } from './parsed.ts'

/** As it comes in. `expirationTime` may stand beside these and is not kept: no push service of today sets it. */
export type SubscriptionInput = {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/** `p256dh` is an uncompressed P-256 point of 65 bytes, `auth` the 16 bytes of RFC 8291. */
export type Subscription = {
  readonly endpoint: string
  readonly p256dh: Uint8Array
  readonly auth: Uint8Array
}

// RFC 3986 narrowed to what browsers write: lower-case scheme and host, no user information, no fragment. Narrow where
// URL parsers see more than meets the eye: they take a backslash for a slash, and a host that ends in a number, such as
// 443 or 0x7f.1, for an address. Only the ordinary form of an address passes.
const domain = '(?:[a-z0-9-]+\\.)*[a-z][a-z0-9-]*'
const ipv4 = '(?:(?:0|[1-9][0-9]{0,2})\\.){3}(?:0|[1-9][0-9]{0,2})'
const ipv6 = '\\[[0-9a-f:.]+\\]'
const rest = "[/?][A-Za-z0-9\\-._~:/?\\[\\]@!$&'()*+,;=%|]*"
const endpointShape = new RegExp(`^https://(?:${domain}|${ipv4}|${ipv6})(?::([0-9]{1,5}))?(?:${rest})?$`)

const p256dhBytes = 65
const uncompressedPoint = 0x04
const authBytes = 16

export function parseSubscription(input: SubscriptionInput): Parsed<Subscription> {
  const endpoint = parseEndpoint(input.endpoint)
  if (!endpoint.ok) return endpoint
  const p256dh = decodeBase64url(input.keys.p256dh)
  if (p256dh?.length !== p256dhBytes || p256dh[0] !== uncompressedPoint) {
    return refused('keys.p256dh is base64url of 65 bytes, an uncompressed P-256 point')
  }
  const auth = decodeBase64url(input.keys.auth)
  if (auth?.length !== authBytes) return refused('keys.auth is base64url of 16 bytes')
  return accepted({ endpoint: endpoint.value, p256dh, auth })
}

/** An https address of at most 2048 characters, without credentials and fragment, as a browser writes it. */
export function parseEndpoint(text: string): Parsed<string> {
  if (text.length > endpointCharactersMax) {
    return refused(`the endpoint has ${text.length} characters of at most ${endpointCharactersMax}`)
  }
  const match = endpointShape.exec(text)
  if (match === null || Number(match[1] ?? 443) > 65_535) {
    return refused('the endpoint is an https address without credentials and fragment')
  }
  return accepted(text)
}
