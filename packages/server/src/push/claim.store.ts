/** The write units by which a sender takes what is due: a chunk of a push to many, or messages to single users. */

import type { Alias, RegistrationId } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'
import type { Content } from './push.tables.ts'
import { countClaim } from './sender.store.ts'

export interface ClaimChunkInput {
  readonly senderId: string
  /** Apps that have enough in hand on this node. */
  readonly busyApps: readonly string[]
  /** Messages of which this node has a chunk in hand: one at a time, so that a node which dies repeats one. */
  readonly busyMessages: readonly number[]
}

/** A chunk in hand: slices `nextSlice` to before `untilSlice` of one push. */
export interface ClaimedChunk {
  /** Whoever has it in hand. */
  readonly senderId: string
  readonly msgId: number
  readonly span: number
  readonly appKey: string
  readonly nextSlice: number
  readonly untilSlice: number
  readonly spreadMs: number
  /** Milliseconds of the database's clock. */
  readonly expiresAt: number
  readonly audience: Content | null
  readonly now: number
}

/** Takes the due span whose app has waited longest; null: none is due for this node. */
export const claimChunk = background(
  'push.claim-chunk',
  async (tx: Tx, inputs: readonly ClaimChunkInput[]): Promise<(ClaimedChunk | null)[]> => {
    const outputs: (ClaimedChunk | null)[] = []
    for (const input of inputs) outputs.push(await claim(tx, input))
    return outputs
  },
)

async function claim(
  tx: Tx,
  { senderId, busyApps, busyMessages }: ClaimChunkInput,
): Promise<ClaimedChunk | null> {
  const busy = [
    { app: '', message: 0 },
    ...busyApps.map((app) => ({ app, message: 0 })),
    ...busyMessages.map((message) => ({ app: '', message })),
  ]
  const [row] = await tx.query(CLAIM_SPAN, busy, tx.now)
  if (!row) return null
  await tx.query(HOLD_SPAN, [{ id: row.msg_id, in_span: row.span }], senderId, tx.now)
  await countClaim(tx, [senderId])
  return {
    senderId,
    msgId: row.msg_id,
    span: row.span,
    appKey: row.app_key,
    nextSlice: row.next_slice,
    untilSlice: Math.min(row.end_slice, row.next_slice + row.chunk_slices),
    spreadMs: row.spread_ms,
    expiresAt: row.expires_at,
    audience: row.audience,
    now: tx.now,
  }
}

/** A message to one user, in hand. */
export interface ClaimedMessage {
  /** Whoever has it in hand. */
  readonly senderId: string
  readonly appKey: string
  readonly registrationId: RegistrationId
  readonly msgId: number
  readonly alias: Alias | null
  readonly expiresAt: number
  readonly attempts: number
}

export interface ClaimMessagesInput {
  readonly senderId: string
  readonly limit: number
  /** Apps that have enough in hand on this node. */
  readonly busyApps: readonly string[]
  /** The app that was served last: those behind it come first. */
  readonly afterApp: string
}

export interface MessageClaim {
  readonly messages: readonly ClaimedMessage[]
  /** The app that was served last. */
  readonly lastApp: string
  /** Whether more may be due than was taken. */
  readonly hasMore: boolean
  readonly now: number
}

/** Apps that share one claim; ours. */
const APPS_PER_CLAIM = 8

/** Takes messages that are due, of several apps in turn, the longest waiting of each first. */
export const claimMessages = background(
  'push.claim-messages',
  async (tx: Tx, inputs: readonly ClaimMessagesInput[]): Promise<MessageClaim[]> => {
    const outputs: MessageClaim[] = []
    for (const input of inputs) outputs.push(await claimOfApps(tx, input))
    return outputs
  },
)

