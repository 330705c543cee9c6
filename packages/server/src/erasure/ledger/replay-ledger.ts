/** Erases again what an older database has brought back. Nothing else may work on the database meanwhile. */

import type { App, ErasureKey } from '../../apps/app.ts'
import type { AppDirectory } from '../../apps/find-app.ts'
import { idTombstones, tokenTombstones } from '../../devices/digests.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import type { Db } from '../../schema.ts'
import type { Comparison } from './compare-ledger.ts'
import { DEVICES_PAGE, placeErasures, readDevicesAfter } from './ledger.store.ts'
import type { LedgerEntry } from './ledger-line.ts'
import { type ReplayEntry, type ReplayInput, replayErasures } from './replay.store.ts'

export interface ReplayDeps {
  readonly database: Db
  readonly apps: AppDirectory
}

export interface Replayed {
  /** Erasures that were written. */
  readonly erasureCount: number
  /** Users whom the database had again. */
  readonly deviceCount: number
  /** Apps of the ledger that the database does not have, and how many erasures of theirs were left out. */
  readonly unknownApps: ReadonlyMap<string, number>
}

/** Erasures that are written in one go. */
const BATCH = 500

/**
 * @throws Error with a sentence for the operator when the database lacks a key that digests of the ledger were made with: nothing
 * has been written then.
 */
export async function replayLedger(deps: ReplayDeps, comparison: Comparison): Promise<Replayed> {
  const byApp = Map.groupBy(comparison.missing, ({ entry }) => entry.appKey)
  const unknownApps = new Map<string, number>()
  const found: (ReplayEntry & { readonly order: number })[] = []
  const detach: ReplayInput['detach'][number][] = []
  for (const [appKey, missing] of byApp) {
    const app = await deps.apps.find(appKey)
    if (!app) {
      unknownApps.set(appKey, missing.length)
      continue
    }
    checkKeys(app, missing)
    const devices = await findDevices(deps.database, app, missing)
    detach.push(...devices.detach)
    for (const { entry, position } of missing)
      found.push({
        entry,
        position,
        device: devices.byErasure.get(entry.erasureId) ?? null,
        order: entry.position,
      })
  }
  // In the ledger's order: the last of them stands only once all do, and by that a start sees whether they do.
  found.sort((one, other) => one.order - other.order)
  const deviceCount = await write(deps.database, { found, detach })
  await deps.database.write(placeErasures, comparison.unplaced)
  return { erasureCount: found.length, deviceCount, unknownApps }
}

async function write(
  database: Db,
  { found, detach }: { found: readonly ReplayEntry[]; detach: ReplayInput['detach'] },
): Promise<number> {
  let deviceCount = 0
  for (let at = 0; at < detach.length; at += BATCH)
    await database.write(replayErasures, { entries: [], detach: detach.slice(at, at + BATCH) })
  for (let at = 0; at < found.length; at += BATCH) {
    const entries = found
      .slice(at, at + BATCH)
      .map(({ entry, position, device }) => ({ entry, position, device }))
    deviceCount += await database.write(replayErasures, { entries, detach: [] })
  }
  return deviceCount
}

function checkKeys(app: App, missing: Comparison['missing']): void {
  const known = new Set(app.erasureKeys.map(({ version }) => version))
  const lost = missing.find(({ entry }) => !known.has(entry.keyVersion))
  if (!lost) return
  throw new Error(
    `The ledger names users of the app ${app.appKey} by its erasure key ${lost.entry.keyVersion}, which this database does not have ` +
      '(it was restored from a backup made before that key): restore a newer backup.',
  )
}

interface FoundDevices {
  readonly byErasure: Map<string, { registrationId: RegistrationId; tokenDigest: string | null }>
  readonly detach: { appKey: string; registrationId: RegistrationId }[]
}

/** The ledger knows digests only: every user of the app is digested, and looked for in it. */
async function findDevices(
  database: Db,
  app: App,
  missing: readonly { readonly entry: LedgerEntry }[],
): Promise<FoundDevices> {
  const byId = new Map(missing.map(({ entry }) => [entry.idDigest, entry]))
  const tokens = new Set(missing.flatMap(({ entry }) => entry.tokenDigest ?? []))
  const keys = usedKeys(app, missing)
  const found: FoundDevices = { byErasure: new Map(), detach: [] }
  for (let after = ''; ; ) {
    const page = await readDevicesAfter(database.read, app.appKey, after)
    for (const { registration_id: registrationId, token_digest } of page) {
      const entry = idTombstones(keys, registrationId).flatMap((digest) => byId.get(digest) ?? [])[0]
      const ownTokens = token_digest === null ? [] : tokenTombstones(keys, token_digest)
      if (entry) {
        const at = keys.findIndex(({ version }) => version === entry.keyVersion)
        found.byErasure.set(entry.erasureId, { registrationId, tokenDigest: ownTokens[at] ?? null })
      } else if (ownTokens.some((digest) => tokens.has(digest))) {
        found.detach.push({ appKey: app.appKey, registrationId })
      }
    }
    const last = page.at(-1)
    if (!last || page.length < DEVICES_PAGE) return found
    after = last.registration_id
  }
}

function usedKeys(app: App, missing: readonly { readonly entry: LedgerEntry }[]): readonly ErasureKey[] {
  const used = new Set(missing.map(({ entry }) => entry.keyVersion))
  return app.erasureKeys.filter(({ version }) => used.has(version))
}
