/**
 * What happens after a deletion was accepted, in loops over the erasures that are due:
 *
 *   remove   takes the rows away, many users in one transaction
 *   finish   looks again, makes removed bytes unreadable, signs receipts
 *   ledger   writes what was removed, on whatever node, into this node's file outside the database
 *   sweep    erases users whose token another took over and who did not come back
 *
 * The rows of `erasure` are the queue. On PostgreSQL any node may do any of it: a transaction holds what it took, and the
 * database ends the transactions of a node that stopped. Receipts are signed between two transactions, under a lease.
 */

import type { AppDirectory } from '../apps/find-app.ts'
import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import { orderedId, type Random } from '../kernel/random.ts'
import type { Db, Tables } from '../schema.ts'
import type { Unit } from '../storage/database.ts'
import { StorageUnavailable } from '../storage/errors.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { acceptErasure, ERASURE_TOPIC } from './accept-erasure.ts'
import { readAbandoned, readDue, readOldestOpenMs } from './erasure.store.ts'
import type { ErasureMetrics } from './erasure-metrics.ts'
import type { Ledger } from './ledger/ledger.ts'
import { type Member, manifestsOf, signManifest } from './manifest.ts'
import { type ReceiptInput, signReceipt } from './receipt.ts'
import type { RemovalInput, RemovalOutput } from './removal.store.ts'
import {
  type ClaimedErasures,
  claimSealing,
  type FinishInput,
  finishErasures,
  finishWithManifests,
  readClaimed,
  type SealClaim,
} from './seal.store.ts'
import type { SigningKeys } from './signing-keys.ts'
import { deferErasures, findRows, type SecondLookOutput, userOf } from './verification.store.ts'

export interface ErasureWorkDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: ErasureMetrics
  readonly apps: AppDirectory
  readonly removeDevices: Unit<RemovalInput, RemovalOutput, Tables>
  readonly lookAgain: Unit<number, SecondLookOutput, Tables>
  readonly signingKeys: SigningKeys
  /** An erasure is finished only once it stands there. */
  readonly ledger: Ledger
  readonly issuer: string
  readonly personalColumns: ReceiptInput['personalColumns']
  /** How long a node that stopped while it signed receipts keeps others from these erasures. */
  readonly leaseMs: number
}

/** The topics under which senders hear that there is a fence to answer, and erasures that one was answered. */
export const FENCE_TOPIC = 'fence'
export const PAST_FENCE_TOPIC = 'past-fence'

/** Every node looks for itself this often, announced or not. */
const POLL_MS = 1_000
/** Users removed in one transaction. On SQLite a batch keeps everybody else waiting: 100 take some 20 ms. */
export const REMOVAL_BATCH = { sqlite: 100, postgres: 1_000 } as const
/** Removals side by side. Each takes users that no other has taken; SQLite has one writer. */
const REMOVALS_AT_ONCE = { sqlite: 1, postgres: 2 } as const
/** After a run, what comes in is gathered for this long: it is removed together, in fewer transactions. */
const GATHER_MS = 50
/** Users looked at again, and receipts signed, in one go. */
export const FINISH_BATCH = 500
/** Not more often than this are bytes made unreadable: one checkpoint or analysis serves all erasures that wait. */
const SCRUB_INTERVAL_MS = 500
/**
 * Nor does it take more than a part of the time, however large the database: so many times as long as it took, nothing is
 * scrubbed. On SQLite it keeps everybody else waiting; on PostgreSQL it is an analysis beside the others' work.
 */
const SCRUB_PAUSES = { sqlite: 10, postgres: 3 } as const
/** Claims that one scrub serves: ids of 200,000 erasures, some 12 MB. With a large database a scrub and its pause take long. */
const SEAL_CLAIMS_MAX = 400
/** Claims that are read and sealed together, so that manifests are full: 10,000 erasures, some 10 MB. */
const SEAL_CLAIMS_AT_ONCE = 20
const SCRUB_TRIES = 5
const SCRUB_RETRY_MS = 200
const SWEEP_MS = 3_600_000
const SWEEP_BATCH = 1_000
/** Design section 4: a user who lost its token and was not seen for this long is not coming back. */
const ABANDONED_AFTER_MS = 30 * 86_400_000

