/** The write unit that accepts pushes: the message, whom it is still to be sent to, and the caller's id of it, in one commit. */

import type { DeviceKey } from '../devices/working-set.ts'
import { keyOf } from '../devices/working-set.ts'
import type { Alias, RegistrationId } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { background, interactive } from '../storage/unit.ts'
import { clearWithoutReceivers } from './content.store.ts'
import { lockLive } from './live-devices.store.ts'
import type { Content } from './push.tables.ts'
import type { Span } from './slices.ts'

/** A user whom a push names. */
export interface Target {
  readonly registrationId: RegistrationId
  /** The alias by which it is named; null where it is named by its id. */
  readonly alias: Alias | null
}

export interface AcceptPushInput {
  readonly appKey: string
  /** Freshly taken. */
  readonly msgId: number
  readonly kind: 'notification' | 'message'
  readonly timeToLiveMs: number
  readonly spreadMs: number
  readonly content: Content
  /** Conditions on tags as JSON; null where users are named. */
  readonly audience: Content | null
  readonly collapseId: string
  readonly overrideMsgId: number | null
  readonly cidDigest: string | null
  /** Whom the push names; null: it goes through `spans`. */
  readonly targets: readonly Target[] | null
  readonly spans: readonly Span[]
}

export type AcceptPushOutput =
  | { readonly kind: 'accepted'; readonly msgId: number }
  /** A push with this cid was accepted within the hour: nothing is sent. */
  | { readonly kind: 'repeated'; readonly msgId: number }
  /** The message to override does not exist, is withdrawn, or older than a day. */
  | { readonly kind: 'overrideUnknown' }
  /** Of those it names nobody is live any more. */
  | { readonly kind: 'nobody' }

/** Documented: a message can be overridden and withdrawn within one day, and a cid is good for an hour. */
export const REVISABLE_MS = 86_400_000
const CID_MS = 3_600_000
/** What is only for users who are online now has this long to be sent at all; ours. */
export const SEND_WINDOW_MS = 30_000

export const acceptPushes = interactive(
  'push.accept',
  async (tx: Tx, inputs: readonly AcceptPushInput[]): Promise<AcceptPushOutput[]> => {
    const cids = inputs.flatMap(({ appKey, cidDigest }) =>
      cidDigest === null ? [] : [{ appKey, cidDigest }],
    )
    await tx.lockNames(cids.map(({ appKey, cidDigest }) => `cid:${keyOf(appKey, cidDigest)}`))
    const known = await findCids(tx, cids)
    const live = await lockLive(tx, inputs.flatMap(keysOf))
    const overridden = await findOverridden(tx, inputs)
    const accepted: Accepted[] = []
    const outputs = inputs.map((input): AcceptPushOutput => {
      const cid = input.cidDigest === null ? undefined : keyOf(input.appKey, input.cidDigest)
      const earlier = cid === undefined ? undefined : known.get(cid)
      if (earlier !== undefined) return { kind: 'repeated', msgId: earlier }
      const collapseId = collapseIdOf(input, overridden)
      if (collapseId === undefined) return { kind: 'overrideUnknown' }
      const targets = input.targets?.filter((target) => live.has(keyOf(input.appKey, target.registrationId)))
      if (targets?.length === 0) return { kind: 'nobody' }
      if (cid !== undefined) known.set(cid, input.msgId)
      accepted.push({ input, collapseId, targets: targets ?? [] })
      return { kind: 'accepted', msgId: input.msgId }
    })
    await save(tx, accepted)
    return outputs
  },
)

/** Takes so many ids at once; the output is the first of them. Gaps are left when a node stops. */
export const takeMessageIds = background(
  'push.take-ids',
  async (tx: Tx, inputs: readonly number[]): Promise<number[]> => {
    const firsts: number[] = []
    for (const count of inputs) {
      const [row] = await tx.query(TAKE_IDS, ONCE, count)
      if (!row) throw new Error('there is no counter of message ids')
      firsts.push(row.value - count + 1)
    }
    return firsts
  },
)

interface Accepted {
  readonly input: AcceptPushInput
  readonly collapseId: string
  readonly targets: readonly Target[]
}

