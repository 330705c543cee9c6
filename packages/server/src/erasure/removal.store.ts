/**
 * The write unit that removes what an accepted erasure has hidden, and leaves the tombstones. What is removed follows from
 * the erasure rules; this file knows no table of another room by name.
 */

import { buryDevices } from '../devices/tombstones.store.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import type { Unit } from '../storage/database.ts'
import { ONCE, type Statement, statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'
import { takePositions } from './ledger/ledger.store.ts'
import { vendorOf } from './vendors.ts'

/** What stands in the plan for a table: a statement that deletes the rows of these users and returns whose they were. */
export interface RemovalStep {
  readonly table: string
  readonly statement: Statement<UserKey, UserKey>
}

interface UserKey {
  readonly app_key: string
  readonly registration_id: RegistrationId
}

/** Removes the erasures of these ids; null: those that are due, the longest waiting first, at most `limit`. */
export interface RemovalInput {
  readonly erasureIds: readonly string[] | null
  readonly limit: number
}

export interface RemovalOutput {
  readonly erasureCount: number
  /** Whether more may be due than this step has taken. */
  readonly hasMore: boolean
  readonly rowCount: number
}

/** Users removed in one step while others wait: some 10 ms of one writer. */
const CONTENDED_LIMIT = 25

interface Claimed {
  readonly erasure_id: string
  readonly app_key: string
  readonly registration_id: RegistrationId
  readonly removed: string | null
  readonly id_digest: string
  readonly token_digest: string | null
  readonly ledger_position: number | null
}

/** The step for a table that carries the device's key. */
export function removalStep(table: string): RemovalStep {
  return {
    table,
    statement: statement<UserKey>()(
      `erasure.remove-${table}`,
      { app_key: 'text', registration_id: 'text' },
      (q) => `delete from ${table} where (app_key, registration_id) in
        (select app_key, registration_id from ${q.input}) returning app_key, registration_id`,
    ) as RemovalStep['statement'],
  }
}

/**
 * What the erasure asks of whoever sends: that no send which began before the deletion is in flight when it ends. How
 * senders answer is their business; `units.ts` brings the two together.
 */
export interface Fence {
  /** Counts the fence up, for erasures whose rows have just been removed. The last step of its transaction but for what it is written to. */
  next(tx: Tx): Promise<number>
  /** SQL that is true of an erasure behind which nothing is in flight. `erasure` is its name in the statement, `now` the database's clock. */
  isPast(erasure: string, now: string): string
}

/** What follows from the erasure rules, and the fence behind which sends that began earlier are waited for. */
export interface RemovalPlan {
  /** Clears what messages say to nobody but these users, before their rows go. */
  readonly clearContents: (tx: Tx, users: readonly UserKey[]) => Promise<void>
  readonly steps: readonly RemovalStep[]
  readonly fence: Fence
}

export function removeDevices(plan: RemovalPlan): Unit<RemovalInput, RemovalOutput, Tables> {
  return background('erasure.remove', async (tx: Tx, inputs: readonly RemovalInput[]) => {
    const outputs: RemovalOutput[] = []
    for (const input of inputs) outputs.push(await remove(tx, plan, input))
    return outputs
  })
}

async function remove(tx: Tx, plan: RemovalPlan, input: RemovalInput): Promise<RemovalOutput> {
  const limit = tx.isContended ? Math.min(input.limit, CONTENDED_LIMIT) : input.limit
  const claimed = input.erasureIds
    ? await tx.query(
        CLAIM_THESE,
        input.erasureIds.map((id) => ({ erasure_id: id })),
      )
    : await tx.query(CLAIM_DUE, ONCE, tx.now, limit)
  const keys = claimed.map(({ app_key, registration_id }) => ({ app_key, registration_id }))
  const counts = new Map(claimed.map((erasure) => [userOf(erasure), removedBefore(erasure)]))
  const traces = await buryDevices(
    tx,
    claimed.map((erasure) => ({
      appKey: erasure.app_key,
      registrationId: erasure.registration_id,
      erasureId: erasure.erasure_id,
      idTombstone: erasure.id_digest,
      tokenTombstone: erasure.token_digest,
    })),
  )
  await plan.clearContents(tx, keys)
  let rowCount = 0
  for (const step of plan.steps) {
    for (const row of await tx.query(step.statement, keys)) {
      const count = counts.get(userOf(row))
      if (count) count[step.table] = (count[step.table] ?? 0) + 1
      rowCount++
    }
  }
  const positions = await nextPositions(tx, claimed)
  await tx.query(
    MARK_REMOVED,
    claimed.map((erasure) => {
      const trace = traces.get(userOf(erasure))
      return {
        erasure_id: erasure.erasure_id,
        removed: JSON.stringify(counts.get(userOf(erasure))),
        vendor: vendorOf(trace),
        has_token: trace?.has_token ?? 1,
        request_digest: trace?.request_digest ?? null,
        ledger_position: positions.get(erasure.erasure_id) ?? null,
      }
    }),
    tx.now,
    claimed.length > 0 ? await plan.fence.next(tx) : 0,
  )
  return { erasureCount: claimed.length, hasMore: claimed.length === limit, rowCount }
}

function userOf(key: UserKey): string {
  return `${key.app_key}\n${key.registration_id}`
}

/** Places in the ledger for those that have none yet, by the erasure's id. An earlier try, or the ledger itself, may have given one. */
async function nextPositions(tx: Tx, claimed: readonly Claimed[]): Promise<Map<string, number>> {
  const without = claimed.filter((erasure) => erasure.ledger_position === null)
  if (without.length === 0) return new Map()
  const last = await takePositions(tx, without.length)
  return new Map(without.map(({ erasure_id }, index) => [erasure_id, last - without.length + 1 + index]))
}

/** Rows that an earlier try removed, before the second look found more. */
function removedBefore({ removed }: Claimed): Record<string, number> {
  return removed === null ? {} : (JSON.parse(removed) as Record<string, number>)
}

const CLAIM_DUE = statement<Claimed>()(
  'erasure.claim-due',
  {},
  (
    q,
  ) => `select e.erasure_id, e.app_key, e.registration_id, e.removed, e.id_digest, e.token_digest, e.ledger_position from erasure e
    where e.state = 'accepted' and e.state <> 'erased' and e.run_at <= ${q.value(1)}
    order by e.run_at, e.erasure_id limit ${q.value(2)} ${q.skipLocked('e')}`,
)

const CLAIM_THESE = statement<Claimed>()(
  'erasure.claim-these',
  { erasure_id: 'text' },
  (
    q,
  ) => `select e.erasure_id, e.app_key, e.registration_id, e.removed, e.id_digest, e.token_digest, e.ledger_position from ${q.input}
    join erasure e on e.erasure_id = input.erasure_id where e.state = 'accepted' ${q.skipLocked('e')}`,
)

const MARK_REMOVED = statement()(
  'erasure.mark-removed',
  {
    erasure_id: 'text',
    removed: 'text',
    vendor: 'text',
    has_token: 'bigint',
    request_digest: 'text',
    ledger_position: 'bigint',
  },
  (q) => `update erasure as e set state = 'verifying', removed_at = ${q.value(1)}, removed = input.removed,
      vendor = coalesce(input.vendor, e.vendor), fence = ${q.value(2)}, attempts = e.attempts + 1, run_at = ${q.value(1)},
      token_digest = case when input.has_token = 0 then null else e.token_digest end,
      request_digest = coalesce(e.request_digest, input.request_digest),
      ledger_position = coalesce(e.ledger_position, input.ledger_position)
    from ${q.input} where e.erasure_id = input.erasure_id`,
)