/** Starts the loops; the answer stops them, once what is under way is done. */
export function startErasureWork(deps: ErasureWorkDeps): { stop(): Promise<void> } {
  const { database, clock, log, metrics } = deps
  const loop = (name: string, pollMs: number, run: () => Promise<'more' | 'done'>): Loop =>
    startLoop({
      clock,
      pollMs,
      gatherMs: GATHER_MS,
      run,
      onFailure: (error) => {
        metrics.failed.inc({ step: name })
        log.error({ step: name, ...errorFields(error) }, 'erasure.step-failed')
      },
    })
  const finish = loop('finish', SCRUB_INTERVAL_MS, finisher(deps))
  const ledger = loop('ledger', POLL_MS, async () => {
    await deps.ledger.run()
    return 'done'
  })
  const remove = loop('remove', POLL_MS, async () => {
    const outcome = await removeDue(deps)
    database.announce(FENCE_TOPIC)
    return outcome
  })
  const sweep = loop('sweep', SWEEP_MS, () => sweepAbandoned(deps))
  const deaf = [
    database.onAnnounced(ERASURE_TOPIC, remove.wake),
    database.onAnnounced(PAST_FENCE_TOPIC, finish.wake),
    // Told after every removal.
    database.onAnnounced(FENCE_TOPIC, ledger.wake),
  ]
  return {
    stop: async () => {
      for (const stopListening of deaf) stopListening()
      await Promise.all([remove.stop(), finish.stop(), ledger.stop(), sweep.stop()])
    },
  }
}

async function removeDue(deps: ErasureWorkDeps): Promise<'more' | 'done'> {
  const limit = REMOVAL_BATCH[deps.database.engine]
  try {
    const steps = Array.from({ length: REMOVALS_AT_ONCE[deps.database.engine] }, () =>
      deps.database.write(deps.removeDevices, { erasureIds: null, limit }),
    )
    const outcomes = await Promise.all(steps)
    for (const { erasureCount } of outcomes) deps.metrics.removed.inc(erasureCount)
    return outcomes.some(({ hasMore }) => hasMore) ? 'more' : 'done'
  } catch (error) {
    if (error instanceof StorageUnavailable) throw error
    deps.log.error(errorFields(error), 'erasure.removal-failed')
    return removeOneByOne(deps, limit)
  }
}

/** One erasure that cannot be removed must not hold up the others: each is tried alone, and the failing ones wait. */
async function removeOneByOne(deps: ErasureWorkDeps, limit: number): Promise<'more' | 'done'> {
  const { database, metrics } = deps
  const due = await readDue(database, limit)
  for (const { erasure_id: erasureId, app_key, registration_id, attempts } of due) {
    try {
      const { erasureCount } = await database.write(deps.removeDevices, {
        erasureIds: [erasureId],
        limit: 1,
      })
      metrics.removed.inc(erasureCount)
    } catch (error) {
      if (error instanceof StorageUnavailable || registration_id === null) throw error
      const found = await findRows(database.read, database.engine, [{ app_key, registration_id }])
      const failure = (found.byUser.get(userOf({ app_key, registration_id })) ?? []).join(', ')
      await database.write(deferErasures, { erasureId, attempts, failure })
      metrics.failed.inc({ step: 'remove' })
      deps.log.error({ erasureId, tables: failure, ...errorFields(error) }, 'erasure.not-removed')
    }
  }
  return 'done'
}

/** A run of the finishing loop; it remembers when bytes were last made unreadable. */
function finisher(deps: ErasureWorkDeps): () => Promise<'more' | 'done'> {
  const { clock } = deps
  const pauses = SCRUB_PAUSES[deps.database.engine]
  let scrubAt = Number.NEGATIVE_INFINITY
  return async () => {
    await lookAtRemoved(deps)
    await measureOldest(deps)
    if (clock.monotonic() < scrubAt) return 'done'
    // What was just found to be gone shall not have to wait for the next scrub.
    await deps.ledger.run()
    const begunAt = clock.monotonic()
    const claims = await claimAll(deps)
    if (claims.length === 0) return 'done'
    await scrub(deps)
    scrubAt = begunAt + Math.max(SCRUB_INTERVAL_MS, pauses * (clock.monotonic() - begunAt))
    for (let first = 0; first < claims.length; first += SEAL_CLAIMS_AT_ONCE) {
      await sealTogether(deps, claims.slice(first, first + SEAL_CLAIMS_AT_ONCE))
    }
    await measureOldest(deps)
    return 'more'
  }
}

async function lookAtRemoved({ database, log, metrics, lookAgain }: ErasureWorkDeps): Promise<void> {
  for (let isMore = true; isMore; ) {
    const { lookedAtCount, left } = await database.write(lookAgain, FINISH_BATCH)
    for (const { erasureId, tables } of left) {
      metrics.failed.inc({ step: 'look-again' })
      log.error({ erasureId, tables: tables.join(', ') }, 'erasure.something-left')
    }
    isMore = lookedAtCount === FINISH_BATCH
  }
}

