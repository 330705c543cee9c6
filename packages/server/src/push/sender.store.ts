/**
 * A node that sends has a row with a lease on the database's clock, and answers fences: with the removal of a deleted user a
 * counter goes up, and every sender says for each of its values that nothing to those users is in flight, or holds their
 * erasures open until it ends. The counter's row makes values appear in the order of their commits, so whoever has read one
 * sees every erasure up to it.
 */

import type { RegistrationId } from '../kernel/personal.ts'
import type { Read, Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'

/** Every send has ended after this time: the hard deadline of design section 1.4. */
export const SEND_DEADLINE_MS = 30_000
/** Lets the connection of a passed sender end; ours. */
const GRACE_MS = 2_000

export interface JoinInput {
  readonly senderId: string
  readonly leaseMs: number
  /** Where one process has the database for itself, whoever sent before is gone. */
  readonly isAlone: boolean
}

/** Makes a sender that has nothing in flight. The output is the fence that it starts behind. */
export const joinSenders = background(
  'push.join-senders',
  async (tx: Tx, inputs: readonly JoinInput[]): Promise<number[]> => {
    const fences: number[] = []
    for (const { senderId, leaseMs, isAlone } of inputs) {
      if (isAlone) await forget(tx, await tx.query(ALL_SENDERS, ONCE))
      const [row] = await tx.query(JOIN, [{ id: senderId }], tx.now + leaseMs)
      if (!row) throw new Error('there is no counter of fences')
      fences.push(row.fence)
      await sweep(tx)
    }
    return fences
  },
)

export interface AnswerInput {
  readonly senderId: string
  readonly leaseMs: number
  /** The fence that is answered. */
  readonly fence: number
  /** Erasures to whose users something is still in flight. */
  readonly heldErasureIds: readonly string[]
  /** Its claims up to this one have ended; null: some have not, or it does not know of the latest. */
  readonly settled: number | null
}

export type AnswerOutput =
  /** `claims`: the latest of this sender's that is on disk. */
  | { readonly kind: 'kept'; readonly claims: number }
  /** The lease was over, and others have been told that this sender is dead. */
  | { readonly kind: 'passed' }

/** Answers a fence, renews the lease, and clears up behind senders that are gone. */
export const answerFence = background(
  'push.answer-fence',
  async (tx: Tx, inputs: readonly AnswerInput[]): Promise<AnswerOutput[]> => {
    const outputs: AnswerOutput[] = []
    for (const input of inputs) {
      const mine = input.heldErasureIds.map((erasureId) => ({ id: input.senderId, erasure_id: erasureId }))
      await tx.query(HOLD, mine)
      const [kept] = await tx.query(
        ANSWER,
        [{ id: input.senderId, answered: input.fence, settled_claim: input.settled }],
        tx.now,
        tx.now + input.leaseMs,
      )
      await sweep(tx)
      outputs.push(kept ? { kind: 'kept', claims: kept.claims } : { kind: 'passed' })
    }
    return outputs
  },
)

/** In the transaction in which a sender takes something: from its commit on others wait for this sender, should it die. */
export async function countClaim(tx: Tx, senderIds: Iterable<string>): Promise<void> {
  await tx.query(
    COUNT_CLAIM,
    [...new Set(senderIds)].sort().map((id) => ({ id })),
  )
}

/** What was in flight to the users of these erasures has ended. */
export const releaseHolds = background(
  'push.release-holds',
  async (tx: Tx, inputs: readonly { senderId: string; erasureIds: readonly string[] }[]): Promise<true[]> => {
    const rows = inputs.flatMap(({ senderId, erasureIds }) =>
      erasureIds.map((erasureId) => ({ id: senderId, erasure_id: erasureId })),
    )
    await tx.query(RELEASE, rows)
    return inputs.map(() => true)
  },
)

/** A node that stops in order: its claims are free at once. */
export const leaveSenders = background(
  'push.leave-senders',
  async (tx: Tx, inputs: readonly string[]): Promise<true[]> => {
    await forget(
      tx,
      inputs.map((id) => ({ id })),
    )
    return inputs.map(() => true)
  },
)

/** The latest fence. */
export async function readFence(read: Read): Promise<number> {
  const [row] = await read.query(FENCE, ONCE)
  if (!row) throw new Error('there is no counter of fences')
  return row.value
}

export interface FencedUser {
  readonly erasure_id: string
  readonly app_key: string
  readonly registration_id: RegistrationId
}

/** Users of the erasures behind these fences: above `after`, up to `until`. */
export function readFenced(read: Read, after: number, until: number): Promise<FencedUser[]> {
  return read.query(FENCED, ONCE, after, until)
}

interface SenderKey {
  readonly id: string
}

/** What a sender had in hand is free once its lease is over; its holds go when the last of its sends must have ended. */
async function sweep(tx: Tx): Promise<void> {
  await freeClaims(tx, await tx.query(LAPSED, ONCE, tx.now))
  await forget(tx, await tx.query(LAPSED, ONCE, tx.now - SEND_DEADLINE_MS - GRACE_MS))
}

async function forget(tx: Tx, senders: readonly SenderKey[]): Promise<void> {
  await freeClaims(tx, senders)
  await tx.query(DELETE_HOLDS, senders)
  await tx.query(DELETE_SENDERS, senders)
}

async function freeClaims(tx: Tx, senders: readonly SenderKey[]): Promise<void> {
  await tx.query(FREE_SPANS, senders)
  await tx.query(FREE_MESSAGES, senders)
  await tx.query(DELETE_PRESENCE, senders)
}

const SENDER = { id: 'text' } as const

const ALL_SENDERS = statement<SenderKey>()('push.senders', {}, () => 'select s.sender_id as id from sender s')

const LAPSED = statement<SenderKey>()(
  'push.lapsed-senders',
  {},
  (q) => `select s.sender_id as id from sender s where s.lease_until < ${q.value(1)}`,
)

const JOIN = statement<{ fence: number }>()(
  'push.join',
  SENDER,
  (q) => `insert into sender (sender_id, lease_until, fence, claims, settled)
    select input.id, ${q.value(1)}, c.value, 0, 0 from ${q.input} join counter c on c.name = 'fence' where true returning fence`,
)

const ANSWER = statement<{ claims: number }>()(
  'push.answer',
  { id: 'text', answered: 'bigint', settled_claim: 'bigint' },
  (q) => `update sender as s set fence = input.answered, lease_until = ${q.value(2)},
      settled = coalesce(input.settled_claim, s.settled) from ${q.input}
    where s.sender_id = input.id and s.lease_until >= ${q.value(1)} returning claims`,
)

const COUNT_CLAIM = statement()(
  'push.count-claim',
  SENDER,
  (q) => `update sender set claims = claims + 1 where sender_id in (select id from ${q.input})`,
)

const HOLD = statement()(
  'push.hold-erasures',
  { id: 'text', erasure_id: 'text' },
  (q) => `insert into fence_hold (sender_id, erasure_id) select id, erasure_id from ${q.input} where true
    on conflict (erasure_id, sender_id) do nothing`,
)

const RELEASE = statement()(
  'push.release-erasures',
  { id: 'text', erasure_id: 'text' },
  (q) => `delete from fence_hold where (erasure_id, sender_id) in (select erasure_id, id from ${q.input})`,
)

const FENCE = statement<{ value: number }>()(
  'push.fence',
  {},
  () => `select value from counter where name = 'fence'`,
)

const FENCED = statement<FencedUser>()(
  'push.fenced',
  {},
  (q) => `select e.erasure_id, e.app_key, e.registration_id from erasure e
    where e.state = 'verifying' and e.fence > ${q.value(1)} and e.fence <= ${q.value(2)} and e.registration_id is not null`,
)

const FREE_SPANS = statement()(
  'push.free-spans',
  SENDER,
  (q) => `update push_span set sender_id = null where sender_id in (select id from ${q.input})`,
)

const FREE_MESSAGES = statement()(
  'push.free-messages',
  SENDER,
  (q) => `update pending_message set sender_id = null where sender_id in (select id from ${q.input})`,
)

const DELETE_PRESENCE = statement()(
  'push.delete-presence',
  SENDER,
  (q) => `delete from socket_presence where sender_id in (select id from ${q.input})`,
)

const DELETE_HOLDS = statement()(
  'push.delete-holds',
  SENDER,
  (q) => `delete from fence_hold where sender_id in (select id from ${q.input})`,
)

const DELETE_SENDERS = statement()(
  'push.delete-senders',
  SENDER,
  (q) => `delete from sender where sender_id in (select id from ${q.input})`,
)