async function claimOfApps(tx: Tx, input: ClaimMessagesInput): Promise<MessageClaim> {
  const busy = ['', ...input.busyApps].map((appKey) => ({ app: appKey }))
  const apps = await tx.query(APPS_WITH_WORK, busy, tx.now, input.afterApp, APPS_PER_CLAIM)
  const share = Math.ceil(input.limit / Math.max(1, apps.length))
  const rows: PendingRow[] = []
  let hasMore = apps.length === APPS_PER_CLAIM
  for (const { app_key } of apps) {
    const due = await tx.query(CLAIM_DUE, [{ app: app_key }], tx.now, share)
    rows.push(...due)
    if (due.length === share) hasMore = true
  }
  await tx.query(
    HOLD_MESSAGES,
    rows.map(({ app_key, registration_id, msg_id }) => ({ app_key, registration_id, id: msg_id })),
    input.senderId,
  )
  if (rows.length > 0) await countClaim(tx, [input.senderId])
  const lastApp = apps.at(-1)?.app_key ?? input.afterApp
  return { messages: rows.map((row) => messageOf(row, input.senderId)), lastApp, hasMore, now: tx.now }
}

export interface PendingRow {
  readonly app_key: string
  readonly registration_id: RegistrationId
  readonly msg_id: number
  readonly alias: Alias | null
  readonly expires_at: number
  readonly attempts: number
}

export function messageOf(row: PendingRow, senderId: string): ClaimedMessage {
  return {
    senderId,
    appKey: row.app_key,
    registrationId: row.registration_id,
    msgId: row.msg_id,
    alias: row.alias,
    expiresAt: row.expires_at,
    attempts: row.attempts,
  }
}

interface SpanRow {
  readonly msg_id: number
  readonly span: number
  readonly app_key: string
  readonly next_slice: number
  readonly end_slice: number
  readonly chunk_slices: number
  readonly spread_ms: number
  readonly expires_at: number
  readonly audience: Content | null
}

const CLAIM_SPAN = statement<SpanRow>()(
  'push.claim-span',
  { app: 'text', message: 'bigint' },
  (
    q,
  ) => `select s.msg_id, s.span, s.app_key, s.next_slice, s.end_slice, s.chunk_slices, s.spread_ms, p.expires_at, p.audience
    from push_span s join push p on p.msg_id = s.msg_id
    where s.due_at <= ${q.value(1)} and s.sender_id is null and s.app_key not in (select app from ${q.input})
      and s.msg_id not in (select message from ${q.input})
    order by s.served_at, s.msg_id, s.span limit 1 ${q.skipLocked('s')}`,
)

const HOLD_SPAN = statement()(
  'push.hold-span',
  { id: 'bigint', in_span: 'bigint' },
  (q) => `update push_span set sender_id = ${q.value(1)}, served_at = ${q.value(2)}
    where (msg_id, span) in (select id, in_span from ${q.input})`,
)

const APPS_WITH_WORK = statement<{ app_key: string }>()(
  'push.apps-with-work',
  { app: 'text' },
  (q) => `select a.app_key from app a where a.app_key not in (select app from ${q.input})
      and exists (select 1 from pending_message m where m.app_key = a.app_key and m.way = 'vendor'
        and m.sender_id is null and m.due_at <= ${q.value(1)})
    order by case when a.app_key > ${q.value(2)} then 0 else 1 end, a.app_key limit ${q.value(3)}`,
)

const CLAIM_DUE = statement<PendingRow>()(
  'push.claim-due',
  { app: 'text' },
  (
    q,
  ) => `select m.app_key, m.registration_id, m.msg_id, m.alias, m.expires_at, m.attempts from pending_message m
    where m.app_key = (select app from ${q.input}) and m.way = 'vendor' and m.sender_id is null
      and m.due_at <= ${q.value(1)}
    order by m.due_at, m.msg_id limit ${q.value(2)} ${q.skipLocked('m')}`,
)

const HOLD_MESSAGES = statement()(
  'push.hold-messages',
  { app_key: 'text', registration_id: 'text', id: 'bigint' },
  (q) => `update pending_message set sender_id = ${q.value(1)}
    where (app_key, registration_id, msg_id) in (select app_key, registration_id, id from ${q.input})`,
)