/** Takes the erasures that are ready to be sealed: all of them, so that one scrub serves them together. */
async function claimAll({ database, leaseMs, ledger }: ErasureWorkDeps): Promise<SealClaim[]> {
  const claims: SealClaim[] = []
  for (let isMore = true; isMore && claims.length < SEAL_CLAIMS_MAX; ) {
    const claim = await database.write(claimSealing, {
      limit: FINISH_BATCH,
      leaseMs,
      ledgerPosition: ledger.position,
    })
    if (claim.erasureIds.length > 0) claims.push(claim)
    isMore = claim.erasureIds.length === FINISH_BATCH
  }
  return claims
}

async function scrub({ database, clock }: ErasureWorkDeps): Promise<void> {
  for (let tries = 0; tries < SCRUB_TRIES; tries++) {
    if (await database.scrub()) return
    await clock.sleep(SCRUB_RETRY_MS)
  }
  throw new StorageUnavailable('readers kept the log from being truncated')
}

async function sealTogether(deps: ErasureWorkDeps, claims: readonly SealClaim[]): Promise<void> {
  const { database, leaseMs } = deps
  const inBulk: Member[] = []
  for (const claim of claims) {
    const claimed = await database.write(readClaimed, { ...claim, leaseMs })
    await seal(deps, claimed)
    for (const erasure of claimed.erasures) {
      if (erasure.deletion_id !== null) inBulk.push({ ...erasure, erasedAt: claimed.now })
    }
  }
  await sealManifests(deps, inBulk)
}

/** Signs the receipts of single deletions and finishes them. The third clock is the database's. */
async function seal(deps: ErasureWorkDeps, claimed: ClaimedErasures): Promise<void> {
  const { database, metrics, signingKeys, issuer, personalColumns } = deps
  const erasedAt = claimed.now
  const erasures = claimed.erasures.filter(({ deletion_id }) => deletion_id === null)
  if (erasures.length === 0) return
  const finished = await Promise.all(
    erasures.map(async (erasure): Promise<FinishInput> => {
      const receipt = await signReceipt(signingKeys, {
        erasure,
        erasedAt,
        issuer,
        engine: database.engine,
        personalColumns,
      })
      return { erasureId: erasure.erasure_id, erasedAt, receipt }
    }),
  )
  metrics.erased.inc(await database.write(finishErasures, finished))
  for (const erasure of erasures) measureClocks(metrics, erasure, erasedAt)
}

/** The same for erasures of bulk deletions: manifests over many together, so that few are not full. */
async function sealManifests(deps: ErasureWorkDeps, erasures: readonly Member[]): Promise<void> {
  const { database, metrics, random, clock, signingKeys } = deps
  for (const { appKey, deletionId, members } of manifestsOf(erasures)) {
    const manifestId = orderedId(random, clock.now())
    const input = { ...deps, engine: database.engine, manifestId, deletionId, members }
    const finished = await database.write(finishWithManifests, {
      manifestId,
      appKey,
      deletionId,
      receipt: await signManifest(signingKeys, input),
      erasures: members.map(({ erasure_id: erasureId, erasedAt }) => ({ erasureId, erasedAt })),
    })
    metrics.erased.inc(finished)
    for (const member of members) measureClocks(metrics, member, member.erasedAt)
  }
}

function measureClocks(
  { removedSeconds, erasedSeconds }: ErasureMetrics,
  { accepted_at, removed_at }: Pick<Tables['erasure'], 'accepted_at' | 'removed_at'>,
  erasedAt: number,
): void {
  removedSeconds.observe(((removed_at ?? erasedAt) - accepted_at) / 1_000)
  erasedSeconds.observe((erasedAt - accepted_at) / 1_000)
}

async function measureOldest({ database, metrics }: ErasureWorkDeps): Promise<void> {
  metrics.oldestOpenSeconds.set((await readOldestOpenMs(database)) / 1_000)
}

async function sweepAbandoned(deps: ErasureWorkDeps): Promise<'more' | 'done'> {
  const notSeenSince = deps.clock.now() - ABANDONED_AFTER_MS
  const abandoned = await readAbandoned(deps.database.read, { notSeenSince, limit: SWEEP_BATCH })
  for (const { app_key, registration_id } of abandoned) {
    const app = await deps.apps.find(app_key)
    if (!app) throw new Error('a device belongs to an app that does not exist')
    const input = {
      app,
      registrationId: registration_id,
      origin: 'sweep',
      onlyIfAbandonedSince: notSeenSince,
    } as const
    await acceptErasure(deps, input)
    deps.metrics.accepted.inc({ origin: 'sweep' })
  }
  return abandoned.length === SWEEP_BATCH ? 'more' : 'done'
}
