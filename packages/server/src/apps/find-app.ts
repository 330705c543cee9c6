/**
 * Finds apps by their key, on every request: from memory for a second, then from the database again. So a change on
 * another node is seen within a second, and one on this node at once.
 */

import { assert } from '../kernel/assert.ts'
import type { Clock } from '../kernel/clock.ts'
import type { App, ErasureKey } from './app.ts'
import { parseSettings } from './app-settings.ts'
import { type AppsDatabase, readApp, type StoredApp } from './apps.store.ts'
import { openCredentials } from './channel-credentials.ts'
import type { Seal } from './seal.ts'

export interface AppDirectory {
  /** The app with this key, or undefined. Answers at once when it is in memory. */
  find(appKey: string): App | undefined | Promise<App | undefined>
  /** Forgets what is in memory of this app: it was changed. */
  forget(appKey: string): void
}

export interface AppDirectoryDeps {
  readonly database: Pick<AppsDatabase, 'read'>
  readonly seal: Seal
  readonly clock: Clock
}

export function createAppDirectory(deps: AppDirectoryDeps): AppDirectory {
  return new CachedApps(deps)
}

/** What the seal of an erasure key is bound to. */
export function erasureKeyPurpose(appKey: string, version: number): string {
  return `erasure key ${version} of app ${appKey}`
}

/** How long a change may go unseen by another node. */
const CACHED_MS = 1_000
/** Keys in memory, unknown ones included: guessing costs a bounded amount of memory and one read per key and second. */
const ENTRIES_MAX = 10_000

interface Entry {
  readonly app: App | undefined
  readonly expiresAt: number
}

class CachedApps implements AppDirectory {
  readonly #deps: AppDirectoryDeps
  readonly #entries = new Map<string, Entry>()
  /** Loads on their way. One that is no longer registered when it ends was overtaken by a change, and is not kept. */
  readonly #loads = new Map<string, Promise<App | undefined>>()

  constructor(deps: AppDirectoryDeps) {
    this.#deps = deps
  }

  find(appKey: string): App | undefined | Promise<App | undefined> {
    const entry = this.#entries.get(appKey)
    if (entry && entry.expiresAt > this.#deps.clock.monotonic()) return entry.app
    return this.#loads.get(appKey) ?? this.#load(appKey)
  }

  forget(appKey: string): void {
    this.#entries.delete(appKey)
    this.#loads.delete(appKey)
  }

  #load(appKey: string): Promise<App | undefined> {
    const expiresAt = this.#deps.clock.monotonic() + CACHED_MS
    const load: Promise<App | undefined> = this.#read(appKey)
      .then((app) => {
        if (this.#loads.get(appKey) === load) this.#keep(appKey, { app, expiresAt })
        return app
      })
      .finally(() => {
        if (this.#loads.get(appKey) === load) this.#loads.delete(appKey)
      })
    this.#loads.set(appKey, load)
    return load
  }

  async #read(appKey: string): Promise<App | undefined> {
    const stored = await readApp(this.#deps.database.read, appKey)
    return stored && appOf(stored, this.#deps.seal)
  }

  /** The oldest entry makes room: a Map keeps the order in which its keys came. */
  #keep(appKey: string, entry: Entry): void {
    this.#entries.delete(appKey)
    this.#entries.set(appKey, entry)
    if (this.#entries.size <= ENTRIES_MAX) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}

function appOf({ row, erasureKeys, channels }: StoredApp, seal: Seal): App {
  const [newest, ...older] = erasureKeys.map(
    ({ version, sealedKey }): ErasureKey => ({
      version,
      // A copy of its own: the key travels to the writer thread, and a piece of a pool would take the whole pool along.
      key: new Uint8Array(seal.open(sealedKey, erasureKeyPurpose(row.app_key, version))),
    }),
  )
  assert(newest, 'every app has an erasure key')
  return {
    appKey: row.app_key,
    name: row.name,
    secretDigest: row.secret_digest,
    settings: parseSettings(row.settings),
    erasureKeys: [newest, ...older],
    channels: new Map(
      channels.map((stored) => {
        const { channel, revision, credentials } = openCredentials(seal, row.app_key, stored)
        return [channel, { revision, credentials }]
      }),
    ),
    createdAt: row.created_at,
  }
}
