/** Which app this worker works for, and who its user is: what the page has written down. */

import { databaseNameOf, isDatabaseOfOurs } from '../names.ts'
import { Store, type StoredConfig, type StoredUser } from '../store.ts'

export interface AppOfWorker {
  readonly config: StoredConfig
  /** Undefined: the user was deleted, or nobody is registered. */
  readonly user: StoredUser | undefined
}

/** Undefined: no app of this worker's folder has written anything down. */
export async function appOf(scope: string): Promise<AppOfWorker | undefined> {
  for (const { name } of await indexedDB.databases()) {
    if (!isDatabaseOfOurs(name)) continue
    const store = new Store(name)
    const config = await store.read('config').catch(() => undefined)
    if (config?.scope !== scope || name !== databaseNameOf(config.appKey)) continue
    const who = await store.read('who')
    return { config, user: who?.kind === 'user' ? who : undefined }
  }
  return undefined
}
