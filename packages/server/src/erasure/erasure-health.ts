/** What `/readyz` warns about: erasures that take too long. They are retried for ever, so the server stays ready. */

import type { Db } from '../schema.ts'
import { readOldestOpenMs } from './erasure.store.ts'

/** Design section 1: erased within 60 s at the 99th percentile. */
const OLDEST_OPEN_MAX_MS = 60_000

export async function erasureWarnings({ database }: { readonly database: Db }): Promise<string[]> {
  const ageMs = await readOldestOpenMs(database)
  if (ageMs <= OLDEST_OPEN_MAX_MS) return []
  return [`the oldest open erasure was accepted ${Math.round(ageMs / 1_000)} s ago`]
}
