/** What `/readyz` warns about: erasures that take too long. They are retried for ever, so the server stays ready. */

import type { Clock } from '../kernel/clock.ts'
import type { Db } from '../schema.ts'
import { readOldestOpen } from './erasure.store.ts'

/** Design section 1: erased within 60 s at the 99th percentile. */
const OLDEST_OPEN_MAX_MS = 60_000

export async function erasureWarnings(deps: {
  readonly database: Db
  readonly clock: Clock
}): Promise<string[]> {
  const acceptedAt = await readOldestOpen(deps.database.read)
  const ageMs = acceptedAt === null ? 0 : deps.clock.now() - acceptedAt
  if (ageMs <= OLDEST_OPEN_MAX_MS) return []
  return [`the oldest open erasure was accepted ${Math.round(ageMs / 1_000)} s ago`]
}