function keysOf({ appKey, targets }: AcceptPushInput): DeviceKey[] {
  return (targets ?? []).map(({ registrationId }) => ({ appKey, registrationId }))
}

async function findCids(
  tx: Tx,
  cids: readonly { appKey: string; cidDigest: string }[],
): Promise<Map<string, number>> {
  const rows = await tx.query(
    FIND_CIDS,
    cids.map(({ appKey, cidDigest }) => ({ app_key: appKey, cid_digest: cidDigest })),
    tx.now,
  )
  return new Map(rows.map((row) => [keyOf(row.app_key, row.cid_digest), row.msg_id]))
}

/** Collapse ids of the messages that are overridden, by app and id. */
async function findOverridden(tx: Tx, inputs: readonly AcceptPushInput[]): Promise<Map<string, string>> {
  const wanted = inputs.flatMap(({ appKey, overrideMsgId }) =>
    overrideMsgId === null ? [] : [{ app_key: appKey, msg_id: overrideMsgId }],
  )
  const rows = await tx.query(FIND_OVERRIDDEN, wanted, tx.now - REVISABLE_MS)
  return new Map(rows.map((row) => [keyOf(row.app_key, String(row.msg_id)), row.collapse_id]))
}

function collapseIdOf(
  { appKey, collapseId, overrideMsgId }: AcceptPushInput,
  overridden: ReadonlyMap<string, string>,
): string | undefined {
  return overrideMsgId === null ? collapseId : overridden.get(keyOf(appKey, String(overrideMsgId)))
}

async function save(tx: Tx, accepted: readonly Accepted[]): Promise<void> {
  await stopOverridden(tx, accepted)
  await tx.query(INSERT_PUSHES, accepted.map(pushRow), tx.now)
  await tx.query(
    INSERT_CIDS,
    accepted.flatMap(({ input }) =>
      input.cidDigest === null
        ? []
        : [{ app_key: input.appKey, cid_digest: input.cidDigest, msg_id: input.msgId }],
    ),
    tx.now + CID_MS,
  )
  await tx.query(INSERT_SPANS, accepted.flatMap(spanRows), tx.now)
  await tx.query(
    INSERT_PENDING,
    accepted.flatMap((one) => pendingRows(one, tx.now)),
  )
}

/** Whoever has not got the old message gets only the new one. */
async function stopOverridden(tx: Tx, accepted: readonly Accepted[]): Promise<void> {
  const stopped = accepted.flatMap(({ input }) =>
    input.overrideMsgId === null ? [] : [{ id: input.overrideMsgId }],
  )
  await stopMessages(tx, stopped)
  await tx.query(FINISH_PUSHES, stopped)
}

/** Takes away what is still to be sent of these messages, whose rows must be locked. */
export async function stopMessages(tx: Tx, messages: readonly { readonly id: number }[]): Promise<void> {
  await tx.query(DELETE_PENDING, messages)
  await tx.query(DELETE_SPANS, messages)
  await clearWithoutReceivers(tx, messages)
}

function pushRow({ input, collapseId }: Accepted) {
  return {
    id: input.msgId,
    app_key: input.appKey,
    kind: input.kind,
    ttl_ms: input.spreadMs + lifetimeMs(input),
    is_targeted: input.targets === null ? 0 : 1,
    content: input.content,
    audience: input.audience,
    collapse_id: collapseId,
    overridden_msg_id: input.overrideMsgId,
  }
}

function spanRows({ input }: Accepted) {
  return input.spans.map(({ span, start, end, chunkSlices }) => ({
    id: input.msgId,
    span,
    app_key: input.appKey,
    start_slice: start,
    end_slice: end,
    chunk_slices: chunkSlices,
    spread_ms: input.spreadMs,
  }))
}

function pendingRows({ input, targets }: Accepted, now: number) {
  return targets.map(({ registrationId, alias }, index) => ({
    app_key: input.appKey,
    registration_id: registrationId,
    id: input.msgId,
    alias,
    due_at: now + Math.floor((input.spreadMs * index) / targets.length),
    // A spread push waits for each user from its own moment on.
    expires_at: now + Math.floor((input.spreadMs * index) / targets.length) + lifetimeMs(input),
  }))
}

function lifetimeMs({ timeToLiveMs }: AcceptPushInput): number {
  return timeToLiveMs === 0 ? SEND_WINDOW_MS : timeToLiveMs
}

