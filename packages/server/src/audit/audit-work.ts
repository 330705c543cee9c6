/** Forgets what has stood in the audit log for longer than the setting says. */

import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import { DAY_MS } from '../kernel/utc-day.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { type AuditDatabase, auditUnits } from './audit.store.ts'

/** The default of the setting: see `config.ts`. */
export const AUDIT_DAYS_DEFAULT = 365

/** What an hour more or less matters to days. Ours. */
const POLL_MS = 3_600_000

export function startAuditWork(deps: {
  readonly database: AuditDatabase
  readonly clock: Clock
  readonly log: Log
  readonly auditDays: number
}): Loop {
  const { database, clock, log, auditDays } = deps
  return startLoop({
    clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: () => database.write(auditUnits.forgetAudit, { olderThanMs: auditDays * DAY_MS }),
    onFailure: (error) => log.error(errorFields(error), 'audit.forgetting-failed'),
  })
}
