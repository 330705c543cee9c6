/**
 * What happens to deletions of many users when a database turns out to be older than the ledger: what an operator has decided
 * about them since is lost, so nobody is deleted on the strength of what was decided before.
 */

import { type AuditDeps, auditEntry } from '../../audit/audit.ts'
import type { Db } from '../../schema.ts'
import { type DecideInput, decideDeletions } from './decide.store.ts'
import { readConfirmed } from './read.store.ts'

/** Those that run are paused; those that were confirmed and have not begun are cancelled, and may be planned again. */
export async function holdDeletions(deps: AuditDeps & { readonly database: Db }): Promise<void> {
  const { database } = deps
  for (const { app_key: appKey, deletion_id: deletionId, state } of await readConfirmed(database.read)) {
    const decision: DecideInput['decision'] = state === 'running' ? 'pause' : 'cancel'
    const audit = auditEntry(deps, {
      actor: 'lethe',
      appKey,
      action: decision === 'pause' ? 'deletion.paused' : 'deletion.cancelled',
      subject: deletionId,
    })
    await database.write(decideDeletions, { appKey, deletionId, decision, audit })
  }
}
