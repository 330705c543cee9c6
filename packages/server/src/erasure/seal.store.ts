/**
 * The last two steps of an erasure: a node takes it to sign its receipt, and writes the receipt. Erasures of a bulk deletion
 * share manifests instead.
 */

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
  | 'deletion_id'
>

/** Erasures that a node has taken. Their ids alone: one scrub serves a great many of them. */
export interface SealClaim {
  readonly erasureIds: readonly string[]
  /** The database's clock, milliseconds. It stands in the rows too, so that they tell whose they are. */
  readonly leasedUntil: number
}

/** Erasures of a claim as they are now, and the database's clock, in milliseconds. */
export interface ClaimedErasures {
  readonly erasures: readonly SealingErasure[]
  readonly now: number
}

export interface SealOrder {
  readonly limit: number
  readonly leaseMs: number
  /** Up to here erasures stand in a file outside the database: none may be called erased before. */
  readonly ledgerPosition: number
}

/**
 * Takes at most `limit` erasures that stand in the ledger, those of bulk deletions like all others. After `leaseMs` of the
 * database's clock another node takes what is not finished. A node that was passed though it lived signs in vain: the first
 * receipt stands.
 */
export const claimSealing = background(
  'erasure.claim-sealing',
  async (tx: Tx, inputs: readonly SealOrder[]): Promise<SealClaim[]> => {
    const outputs: SealClaim[] = []
    for (const { limit, leaseMs, ledgerPosition } of inputs) {
      const ids = await tx.query(CLAIM_SEALING, ONCE, tx.now, limit, ledgerPosition)
      const leasedUntil = tx.now + leaseMs
      await tx.query(LEASE, ids, leasedUntil)
      outputs.push({ erasureIds: ids.map(({ erasure_id }) => erasure_id), leasedUntil })
    }
    return outputs
  },
)

/** Reads what a node has claimed, but for what another has taken since, and renews the lease where half of it is over. */
export const readClaimed = background(
  'erasure.read-claimed',
  async (
    tx: Tx,
    inputs: readonly (SealClaim & { readonly leaseMs: number })[],
  ): Promise<ClaimedErasures[]> => {
    const outputs: ClaimedErasures[] = []
    for (const { erasureIds, leasedUntil, leaseMs } of inputs) {
      const ids = erasureIds.map((erasure_id) => ({ erasure_id }))
      const erasures = await tx.query(READ_CLAIMED, ids, leasedUntil)
      const isRenewed = tx.now > leasedUntil - leaseMs / 2
      await tx.query(
        LEASE,
        isRenewed ? erasures.map(({ erasure_id }) => ({ erasure_id })) : [],
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

export interface ManifestInput {
  readonly manifestId: string
  readonly appKey: string
  readonly deletionId: string
  readonly receipt: string
  readonly erasures: readonly { readonly erasureId: string; readonly erasedAt: number }[]
}

/** Output: how many erasures this call finished. A manifest that finished none is not kept. */
export const finishWithManifests = background(
  'erasure.finish-with-manifests',
  async (tx: Tx, inputs: readonly ManifestInput[]): Promise<number[]> => {
    const outputs: number[] = []
    for (const { manifestId, appKey, deletionId, receipt, erasures } of inputs) {
      const rows = erasures.map(({ erasureId, erasedAt }) => ({
        id: erasureId,
        erased_at: erasedAt,
        manifest_id: manifestId,
      }))
      const finished = (await tx.query(FINISH_WITH_MANIFEST, rows)).length
      const manifest = {
        manifest_id: manifestId,
        app_key: appKey,
        deletion_id: deletionId,
        erasure_count: finished,
        receipt,
      }
      await tx.query(INSERT_MANIFEST, finished > 0 ? [manifest] : [], tx.now)
      outputs.push(finished)
    }
    return outputs
  },
)

const CLAIM_SEALING = statement<{ erasure_id: string }>()(
  'erasure.claim-sealing',
  {},
  (q) => `select e.erasure_id from erasure e
    where e.state = 'sealing' and e.state <> 'erased' and e.run_at <= ${q.value(1)}
      and e.ledger_position <= ${q.value(3)}
    order by e.run_at, e.erasure_id limit ${q.value(2)} ${q.skipLocked('e')}`,
)

const READ_CLAIMED = statement<SealingErasure>()(
  'erasure.read-claimed',
  { erasure_id: 'text' },
  (q) => `select e.erasure_id, e.app_key, e.id_digest, e.key_version, e.accepted_at, e.removed_at, e.removed,
      e.looked_through, e.vendor, e.deletion_id
    from ${q.input} join erasure e on e.erasure_id = input.erasure_id
    where e.state = 'sealing' and e.run_at = ${q.value(1)} ${q.lockRows('e')}`,
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

const FINISH_WITH_MANIFEST = statement<{ erasure_id: string }>()(
  'erasure.finish-with-manifest',
  { id: 'text', erased_at: 'bigint', manifest_id: 'text' },
  (
    q,
  ) => `update erasure as e set state = 'erased', erased_at = input.erased_at, manifest_id = input.manifest_id
    from ${q.input} where e.erasure_id = input.id and e.state = 'sealing' returning erasure_id`,
)

const INSERT_MANIFEST = statement()(
  'erasure.insert-manifest',
  { manifest_id: 'text', app_key: 'text', deletion_id: 'text', erasure_count: 'bigint', receipt: 'text' },
  (q) => `insert into manifest (manifest_id, app_key, deletion_id, erasure_count, signed_at, receipt)
    select manifest_id, app_key, deletion_id, erasure_count, ${q.value(1)}, receipt from ${q.input}`,
)
