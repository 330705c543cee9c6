/** SQL of the audit log. */

import type { AuditAction } from '@lethe/protocol/audit.schemas.ts'
import type { Db, Read, Tables, Tx } from '../schema.ts'
import { background } from '../storage/unit.ts'
import type { AuditEntry } from './audit.ts'

export type AuditDatabase = Pick<Db, 'read' | 'write'>
export type AuditRow = Tables['audit']

/** Entries older than `before`, the newest first. */
export interface AuditPage {
  readonly before: string | undefined
  readonly limit: number
}

/**
 * Writes the entries down in the transaction that does what they tell, stamped with its clock: both are there or
 * neither. It locks nothing that others wait for.
 */
export async function writeAudit(tx: Tx, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return
  const rows = entries.map((entry) => ({
    audit_id: entry.auditId,
    at: tx.now,
    actor: entry.actor,
    address_class: entry.addressClass,
    app_key: entry.appKey,
    action: entry.action,
    subject: entry.subject,
    figures: JSON.stringify(entry.figures),
  }))
  await tx.kysely
    .insertInto('audit')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export function readAudit(
  read: Read,
  { before, limit, action }: AuditPage & { readonly action: AuditAction | undefined },
): Promise<AuditRow[]> {
  let query = read.kysely.selectFrom('audit').selectAll().orderBy('audit_id', 'desc').limit(limit)
  if (before !== undefined) query = query.where('audit_id', '<', before)
  if (action !== undefined) query = query.where('action', '=', action)
  return query.execute()
}

/** Entries forgotten in one step: some 10 ms of one writer. Ours. */
const FORGOTTEN_MAX = 1_000

/** Forgets entries that are older than this, some of them. Output: whether more may be left. */
const forgetAudit = background('audit.forget', async (tx: Tx, inputs: readonly { olderThanMs: number }[]) => {
  const outputs: ('more' | 'done')[] = []
  for (const { olderThanMs } of inputs) {
    const old = tx.kysely
      .selectFrom('audit')
      .select('audit_id')
      .where('at', '<', tx.now - olderThanMs)
      .orderBy('at')
      .limit(FORGOTTEN_MAX)
    const deleted = await tx.kysely.deleteFrom('audit').where('audit_id', 'in', old).executeTakeFirst()
    outputs.push(deleted.numDeletedRows === BigInt(FORGOTTEN_MAX) ? 'more' : 'done')
  }
  return outputs
})

export const auditUnits = { forgetAudit }
