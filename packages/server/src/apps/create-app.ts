/** Makes applications: mints what is not given, seals the keys, and tells the secret once. */

import type { AuditEntry } from '../audit/audit.ts'
import type { Clock } from '../kernel/clock.ts'
import { sha256 } from '../kernel/digest.ts'
import { type Random, randomHex } from '../kernel/random.ts'
import { changeSettings, SETTINGS_NONE, type SettingsChange } from './app-settings.ts'
import { type AppRow, type AppsDatabase, appUnits, type NewApp } from './apps.store.ts'
import { type ChannelForms, mintSealedWebPush } from './channel-credentials.ts'
import { erasureKeyPurpose } from './find-app.ts'
import type { Seal } from './seal.ts'

export interface CreateAppDeps {
  readonly database: AppsDatabase
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly channelForms: ChannelForms
}

export interface AppToCreate {
  readonly name: string
  /** Absent: 24 hex characters are minted. */
  readonly appKey?: string | undefined
  /** Absent: 24 hex characters are minted. */
  readonly masterSecret?: string | undefined
  readonly settings?: SettingsChange | undefined
  /** Written down with it, for the key that the app gets. */
  readonly audit?: AuditEntry | undefined
}

export interface CreatedApp {
  readonly row: AppRow
  readonly masterSecret: string
}

/** Makes an app. Undefined: an app with this key exists, and nothing was changed. */
export async function createApp(deps: CreateAppDeps, input: AppToCreate): Promise<CreatedApp | undefined> {
  const { app, masterSecret } = newApp(deps, input)
  const outcome = await deps.database.write(appUnits.createApp, app)
  return outcome === 'created' ? { row: app.row, masterSecret } : undefined
}

/** Makes the first app of a new database. Undefined: there is one already, made by this start or another node's. */
export async function createFirstApp(
  deps: CreateAppDeps,
  input: AppToCreate,
): Promise<CreatedApp | undefined> {
  const { app, masterSecret } = newApp(deps, input)
  const outcome = await deps.database.write(appUnits.createFirstApp, app)
  return outcome === 'created' ? { row: app.row, masterSecret } : undefined
}

/** A new master secret: 96 random bits as 24 hex characters, the form of the documented ones. */
export function mintMasterSecret(random: Random): string {
  return randomHex(random, MINTED_BYTES)
}

function newApp(
  { seal, clock, random, channelForms }: CreateAppDeps,
  { name, settings, audit, ...given }: AppToCreate,
): { app: NewApp; masterSecret: string } {
  const appKey = given.appKey ?? randomHex(random, MINTED_BYTES)
  const masterSecret = given.masterSecret ?? mintMasterSecret(random)
  const sealedErasureKey = seal.seal(random.bytes(ERASURE_KEY_BYTES), erasureKeyPurpose(appKey, 1))
  const sealedWebPush = mintSealedWebPush({ seal, channelForms }, appKey)
  const row = {
    app_key: appKey,
    name,
    secret_digest: sha256(masterSecret),
    settings: changeSettings(SETTINGS_NONE, settings ?? {}),
    created_at: clock.now(),
  }
  const app = { row, sealedErasureKey, sealedWebPush, ...(audit ? { audit: { ...audit, appKey } } : {}) }
  return { app, masterSecret }
}

const MINTED_BYTES = 12
/** The length of the digest that the key is for. */
const ERASURE_KEY_BYTES = 32
