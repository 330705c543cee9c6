/** Compares a ledger with the database: which erasures has the database lost, and is it still the same history? */

import type { Read } from '../../schema.ts'
import { readErasuresAt, readPositions } from './ledger.store.ts'
import type { LedgerEntry } from './ledger-line.ts'
import { readLedger } from './read-ledger.ts'

export interface Comparison {
  /** Erasures that the database does not have. `position`: the place that is free for it, null where there is none. */
  readonly missing: readonly { readonly entry: LedgerEntry; readonly position: number | null }[]
  /** Erasures that the database has without a place, and the places that are free for them. */
  readonly unplaced: readonly { readonly erasureId: string; readonly position: number }[]
  /** The database has given places of this ledger to other erasures: it went on from an older state without the ledger. */
  readonly hasDiverged: boolean
}

/** Entries that are looked up together. */
const BATCH = 1_000

interface Found {
  readonly missing: Map<string, { entry: LedgerEntry; position: number | null }>
  readonly unplaced: { erasureId: string; position: number }[]
  hasDiverged: boolean
}

/** `earlierCount`: entries before positions began anew, whose positions mean nothing any more. */
export async function compareLedger(
  read: Read,
  chunks: AsyncIterable<Uint8Array>,
  earlierCount: number,
): Promise<Comparison> {
  const found: Found = { missing: new Map(), unplaced: [], hasDiverged: false }
  let batch: Placed[] = []
  const flush = async () => {
    if (batch.length > 0) await compareBatch(read, batch, found)
    batch = []
  }
  await readLedger(chunks, async (entry, index) => {
    batch.push({ entry, position: index < earlierCount ? null : entry.position })
    if (batch.length === BATCH) await flush()
  })
  await flush()
  return { ...found, missing: [...found.missing.values()] }
}

interface Placed {
  readonly entry: LedgerEntry
  readonly position: number | null
}

async function compareBatch(read: Read, batch: readonly Placed[], found: Found): Promise<void> {
  const known = await readPositions(
    read,
    batch.map(({ entry }) => entry.erasureId),
  )
  const there = await readErasuresAt(
    read,
    batch.flatMap(({ position }) => position ?? []),
  )
  for (const { entry, position } of batch) {
    const holder = position === null ? undefined : there.get(position)
    if (holder !== undefined && holder !== entry.erasureId) found.hasDiverged = true
    const free = holder === undefined ? position : null
    const place = known.get(entry.erasureId)
    if (place === undefined) found.missing.set(entry.erasureId, { entry, position: free })
    else if (place === null && free !== null)
      found.unplaced.push({ erasureId: entry.erasureId, position: free })
  }
}
