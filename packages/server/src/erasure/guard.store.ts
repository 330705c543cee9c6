/**
 * SQL of the deletion guard. Its row is locked after those of devices and before those of tags: an accepting transaction
 * holds it to its end, so that no two of them are let through by the same rest of a budget.
 */

import { guardMinimumDefault, guardShareDefault } from '@lethe/protocol/guard.schemas.ts'
import { writeAudit } from '../audit/audit.store.ts'
import type { AuditEntry } from '../audit/audit.ts'
import type { Read, Tables, Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'
import {
  closeIfOver,
  type Guard,
  type GuardOpening,
  newGuard,
  openingOf,
  type Settled,
  settle,
} from './guard.ts'

type GuardRow = Tables['guard']

/** The guard as it stands, without a lock. */
export async function readGuard(read: Read, appKey: string): Promise<Guard> {
  const row = await read.kysely
    .selectFrom('guard')
    .selectAll()
    .where('app_key', '=', appKey)
    .executeTakeFirst()
  return row ? guardOf(row) : newGuard(appKey)
}

/** Apps whose guard is open past its time, or was and nobody has written down that it is over. */
export async function readOverdue(read: Read, now: number): Promise<string[]> {
  const rows = await read.kysely
    .selectFrom('guard')
    .select('app_key')
    .where('open_until', '<=', now)
    .execute()
  return rows.map((row) => row.app_key)
}

/** The guards of these apps, locked until the end of the transaction; a missing row is made. */
export async function lockGuards(tx: Tx, appKeys: Iterable<string>): Promise<Map<string, Guard>> {
  const rows = await tx.query(
    LOCK_GUARDS,
    [...new Set(appKeys)].map((appKey) => ({ app_key: appKey })),
  )
  return new Map(rows.map((row) => [row.app_key, guardOf(row)]))
}

export async function saveGuards(tx: Tx, guards: readonly Guard[]): Promise<void> {
  await tx.query(SAVE_GUARDS, guards.map(rowOf))
}

/** What a change of a guard gives: the guard after it. */
export interface ChangedGuard {
  readonly guard: Guard
  readonly hasChanged: boolean
}

/** Which guard a unit changes. */
export interface GuardInput {
  readonly appKey: string
}

/** Changes one guard after another under its lock; `change` sees it as it stands. Null: there is no such app. */
function changing<Input extends GuardInput>(
  name: string,
  change: (guard: Guard, input: Input, now: number) => { guard: Guard; entries?: readonly AuditEntry[] },
) {
  return interactive(name, async (tx: Tx, inputs: readonly Input[]): Promise<(ChangedGuard | null)[]> => {
    const guards = await lockGuards(tx, await appsAmong(tx, inputs))
    const entries: AuditEntry[] = []
    const outputs = inputs.map((input) => {
      const before = guards.get(input.appKey)
      if (!before) return null
      const changed = change(before, input, tx.now)
      guards.set(input.appKey, changed.guard)
      entries.push(...(changed.entries ?? []))
      return { guard: changed.guard, hasChanged: changed.guard !== before }
    })
    await saveGuards(tx, [...guards.values()])
    await writeAudit(tx, entries)
    return outputs
  })
}

export interface GuardSettings {
  readonly isOff?: boolean
  readonly sharePercent?: number
  readonly minimum?: number
}

const setGuard = changing(
  'guard.set',
  (guard, { settings, audit }: GuardInput & { settings: GuardSettings; audit: AuditEntry }) => ({
    guard: { ...guard, ...settings },
    entries: [audit],
  }),
)

/** Opens it, instead of what it was opened for before. */
const openGuard = changing(
  'guard.open',
  (guard, input: GuardInput & { deletions: number; forMs: number; audit: AuditEntry }, now) => ({
    guard: {
      ...guard,
      opening: {
        deletions: input.deletions,
        used: 0,
        openedAt: now,
        until: now + input.forMs,
        isClosed: false,
      },
    },
    entries: [input.audit],
  }),
)

/** Closes it, or writes down that it closed by itself. Nothing happens to one that is not open. */
const closeGuard = changing(
  'guard.close',
  (guard, { isAsked, audit }: GuardInput & { isAsked: boolean; audit: AuditEntry }, now) => {
    const { opening } = guard
    const over = closeIfOver(guard, now)
    const isToClose =
      opening !== null && (over.events.length > 0 || (isAsked && openingOf(guard, now) !== null))
    if (!isToClose) return { guard }
    const { deletions, used } = opening
    return {
      guard: { ...guard, opening: { ...opening, isClosed: true } },
      entries: [{ ...audit, figures: { deletions, used } }],
    }
  },
)

/** Keeps a census, unless a later one is kept already. */
const keepCensus = changing(
  'guard.census',
  (guard, { users, countedAt }: GuardInput & { users: number; countedAt: number }) =>
    guard.countedAt !== null && guard.countedAt > countedAt
      ? { guard }
      : { guard: { ...guard, users, countedAt } },
)

const settleAllowances = changing('guard.settle', (guard, settled: GuardInput & Settled) => ({
  guard: settle(guard, settled),
}))

export const guardUnits = { setGuard, openGuard, closeGuard, keepCensus, settleAllowances }

/** Live users counted in one statement: some 10 ms (ours). */
const CENSUS_PAGE = 10_000

/** How many live users of the app were registered before this time: in pages, so that nothing waits for it long. */
export async function countUsers(
  read: Read,
  { appKey, registeredBefore }: { appKey: string; registeredBefore: number },
): Promise<number> {
  let count = 0
  let after: string | null = ''
  while (after !== null) {
    const pages: CensusPage[] = await read.query(CENSUS, ONCE, appKey, after, registeredBefore, CENSUS_PAGE)
    const page = pages[0]
    count += page?.old ?? 0
    after = page?.rows === CENSUS_PAGE ? page.last : null
  }
  return count
}

async function appsAmong(tx: Tx, inputs: readonly GuardInput[]): Promise<string[]> {
  const appKeys = inputs.map(({ appKey }) => appKey)
  const rows = await tx.kysely.selectFrom('app').select('app_key').where('app_key', 'in', appKeys).execute()
  return rows.map((row) => row.app_key)
}

function guardOf(row: GuardRow): Guard {
  const slots = JSON.parse(row.slots) as [number, number, number, number][]
  return {
    appKey: row.app_key,
    isOff: row.is_off === 1,
    sharePercent: row.share_percent ?? guardShareDefault,
    minimum: row.minimum ?? guardMinimumDefault,
    users: row.users,
    countedAt: row.counted_at,
    opening: row.opening === null ? null : (JSON.parse(row.opening) as GuardOpening),
    trippedAt: row.tripped_at,
    slots: slots.map(([startedAt, budget, opening, aside]) => ({ startedAt, budget, opening, aside })),
  }
}

/** Defaults are not written down, so that a better default reaches every app. */
function rowOf(guard: Guard): GuardRow {
  const { sharePercent, minimum, opening } = guard
  return {
    app_key: guard.appKey,
    is_off: guard.isOff ? 1 : 0,
    share_percent: sharePercent === guardShareDefault ? null : sharePercent,
    minimum: minimum === guardMinimumDefault ? null : minimum,
    users: guard.users,
    counted_at: guard.countedAt,
    opening: opening && JSON.stringify(opening),
    open_until: opening && !opening.isClosed ? opening.until : null,
    tripped_at: guard.trippedAt,
    slots: JSON.stringify(guard.slots.map((slot) => [slot.startedAt, slot.budget, slot.opening, slot.aside])),
  }
}

const LOCK_GUARDS = statement<GuardRow>()(
  'guard.lock',
  { app_key: 'text' },
  (q) => `insert into guard (app_key, is_off, users, slots)
    select app_key, 0, 0, '[]' from ${q.input} where true order by app_key
    on conflict (app_key) do update set app_key = excluded.app_key
    returning app_key, is_off, share_percent, minimum, users, counted_at, opening, open_until, tripped_at, slots`,
)

const SAVE_GUARDS = statement<never>()(
  'guard.save',
  {
    app_key: 'text',
    is_off: 'bigint',
    share_percent: 'bigint',
    minimum: 'bigint',
    users: 'bigint',
    counted_at: 'bigint',
    opening: 'text',
    open_until: 'bigint',
    tripped_at: 'bigint',
    slots: 'text',
  },
  (
    q,
  ) => `update guard as g set is_off = input.is_off, share_percent = input.share_percent, minimum = input.minimum,
      users = input.users, counted_at = input.counted_at, opening = input.opening, open_until = input.open_until,
      tripped_at = input.tripped_at, slots = input.slots
    from ${q.input} where g.app_key = input.app_key`,
)

interface CensusPage {
  readonly rows: number
  readonly old: number | null
  readonly last: string | null
}

/** Without a join, so that PostgreSQL reads the page in the order of the index. */
const CENSUS = statement<CensusPage>()(
  'guard.census-page',
  {},
  (q) => `select count(*) as rows, sum(page.is_old) as old, max(page.registration_id) as last from (
      select d.registration_id, case when d.state = 'live' and d.created_at < ${q.value(3)} then 1 else 0 end as is_old
      from device d where d.app_key = ${q.value(1)} and d.registration_id > ${q.value(2)}
      order by d.registration_id limit ${q.value(4)}) as page`,
)
