/** SQL of applications and the keys that they are made with. */

import { writeAudit } from '../audit/audit.store.ts'
import type { AuditEntry } from '../audit/audit.ts'
import type { Db, Read, Tables, Tx } from '../schema.ts'
import { interactive } from '../storage/unit.ts'
import { changeSettings, type SettingsChange } from './app-settings.ts'
import {
  insertCredentials,
  readChannelCredentials,
  type StoredCredentials,
} from './channel-credentials.store.ts'

/** What the actions of this room need of the database. */
export type AppsDatabase = Pick<Db, 'read' | 'write'>

export type AppRow = Tables['app']

export interface StoredApp {
  readonly row: AppRow
  /** Newest first; never empty. */
  readonly erasureKeys: readonly { readonly version: number; readonly sealedKey: string }[]
  readonly channels: readonly StoredCredentials[]
}

export interface NewApp {
  readonly row: AppRow
  /** Version 1 of the app's erasure key, sealed. */
  readonly sealedErasureKey: string
  /** Its key pair for Web Push, sealed. */
  readonly sealedWebPush: string
  /** Written down with it; absent where nobody asked for it, as at a first start. */
  readonly audit?: AuditEntry
}

export async function readApp(read: Read, appKey: string): Promise<StoredApp | undefined> {
  const row = await read.kysely.selectFrom('app').selectAll().where('app_key', '=', appKey).executeTakeFirst()
  if (!row) return undefined
  const [erasureKeys, channels] = await Promise.all([
    readErasureKeys(read, appKey),
    readChannelCredentials(read, appKey),
  ])
  return { row, erasureKeys, channels }
}

/** All apps, the oldest first. */
export function readApps(read: Read): Promise<AppRow[]> {
  return read.kysely.selectFrom('app').selectAll().orderBy('created_at').orderBy('app_key').execute()
}

/** The key of the oldest app. */
export async function readFirstAppKey(read: Read): Promise<string | undefined> {
  const apps = read.kysely.selectFrom('app').select('app_key').orderBy('created_at').orderBy('app_key')
  return (await apps.limit(1).executeTakeFirst())?.app_key
}

/** Makes an app, unless its key is taken. */
const createApp = interactive('apps.create', async (tx: Tx, inputs: readonly NewApp[]) => {
  await tx.lockNames(inputs.map((input) => nameOf(input.row.app_key)))
  const outputs: ('created' | 'exists')[] = []
  for (const app of inputs) outputs.push((await insertApp(tx, app)) ? 'created' : 'exists')
  return outputs
})

/** Makes the first app: nodes that start at once on an empty database all try, and one of them does. */
const createFirstApp = interactive('apps.createFirst', async (tx: Tx, inputs: readonly NewApp[]) => {
  await tx.lockNames(['first app'])
  const outputs: ('created' | 'notFirst')[] = []
  for (const app of inputs) {
    const any = await tx.kysely.selectFrom('app').select('app_key').limit(1).executeTakeFirst()
    outputs.push(!any && (await insertApp(tx, app)) ? 'created' : 'notFirst')
  }
  return outputs
})

/** Replaces the secret of an app; false: there is no such app. */
const rotateSecret = interactive(
  'apps.rotateSecret',
  async (tx: Tx, inputs: readonly { appKey: string; secretDigest: string; audit: AuditEntry }[]) => {
    await tx.lockNames(inputs.map((input) => nameOf(input.appKey)))
    const outputs: boolean[] = []
    for (const { appKey, secretDigest, audit } of inputs) {
      const updated = await tx.kysely
        .updateTable('app')
        .set({ secret_digest: secretDigest })
        .where('app_key', '=', appKey)
        .executeTakeFirst()
      const isDone = updated.numUpdatedRows > 0n
      if (isDone) await writeAudit(tx, [audit])
      outputs.push(isDone)
    }
    return outputs
  },
)

export interface AppChange {
  readonly appKey: string
  readonly name?: string
  readonly settings?: SettingsChange
  readonly audit: AuditEntry
}

/** Changes name and settings; the output is the row as it stands then, or null when there is no such app. */
const changeApp = interactive('apps.change', async (tx: Tx, inputs: readonly AppChange[]) => {
  await tx.lockNames(inputs.map((input) => nameOf(input.appKey)))
  const outputs: (AppRow | null)[] = []
  for (const { appKey, name, settings, audit } of inputs) {
    const app = tx.kysely.selectFrom('app').selectAll().where('app_key', '=', appKey)
    const before = await app.executeTakeFirst()
    if (before) {
      const after = { name: name ?? before.name, settings: changeSettings(before.settings, settings ?? {}) }
      await tx.kysely.updateTable('app').set(after).where('app_key', '=', appKey).execute()
      await writeAudit(tx, [audit])
      outputs.push({ ...before, ...after })
    } else outputs.push(null)
  }
  return outputs
})

export const appUnits = { createApp, createFirstApp, rotateSecret, changeApp }

async function readErasureKeys(read: Read, appKey: string): Promise<StoredApp['erasureKeys']> {
  const keys = await read.kysely
    .selectFrom('erasure_key')
    .select(['version', 'sealed_key'])
    .where('app_key', '=', appKey)
    .orderBy('version', 'desc')
    .execute()
  return keys.map((key) => ({ version: key.version, sealedKey: key.sealed_key }))
}

async function insertApp(tx: Tx, { row, audit, ...sealed }: NewApp): Promise<boolean> {
  const inserted = await tx.kysely
    .insertInto('app')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if (inserted.numInsertedOrUpdatedRows !== 1n) return false
  const key = {
    app_key: row.app_key,
    version: 1,
    sealed_key: sealed.sealedErasureKey,
    created_at: row.created_at,
  }
  await tx.kysely.insertInto('erasure_key').values(key).execute()
  await insertCredentials(tx, {
    appKey: row.app_key,
    channel: 'webPush',
    sealed: sealed.sealedWebPush,
    changedAt: row.created_at,
  })
  await writeAudit(tx, audit ? [audit] : [])
  return true
}

function nameOf(appKey: string): string {
  return `app ${appKey}`
}
