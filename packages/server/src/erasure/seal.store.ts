/** The last two steps of an erasure: a node takes it to sign its receipt, and writes the receipt. */

import type { Tables, Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'

export type SealingErasure = Pick<
  Tables['erasure'],
  | 'erasure_id'
  | 'app_key'
  | 'id_digest'
  | 'key_version'
  | 'accepted_at'
  | 'removed_at'
  | 'removed'
  | 'looked_through'
  | 'vendor'
>

export interface SealClaim {
  readonly erasures: readonly SealingErasure[]
  /** The database's clock, milliseconds. */
  readonly now: number
}

/**
 * Takes at most `limit` erasures. After `leaseMs` of the database's clock another node takes what is not finished. A node
 * that was passed though it lived signs in vain: the first receipt stands.
 */
export const claimSealing = background(
  'erasure.claim-sealing',
  async (tx: Tx, inputs: readonly { limit: number; leaseMs: number }[]): Promise<SealClaim[]> => {
    const outputs: SealClaim[] = []
    for (const { limit, leaseMs } of inputs) {
      const erasures = await tx.query(CLAIM_SEALING, ONCE, tx.now, limit)
      await tx.query(
        LEASE,
        erasures.map(({ erasure_id }) => ({ erasure_id })),
        tx.now + leaseMs,
      )
      outputs.push({ erasures, now: tx.now })
    }
    return outputs
  },
)

export interface FinishInput {
  readonly erasureId: string
  readonly erasedAt: number
  readonly receipt: string
}

/** Output: whether this call finished the erasure; false when another node had. */
export const finishErasures = background(
  'erasure.finish',
  async (tx: Tx, inputs: readonly (readonly FinishInput[])[]): Promise<number[]> => {
    const outputs: number[] = []
    for (const batch of inputs) {
      const rows = batch.map((input) => ({
        id: input.erasureId,
        erased_at: input.erasedAt,
        receipt: input.receipt,
      }))
      outputs.push((await tx.query(FINISH, rows)).length)
    }
    return outputs
  },
)

const CLAIM_SEALING = statement<SealingErasure>()(
  'erasure.claim-sealing',
  {},
  (q) => `select e.erasure_id, e.app_key, e.id_digest, e.key_version, e.accepted_at, e.removed_at, e.removed,
      e.looked_through, e.vendor from erasure e
    where e.state = 'sealing' and e.state <> 'erased' and e.run_at <= ${q.value(1)}
    order by e.run_at, e.erasure_id limit ${q.value(2)} ${q.skipLocked('e')}`,
)

const LEASE = statement()(
  'erasure.lease',
  { erasure_id: 'text' },
  (q) =>
    `update erasure as e set run_at = ${q.value(1)} from ${q.input} where e.erasure_id = input.erasure_id`,
)

const FINISH = statement<{ erasure_id: string }>()(
  'erasure.finish',
  { id: 'text', erased_at: 'bigint', receipt: 'text' },
  (q) => `update erasure as e set state = 'erased', erased_at = input.erased_at, receipt = input.receipt
    from ${q.input} where e.erasure_id = input.id and e.state = 'sealing' returning erasure_id`,
)
