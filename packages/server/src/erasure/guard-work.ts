/** Writes down that the time of an opened guard is over. The guard itself looks at the time: nothing passes it meanwhile. */

import { auditEntry } from '../audit/audit.ts'
import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import type { CounterBy } from '../kernel/metric.ts'
import type { Random } from '../kernel/random.ts'
import type { Db } from '../schema.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { guardUnits, readOverdue } from './guard.store.ts'

export interface GuardWorkDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: { readonly guardEvents: CounterBy<'event'> }
}

/** How late an entry of the audit log may be (ours). */
const POLL_MS = 10_000

export function startGuardWork(deps: GuardWorkDeps): Loop {
  return startLoop({
    clock: deps.clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: () => closeOverdue(deps),
    onFailure: (error) => deps.log.error(errorFields(error), 'guard.closing-failed'),
  })
}

/** Several nodes may find the same guard; one of them closes it. */
async function closeOverdue(deps: GuardWorkDeps): Promise<'done'> {
  const { database, log, metrics } = deps
  for (const appKey of await readOverdue(database.read, await database.now())) {
    const audit = auditEntry(deps, { actor: 'lethe', appKey, action: 'guard.closed' })
    const closed = await database.write(guardUnits.closeGuard, { appKey, isAsked: false, audit })
    if (closed?.hasChanged !== true) continue
    metrics.guardEvents.inc({ event: 'closed' })
    log.info({ appKey }, 'guard.closed')
  }
  return 'done'
}
