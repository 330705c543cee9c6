/** Turns what a client says of its device into what the registry keeps, or says what is wrong with it. */

import type { ClientDeviceBody, RegistrationBody } from '@lethe/protocol/client.schemas.ts'
import { parseLanguage } from '@lethe/protocol/language.ts'
import type { AppLimits } from '@lethe/protocol/limits.ts'
import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import { parseRegistrationId } from '@lethe/protocol/registration-id.ts'
import { parseSubscription } from '@lethe/protocol/subscription.ts'
import { parseAlias, parseTag } from '@lethe/protocol/tag-and-alias.ts'
import { parseTimeZone } from '@lethe/protocol/time-zone.ts'
import { parseToken } from '@lethe/protocol/tokens.ts'
import type { Alias, Fact, RegistrationId, Tag, Token } from '../kernel/personal.ts'
import { tokenDigest } from './digests.ts'
import { isOnCurve } from './on-curve.ts'
import type { DeviceFacts, DeviceToken, TagChange } from './working-set.ts'

export function parseId(text: string): Parsed<RegistrationId> {
  return parseRegistrationId(text) as Parsed<RegistrationId>
}

type FactsBody = Pick<
  ClientDeviceBody,
  | 'os'
  | 'browser'
  | 'model'
  | 'app_version'
  | 'sdk_version'
  | 'language'
  | 'timezone'
  | 'notification_permission'
>

export function parseFacts(body: FactsBody): Parsed<DeviceFacts> {
  const language = body.language ? parseLanguage(body.language) : accepted(null)
  if (!language.ok) return refused(`language: ${language.reason}`)
  const timezone = body.timezone ? parseTimeZone(body.timezone) : accepted(null)
  if (!timezone.ok) return refused(`timezone: ${timezone.reason}`)
  // An empty text means "unknown", and what is unknown is not told.
  const fact = (value: string | null | undefined) => (value || null) as Fact | null
  return accepted({
    os: fact(body.os),
    browser: fact(body.browser),
    model: fact(body.model),
    appVersion: fact(body.app_version),
    sdkVersion: fact(body.sdk_version),
    language: fact(language.value),
    timezone: fact(timezone.value),
    notificationPermission: fact(body.notification_permission),
  })
}

type ChannelBody = Pick<RegistrationBody, 'subscription' | 'token' | 'apns_production'>

/** The subscription (web) or token (elsewhere); null when neither was given. */
export function parseDeviceToken(platform: Platform, body: ChannelBody): Parsed<DeviceToken | null> {
  if (body.apns_production !== undefined && (platform !== 'ios' || body.token === undefined)) {
    return refused('apns_production belongs to a token on ios only')
  }
  if (platform === 'web') {
    if (body.token !== undefined) return refused('token: on the web a subscription is given instead')
    return body.subscription ? parseWebSubscription(body.subscription) : accepted(null)
  }
  if (body.subscription) return refused('subscription: only the web has one; give a token')
  if (body.token === undefined) return accepted(null)
  return parseVendorToken(platform, body.token, body.apns_production ?? true)
}

/** `isProduction` matters on ios only: which of Apple's two services issued the token. */
export function parseVendorToken(
  platform: Exclude<Platform, 'web'>,
  text: string,
  isProduction: boolean,
): Parsed<DeviceToken> {
  const token = parseToken(platform, text)
  if (!token.ok) return token
  const value = token.value as Token
  const environment = isProduction ? 'production' : 'sandbox'
  return accepted({
    value,
    digest: tokenDigest(platform, value),
    p256dh: null,
    auth: null,
    environment: platform === 'ios' ? environment : null,
  })
}

function parseWebSubscription(body: NonNullable<ChannelBody['subscription']>): Parsed<DeviceToken> {
  const subscription = parseSubscription(body)
  if (!subscription.ok) return refused(`subscription: ${subscription.reason}`)
  const { endpoint, p256dh, auth } = subscription.value
  if (!isOnCurve(p256dh)) return refused('subscription: keys.p256dh is not a point on the curve P-256')
  const value = endpoint as Token
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url') as Token
  return accepted({
    value,
    digest: tokenDigest('web', value),
    p256dh: base64url(p256dh),
    auth: base64url(auth),
    environment: null,
  })
}

/** Tags to add and remove, each once; the empty string clears all. */
export function parseTagChange(
  tags: '' | { readonly add?: readonly string[]; readonly remove?: readonly string[] } | undefined,
  limits: AppLimits,
): Parsed<TagChange | undefined> {
  if (tags === undefined) return accepted(undefined)
  if (tags === '') return accepted({ clear: true, add: [], remove: [] })
  const add = parseTags(tags.add ?? [], limits)
  if (!add.ok) return add
  const remove = parseTags(tags.remove ?? [], limits)
  if (!remove.ok) return remove
  return accepted({ clear: false, add: add.value, remove: remove.value })
}

export function parseTags(tags: readonly string[], limits: AppLimits): Parsed<Tag[]> {
  for (const tag of tags) {
    const parsed = parseTag(tag, limits.tagBytes)
    if (!parsed.ok) return parsed
  }
  return accepted([...new Set(tags)] as Tag[])
}

export function parseOneTag(text: string, limits: AppLimits): Parsed<Tag> {
  return parseTag(text, limits.tagBytes) as Parsed<Tag>
}

export function parseOneAlias(text: string, limits: AppLimits): Parsed<Alias> {
  return parseAlias(text, limits.aliasBytes) as Parsed<Alias>
}

/** The empty string clears the alias: null. Undefined leaves it. */
export function parseAliasChange(
  text: string | undefined,
  limits: AppLimits,
): Parsed<Alias | null | undefined> {
  if (text === undefined) return accepted(undefined)
  return text === '' ? accepted(null) : parseOneAlias(text, limits)
}
