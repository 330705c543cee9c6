/** What was done, by whom and when. Nothing here tells anything about a user: deletions stand in `erasure`, as digests. */

import type { AddressClass, AuditAction, AuditActor } from '@lethe/protocol/audit.schemas.ts'
import { bigint, type Column, nullable, table, text } from '../storage/table.ts'

export const auditTable = table('audit', {
  /** Sorts by time. */
  audit_id: text,
  at: bigint,
  actor: text as Column<AuditActor>,
  address_class: nullable(text as Column<AddressClass>),
  app_key: nullable(text),
  action: text as Column<AuditAction>,
  /** Names of settings or of a channel; never a person. */
  subject: nullable(text),
  /** JSON: figures by name. */
  figures: text,
})
