/**
 * The write unit in which sends end: what became of each user, what is to be tried again, and how far a push has come, in
 * one commit. So a node that dies repeats a chunk whole or not at all.
 */

import { detachDeadTokens } from '../devices/dead-tokens.store.ts'
import { type DeviceKey, keyOf } from '../devices/working-set.ts'
import type { Alias, RegistrationId, Token } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import { countOutcomes, saveStatuses } from '../statistics/statistics.store.ts'
import { statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'
import { clearWithoutReceivers, lockMessages } from './content.store.ts'
import { lockLive } from './live-devices.store.ts'

/** What became of one message at one user. */
export interface SendResult {
  /** Whoever had it in hand. */
  readonly senderId: string
  readonly appKey: string
  readonly registrationId: RegistrationId
  readonly msgId: number
  readonly platform: Tables['device']['platform']
  readonly alias: Alias | null
  /** A channel in the statistics of a message. */
  readonly channel: string
  /** Whether this user is counted among the targets by this result: true for the first one of a message. */
  readonly isFirst: boolean
  readonly end: SendEnd
  /** A token that turned out to be dead. */
  readonly deadToken: { readonly token: Token; readonly sinceMs: number | null } | null
}

export type SendEnd =
  | { readonly kind: 'sent' | 'delivered' }
  | { readonly kind: 'failed'; readonly failure: string }
  /** To be tried again by a vendor's channel. */
  | {
      readonly kind: 'later'
      readonly delayMs: number
      readonly attempts: number
      readonly expiresAt: number
      /** Whether the channel put it off; else it was this node that could not send. */
      readonly isByChannel: boolean
    }
  /** For the user's own socket, now or when it is opened. */
  | { readonly kind: 'socket'; readonly attempts: number; readonly expiresAt: number }
  /** Not for this user any more. */
  | { readonly kind: 'dropped' }

export interface FinishInput {
  readonly results: readonly SendResult[]
  /** The chunk that the results are of; null where they are of messages to single users. */
  readonly chunk: ChunkEnd | null
}

export interface ChunkEnd {
  /** Whoever had it in hand. */
  readonly senderId: string
  readonly msgId: number
  readonly span: number
  readonly nextSlice: number
  /** Before this many milliseconds the next chunk is not sent, whatever the spread says. */
  readonly pauseMs: number
}

/** `passed`: the sender was taken for dead, and another one has the chunk: nothing was written. */
export type FinishOutput = 'finished' | 'passed'

export const finishSends = background(
  'push.finish-sends',
  async (tx: Tx, inputs: readonly FinishInput[]): Promise<FinishOutput[]> => {
    const outputs: FinishOutput[] = []
    for (const input of inputs) outputs.push(await finish(tx, input))
    return outputs
  },
)

async function finish(tx: Tx, { results, chunk }: FinishInput): Promise<FinishOutput> {
  const live = await lockLive(tx, results)
  const ofLive = results.filter((result) => live.has(keyOf(result.appKey, result.registrationId)))
  const misnamed = idsOf(ofLive.filter(isMisnamed))
  // Whoever withdraws a message at this moment takes away what waits of it: then nothing may come after it.
  await lockMessages(tx, idsOf(ofLive.filter((result) => isWaiting(result) || isMisnamed(result))))
  if (chunk && !(await moveOn(tx, chunk)) && !(await isWithdrawn(tx, chunk))) return 'passed'
  const passed = chunk ? NONE : await findPassed(tx, ofLive.filter(isWaiting))
  await saveResults(
    tx,
    ofLive.filter((result) => !passed.has(result)),
  )
  await clearWithoutReceivers(tx, misnamed)
  const counted = results.filter((result) => !passed.has(result))
  await countOutcomes(tx, counted.flatMap(countOf))
  return 'finished'
}

const NONE: ReadonlySet<SendResult> = new Set()

/** Of messages to single users that would wait further: those that others have taken over from a sender taken for dead. */
async function findPassed(tx: Tx, waiting: readonly SendResult[]): Promise<ReadonlySet<SendResult>> {
  const rows = waiting.map((result, n) => ({
    n,
    ...wireKey(result),
    id: result.msgId,
    sender_id: result.senderId,
  }))
  const held = new Set((await tx.query(HELD, rows)).map(({ n }) => waiting[n]))
  return new Set(waiting.filter((result) => !held.has(result)))
}

function idsOf(results: readonly SendResult[]): { id: number }[] {
  return [...new Set(results.map(({ msgId }) => msgId))].map((id) => ({ id }))
}

function isWaiting({ end }: SendResult): boolean {
  return end.kind === 'later' || end.kind === 'socket'
}

/** The alias by which it was named is not the user's any more: it is no receiver. */
function isMisnamed({ alias, end }: SendResult): boolean {
  return end.kind === 'dropped' && alias !== null
}

async function saveResults(tx: Tx, results: readonly SendResult[]): Promise<void> {
  await saveStatuses(tx, results.flatMap(statusOf))
  await detachDeadTokens(
    tx,
    results.flatMap(({ appKey, registrationId, deadToken }) =>
      deadToken === null ? [] : [{ appKey, registrationId, ...deadToken }],
    ),
  )
  const waiting = results.filter(isWaiting)
  await tx.query(
    DELETE_DONE,
    results
      .filter((result) => !isWaiting(result))
      .map((result) => ({ ...wireKey(result), id: result.msgId })),
  )
  await tx.query(
    PUT_OFF,
    waiting.map((result) => waitingRow(result, tx.now)),
  )
  await tx.query(
    FIND_SOCKETS,
    waiting
      .filter(({ end }) => end.kind === 'socket')
      .map((result) => ({ ...wireKey(result), id: result.msgId })),
  )
}

function statusOf({ appKey, registrationId, msgId, channel, end }: SendResult) {
  if (end.kind === 'later' || end.kind === 'socket' || end.kind === 'dropped') return []
  const failure = end.kind === 'failed' ? end.failure : null
  return [{ appKey, registrationId, msgId, status: end.kind, channel, failure }]
}

/** A user who is dropped before anything was sent was no target. */
function countOf({ appKey, msgId, platform, channel, isFirst, end }: SendResult) {
  const isSent = end.kind === 'sent' || end.kind === 'delivered'
  const targets = isFirst && end.kind !== 'dropped' ? 1 : 0
  if (targets === 0 && !isSent) return []
  const delivered = end.kind === 'delivered' ? 1 : 0
  return [{ appKey, msgId, platform, channel, targets, sent: isSent ? 1 : 0, delivered }]
}

function waitingRow({ appKey, registrationId, msgId, alias, end }: SendResult, now: number) {
  const isLater = end.kind === 'later'
  const { attempts, expiresAt } = end as Extract<SendEnd, { attempts: number }>
  return {
    app_key: appKey,
    registration_id: registrationId,
    id: msgId,
    alias,
    way: isLater ? 'vendor' : 'socket',
    due_at: isLater ? now + end.delayMs : now,
    expires_at: expiresAt,
    attempts,
  }
}

function wireKey({ appKey, registrationId }: DeviceKey) {
  return { app_key: appKey, registration_id: registrationId }
}

/** Moves a span on, or ends it, and the push with its last span. False: it is not this sender's any more. */
async function moveOn(tx: Tx, chunk: ChunkEnd): Promise<boolean> {
  const input = [{ id: chunk.msgId, in_span: chunk.span, slice: chunk.nextSlice, pause: chunk.pauseMs }]
  const [moved] = await tx.query(MOVE_ON, input, chunk.senderId, tx.now)
  if (!moved) return false
  if (moved.next_slice < moved.end_slice) return true
  await tx.query(LOCK_PUSH, [{ id: chunk.msgId }])
  await tx.query(END_SPAN, [{ id: chunk.msgId, in_span: chunk.span }])
  await tx.query(END_PUSH, [{ id: chunk.msgId }])
  return true
}

/** What was sent before it was withdrawn was sent. */
async function isWithdrawn(tx: Tx, { msgId }: ChunkEnd): Promise<boolean> {
  return (await tx.query(IS_WITHDRAWN, [{ id: msgId }])).length > 0
}

const MESSAGE = { app_key: 'text', registration_id: 'text', id: 'bigint' } as const

const HELD = statement<{ n: number }>()(
  'push.held',
  { n: 'bigint', ...MESSAGE, sender_id: 'text' },
  (q) => `select input.n from ${q.input} join pending_message m on m.app_key = input.app_key
      and m.registration_id = input.registration_id and m.msg_id = input.id
    where m.sender_id = input.sender_id ${q.lockRows('m')}`,
)

const DELETE_DONE = statement()(
  'push.delete-done',
  MESSAGE,
  (q) => `delete from pending_message where (app_key, registration_id, msg_id) in
    (select app_key, registration_id, id from ${q.input})`,
)

/** A message that was withdrawn meanwhile waits for nothing. */
const PUT_OFF = statement()(
  'push.put-off',
  {
    ...MESSAGE,
    alias: 'text',
    way: 'text',
    due_at: 'bigint',
    expires_at: 'bigint',
    attempts: 'bigint',
  },
  (
    q,
  ) => `insert into pending_message (app_key, registration_id, msg_id, alias, way, due_at, expires_at, attempts)
    select input.app_key, input.registration_id, input.id, input.alias, input.way, input.due_at, input.expires_at, input.attempts
    from ${q.input} join push p on p.msg_id = input.id where p.state <> 'withdrawn'
    on conflict (app_key, registration_id, msg_id) do update set way = excluded.way, due_at = excluded.due_at,
      expires_at = excluded.expires_at, attempts = excluded.attempts, sender_id = null`,
)

/** What is for a socket that is open belongs to the node that has it. */
const FIND_SOCKETS = statement()(
  'push.find-sockets',
  MESSAGE,
  (q) => `update pending_message as m set sender_id = s.sender_id from ${q.input}
    join socket_presence s on s.app_key = input.app_key and s.registration_id = input.registration_id
    where m.app_key = input.app_key and m.registration_id = input.registration_id and m.msg_id = input.id
      and m.way = 'socket'`,
)

/** A span that is spread has its next chunk due when so much of the time has passed as of the slices. */
const MOVE_ON = statement<{ next_slice: number; end_slice: number }>()(
  'push.move-on',
  { id: 'bigint', in_span: 'bigint', slice: 'bigint', pause: 'bigint' },
  (q) => `update push_span as s set next_slice = input.slice, sender_id = null,
      due_at = case when p.accepted_at + s.spread_ms * (input.slice - s.start_slice) / (s.end_slice - s.start_slice)
          > ${q.value(2)} + input.pause
        then p.accepted_at + s.spread_ms * (input.slice - s.start_slice) / (s.end_slice - s.start_slice)
        else ${q.value(2)} + input.pause end
    from ${q.input} join push p on p.msg_id = input.id
    where s.msg_id = input.id and s.span = input.in_span and s.sender_id = ${q.value(1)}
    returning next_slice, end_slice`,
)

/** Two spans of a push may end at once. */
const LOCK_PUSH = statement()(
  'push.lock',
  { id: 'bigint' },
  (q) =>
    `select p.msg_id from ${q.input} join push p on p.msg_id = input.id order by p.msg_id ${q.lockRows('p')}`,
)

const IS_WITHDRAWN = statement()(
  'push.is-withdrawn',
  { id: 'bigint' },
  (q) => `select p.msg_id from ${q.input} join push p on p.msg_id = input.id where p.state = 'withdrawn'`,
)

const END_SPAN = statement()(
  'push.end-span',
  { id: 'bigint', in_span: 'bigint' },
  (q) => `delete from push_span where (msg_id, span) in (select id, in_span from ${q.input})`,
)

const END_PUSH = statement()(
  'push.end',
  { id: 'bigint' },
  (q) => `update push set state = 'done', audience = null where state = 'sending'
    and msg_id in (select id from ${q.input}) and not exists (select 1 from push_span s where s.msg_id = push.msg_id)`,
)
