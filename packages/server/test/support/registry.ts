/** A registry without a server around it: an app, and write units called by hand, for tests of what happens between them. */

import { prepareDatabase } from '../../src/app.ts'
import type { App } from '../../src/apps/app.ts'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { idTombstones, tokenDigest, tokenTombstones } from '../../src/devices/digests.ts'
import { type RegistrationInput, registerDevices } from '../../src/devices/registration.store.ts'
import { type AcceptOutput, acceptErasures } from '../../src/erasure/accept.store.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import type { RegistrationId, Tag, Token } from '../../src/kernel/personal.ts'
import { randomId, systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { switchGuardOff } from './guard.ts'

const secretKey = new Uint8Array(32).fill(1)

/** Prepares the database, which may be prepared already, and answers with its app. */
export async function openRegistry(database: Db): Promise<App> {
  const world = { clock: systemClock(), random: systemRandom, log: silentLog }
  const settings = { appKey: 'registry', masterSecret: 'secret', operatorToken: 'token' }
  await prepareDatabase({ database, secretKey, ...world, settings, version: '0' })
  await switchGuardOff(database, 'registry')
  const directory = createAppDirectory({
    database,
    seal: createSeal(secretKey, systemRandom),
    clock: world.clock,
  })
  const app = await directory.find('registry')
  if (!app) throw new Error('the app was not made')
  return app
}

/** What registers a new user on Android. */
export function registrationInput(
  app: App,
  given: { by?: 'client' | 'server'; token?: string; tags?: readonly string[] } = {},
): RegistrationInput {
  const digest = given.token === undefined ? undefined : tokenDigest('android', given.token as Token)
  return {
    appKey: app.appKey,
    by: given.by ?? 'client',
    registrationId: randomId(systemRandom) as RegistrationId,
    platform: 'android',
    secretDigest: null,
    token: digest
      ? { value: given.token as Token, digest, p256dh: null, auth: null, environment: null }
      : null,
    tokenTombstones: digest ? tokenTombstones(app.erasureKeys, digest) : [],
    requestDigests: [],
    facts: {},
    tags: (given.tags ?? []) as Tag[],
    alias: null,
    limits: app.settings.limits,
    now: 1,
  }
}

export async function register(
  database: Db,
  app: App,
  given: { by?: 'client' | 'server'; token?: string; tags?: readonly string[] } = {},
): Promise<RegistrationId> {
  const output = await database.write(registerDevices, registrationInput(app, given))
  if (output.kind !== 'registered') throw new Error(`a registration ended as ${output.kind}`)
  return output.registrationId
}

export function accept(database: Db, app: App, registrationId: RegistrationId): Promise<AcceptOutput> {
  return database.write(acceptErasures, {
    erasureId: randomId(systemRandom),
    appKey: app.appKey,
    registrationId,
    idTombstones: idTombstones(app.erasureKeys, registrationId),
    erasureKey: app.erasureKeys[0],
    origin: 'server',
  })
}
