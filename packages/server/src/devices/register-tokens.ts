/** Registers users on the server side by their vendor tokens: finds holders, makes users, refuses erased tokens. */

import type { App } from '../apps/app.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { randomId } from '../kernel/random.ts'
import type { DevicesDeps } from './deps.ts'
import { tokenTombstones } from './digests.ts'
import { parseVendorToken } from './parse-device.ts'
import { registerDevices } from './registration.store.ts'
import type { DeviceToken } from './working-set.ts'

export type TokenResult =
  | { readonly kind: 'registered' | 'held'; readonly token: string; readonly registrationId: RegistrationId }
  | { readonly kind: 'erased'; readonly token: string }
  | { readonly kind: 'malformed'; readonly token: string; readonly reason: string }

/** One result for each token, in order. A token given twice is one user. */
export async function registerTokens(
  deps: DevicesDeps,
  app: App,
  input: { platform: 'android' | 'ios'; tokens: readonly string[]; isProduction: boolean },
): Promise<TokenResult[]> {
  return Promise.all(
    input.tokens.map(async (text): Promise<TokenResult> => {
      const token = parseVendorToken(input.platform, text, input.isProduction)
      if (!token.ok) return { kind: 'malformed', token: text, reason: token.reason }
      return registerToken(deps, app, { platform: input.platform, text, token: token.value })
    }),
  )
}

async function registerToken(
  { database, clock, random }: DevicesDeps,
  app: App,
  input: { platform: 'android' | 'ios'; text: string; token: DeviceToken },
): Promise<TokenResult> {
  const output = await database.write(registerDevices, {
    appKey: app.appKey,
    by: 'server',
    registrationId: randomId(random) as RegistrationId,
    platform: input.platform,
    secretDigest: null,
    token: input.token,
    tokenTombstones: tokenTombstones(app.erasureKeys, input.token.digest),
    requestDigests: [],
    facts: {},
    tags: [],
    alias: null,
    limits: app.settings.limits,
    now: clock.now(),
  })
  switch (output.kind) {
    case 'registered':
    case 'held':
      return { kind: output.kind, token: input.text, registrationId: output.registrationId }
    case 'erased':
      return { kind: 'erased', token: input.text }
    default:
      throw new Error(`a registration by token cannot end as ${output.kind}`)
  }
}