const TAKE_IDS = statement<{ value: number }>()(
  'push.take-ids',
  {},
  (q) => `update counter set value = value + ${q.value(1)} where name = 'msg_id' returning value`,
)

const FIND_CIDS = statement<{ app_key: string; cid_digest: string; msg_id: number }>()(
  'push.find-cids',
  { app_key: 'text', cid_digest: 'text' },
  (q) => `select c.app_key, c.cid_digest, c.msg_id from ${q.input}
    join push_cid c on c.app_key = input.app_key and c.cid_digest = input.cid_digest
    where c.expires_at > ${q.value(1)}`,
)

const FIND_OVERRIDDEN = statement<{ app_key: string; msg_id: number; collapse_id: string }>()(
  'push.find-overridden',
  { app_key: 'text', msg_id: 'bigint' },
  (q) => `select p.app_key, p.msg_id, p.collapse_id from ${q.input}
    join push p on p.msg_id = input.msg_id and p.app_key = input.app_key
    where p.state <> 'withdrawn' and p.accepted_at > ${q.value(1)} order by p.msg_id ${q.lockRows('p')}`,
)

const INSERT_PUSHES = statement()(
  'push.insert',
  {
    id: 'bigint',
    app_key: 'text',
    kind: 'text',
    ttl_ms: 'bigint',
    is_targeted: 'bigint',
    content: 'text',
    audience: 'text',
    collapse_id: 'text',
    overridden_msg_id: 'bigint',
  },
  (
    q,
  ) => `insert into push (msg_id, app_key, kind, state, accepted_at, expires_at, is_targeted, content, audience, collapse_id,
      overridden_msg_id)
    select id, app_key, kind, case when is_targeted = 1 then 'done' else 'sending' end, ${q.value(1)}, ${q.value(1)} + ttl_ms, is_targeted, content, audience, collapse_id,
      overridden_msg_id
    from ${q.input}`,
)

const INSERT_CIDS = statement()(
  'push.insert-cids',
  { app_key: 'text', cid_digest: 'text', msg_id: 'bigint' },
  (q) => `insert into push_cid (app_key, cid_digest, msg_id, expires_at)
    select app_key, cid_digest, msg_id, ${q.value(1)} from ${q.input} where true order by app_key, cid_digest
    on conflict (app_key, cid_digest) do update set msg_id = excluded.msg_id, expires_at = excluded.expires_at`,
)

const INSERT_SPANS = statement()(
  'push.insert-spans',
  {
    id: 'bigint',
    span: 'bigint',
    app_key: 'text',
    start_slice: 'bigint',
    end_slice: 'bigint',
    chunk_slices: 'bigint',
    spread_ms: 'bigint',
  },
  (
    q,
  ) => `insert into push_span (msg_id, span, app_key, start_slice, next_slice, end_slice, chunk_slices, due_at, spread_ms,
      served_at)
    select id, span, app_key, start_slice, start_slice, end_slice, chunk_slices, ${q.value(1)}, spread_ms, 0 from ${q.input}`,
)

const INSERT_PENDING = statement()(
  'push.insert-pending',
  {
    app_key: 'text',
    registration_id: 'text',
    id: 'bigint',
    alias: 'text',
    due_at: 'bigint',
    expires_at: 'bigint',
  },
  (
    q,
  ) => `insert into pending_message (app_key, registration_id, msg_id, alias, way, due_at, expires_at, attempts)
    select app_key, registration_id, id, alias, 'vendor', due_at, expires_at, 0 from ${q.input}`,
)

const DELETE_PENDING = statement()(
  'push.delete-pending',
  { id: 'bigint' },
  (q) => `delete from pending_message where msg_id in (select id from ${q.input})`,
)

const DELETE_SPANS = statement()(
  'push.delete-spans',
  { id: 'bigint' },
  (q) => `delete from push_span where msg_id in (select id from ${q.input})`,
)

/** Nothing is left to be sent: the audience, which names tags, has done its work. */
const FINISH_PUSHES = statement()(
  'push.finish',
  { id: 'bigint' },
  (q) => `update push set state = 'done', audience = null
    where state = 'sending' and msg_id in (select id from ${q.input})`,
)
