/** Operator API, audit log: read it, page by page. */

import {
  AuditAnswer,
  type AuditEntryAnswer,
  AuditQuery,
  auditEntriesDefault,
  auditEntriesMax,
} from '@lethe/protocol/audit.schemas.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, refuse } from '../kernel/reply.ts'
import { DAY_MS } from '../kernel/utc-day.ts'
import { type AuditDatabase, type AuditPage, type AuditRow, readAudit } from './audit.store.ts'

export interface AdminAuditDeps {
  readonly database: AuditDatabase
  readonly clock: Clock
  readonly auditDays: number
  /** Deletions of single users, as entries: they stand in a table of another room, which is not to be written twice. */
  readonly readDeletions: (page: AuditPage & { readonly since: number }) => Promise<AuditRow[]>
}

export function listAudit(deps: AdminAuditDeps): Operation {
  return operation({
    id: 'listAudit',
    summary: 'Read the audit log, the newest entry first',
    description:
      'Who did what and when. It never holds what tells something about a user: a deletion stands there as the digest that its ' +
      'tombstone has, an address as its class.',
    schema: { query: AuditQuery, answers: { 200: AuditAnswer } },
    handle: async ({ query }) => {
      const limit = Number(query.limit ?? auditEntriesDefault)
      if (limit > auditEntriesMax) return refuse('parameterInvalid', `limit: at most ${auditEntriesMax}`)
      const rows = await readPage(deps, { limit: limit + 1, before: query.before, action: query.action })
      const page = rows.slice(0, limit)
      const next = rows.length > limit ? (page.at(-1)?.audit_id ?? null) : null
      return answer({ entries: page.map(entryAnswer), next } satisfies AuditAnswer)
    },
  })
}

/** Ids of both kinds of entries sort by time, so two lists make one. */
async function readPage(
  { database, clock, auditDays, readDeletions }: AdminAuditDeps,
  page: AuditPage & { readonly action: AuditQuery['action'] },
): Promise<AuditRow[]> {
  const since = clock.now() - auditDays * DAY_MS
  const isOfDeletions = page.action === undefined || page.action === 'user.deleted'
  const [entries, deletions] = await Promise.all([
    page.action === 'user.deleted' ? [] : readAudit(database.read, page),
    isOfDeletions ? readDeletions({ ...page, since }) : [],
  ])
  return [...entries, ...deletions]
    .sort((one, other) => (one.audit_id < other.audit_id ? 1 : -1))
    .slice(0, page.limit)
}

function entryAnswer(row: AuditRow): AuditEntryAnswer {
  return {
    id: row.audit_id,
    at: new Date(row.at).toISOString(),
    actor: row.actor,
    address_class: row.address_class,
    app_key: row.app_key,
    action: row.action,
    subject: row.subject,
    figures: JSON.parse(row.figures) as Record<string, number>,
  }
}
