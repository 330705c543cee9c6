/**
 * Works off confirmed deletions in the background. Users are hidden batch by batch, as fast as their removal keeps up, so that the
 * deletion of a single user does not wait behind a million. Any node may do any batch: the rows say what is next.
 */

import type { AppDirectory } from '../../apps/find-app.ts'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { errorFields, type Log } from '../../kernel/log.ts'
import { orderedId, type Random } from '../../kernel/random.ts'
import type { Db } from '../../schema.ts'
import { startLoop } from '../../work/loop.ts'
import { type AcceptErasureDeps, ERASURE_TOPIC } from '../accept-erasure.ts'
import type { ErasureMetrics } from '../erasure-metrics.ts'
import { FENCE_TOPIC } from '../erasure-work.ts'
import { BULK_TOPIC } from './bulk-topic.ts'
import {
  advanceDeletions,
  clearTargets,
  countAccepted,
  isAnyOpen,
  type OpenDeletion,
  readWork,
  runDeletions,
} from './run.store.ts'

export interface BulkWorkDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly apps: AppDirectory
  readonly metrics: ErasureMetrics
  readonly onHidden?: AcceptErasureDeps['onHidden']
}

/** Every node looks for itself this often, announced or not. */
const POLL_MS = 1_000
/** Users hidden in one transaction. */
const BATCH = { sqlite: 200, postgres: 1_000 } as const
/** No further user is hidden while so many wait to be removed: a deletion of one user waits behind them, about half a second. */
const ACCEPTED_MAX = { sqlite: 1_000, postgres: 4_000 } as const
/** Nor while so many of a deletion's own erasures are open at all, wherever they are stuck. */
const OPEN_MAX = 250_000
/** Users taken off the list of an ended deletion in one transaction. */
const CLEARED_AT_ONCE = { sqlite: 500, postgres: 2_000 } as const

/** Starts the loop; the answer stops it, once the batch that is under way is done. */
export function startBulkWork(deps: BulkWorkDeps): { stop(): Promise<void> } {
  const { database, clock, log, metrics } = deps
  const loop = startLoop({
    clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: () => work(deps),
    onFailure: (error) => {
      metrics.failed.inc({ step: 'bulk' })
      log.error(errorFields(error), 'deletion.step-failed')
    },
  })
  // Removals have made room for more.
  const deaf = [database.onAnnounced(BULK_TOPIC, loop.wake), database.onAnnounced(FENCE_TOPIC, loop.wake)]
  return {
    stop: async () => {
      for (const stopListening of deaf) stopListening()
      await loop.stop()
    },
  }
}

async function work(deps: BulkWorkDeps): Promise<'more' | 'done'> {
  const { database } = deps
  if (!(await isAnyOpen(database.read))) return 'done'
  await database.write(advanceDeletions, null)
  const outcomes: boolean[] = []
  for (const deletion of await readWork(database.read)) {
    outcomes.push(
      deletion.state === 'running' ? await hideNext(deps, deletion) : await clearNext(deps, deletion),
    )
  }
  return outcomes.includes(true) ? 'more' : 'done'
}

/** Hides the next users of a running deletion; true: there are more, and room for them. */
async function hideNext(deps: BulkWorkDeps, deletion: OpenDeletion): Promise<boolean> {
  const { database, random, clock, metrics, onHidden } = deps
  const { engine } = database
  if (deletion.hidden_count - deletion.erased_count >= OPEN_MAX) return false
  const acceptedMax = ACCEPTED_MAX[engine]
  if ((await countAccepted(database.read, acceptedMax)) >= acceptedMax) return false
  const app = await deps.apps.find(deletion.app_key)
  assert(app, 'a deletion belongs to an app that does not exist')
  const { hidden, hasMore } = await database.write(runDeletions, {
    deletionId: deletion.deletion_id,
    appKey: app.appKey,
    erasureKeys: app.erasureKeys,
    erasureIds: Array.from({ length: BATCH[engine] }, () => orderedId(random, clock.now())),
  })
  for (const registrationId of hidden) {
    metrics.accepted.inc({ origin: 'bulk' })
    onHidden?.({ appKey: app.appKey, registrationId })
  }
  if (hidden.length > 0) database.announce(ERASURE_TOPIC)
  return hasMore
}

function clearNext({ database }: BulkWorkDeps, { deletion_id }: OpenDeletion): Promise<boolean> {
  const limit = CLEARED_AT_ONCE[database.engine]
  return database.write(clearTargets, { deletionId: deletion_id, limit })
}
