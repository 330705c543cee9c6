/** The write units and reads of users' own sockets: who is connected where, and what waits for them. */

import type { Platform } from '@lethe/protocol/platform.ts'
import { countSeen } from '../devices/activity.store.ts'
import { tokenDigest } from '../devices/digests.ts'
import { type DeviceKey, keyOf } from '../devices/working-set.ts'
import type { Token } from '../kernel/personal.ts'
import type { Read, Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { background, interactive } from '../storage/unit.ts'
import { type ClaimedMessage, messageOf, type PendingRow } from './claim.store.ts'
import { lockLive } from './live-devices.store.ts'
import { countClaim } from './sender.store.ts'

export interface PresenceInput extends DeviceKey {
  readonly senderId: string
  readonly seenAt: number
}

/** A user's socket is open on this node: what waits for it is this node's to deliver. Output: whether the user is live. */
export const openPresence = interactive(
  'push.open-presence',
  async (tx: Tx, inputs: readonly PresenceInput[]): Promise<boolean[]> => {
    const live = await lockLive(tx, inputs)
    const latest = new Map(inputs.map((input) => [keyOf(input.appKey, input.registrationId), input]))
    const rows = [...latest]
      .filter(([key]) => live.has(key))
      .map(([, input]) => ({
        ...wireKey(input),
        node: input.senderId,
        seen_at: input.seenAt,
        ...wireToken(input),
      }))
    const before = await tx.query(LAST_SEEN, rows)
    await tx.query(SEE, rows)
    await tx.query(OPEN, rows)
    await tx.query(TAKE_WAITING, rows)
    await countClaim(
      tx,
      rows.map(({ node }) => node),
    )
    await countSeen(
      tx,
      before.map(({ app_key: appKey, platform, seen_at: seenAt, last_seen_at: lastSeenAt }) => ({
        appKey,
        platform,
        seenAt,
        lastSeenAt,
      })),
    )
    return inputs.map((input) => live.has(keyOf(input.appKey, input.registrationId)))
  },
)

/** The socket is closed; what was for it waits again. A socket on another node that opened meanwhile stays. */
export const closePresence = background(
  'push.close-presence',
  async (tx: Tx, inputs: readonly (readonly Omit<PresenceInput, 'seenAt'>[])[]): Promise<true[]> => {
    const rows = inputs.flat().map((input) => ({ ...wireKey(input), node: input.senderId }))
    await tx.query(CLOSE, rows)
    await tx.query(PUT_BACK, rows)
    return inputs.map(() => true)
  },
)

/** What this node is to deliver over its sockets, the oldest first. */
export async function readForSockets(read: Read, senderId: string, limit: number): Promise<ClaimedMessage[]> {
  const rows = await read.query(FOR_SOCKETS, [{ node: senderId }], limit)
  return rows.map((row) => messageOf(row, senderId))
}

/** A user, by its place `n`, who is written down as connected elsewhere: to a node that is alive, or to none. */
export interface AwayRow {
  readonly n: number
  readonly is_replaced: 0 | 1
}

/** Those of the users who are not written down as connected to this node. `now`: of the database's clock. */
export function readAway(
  read: Read,
  { senderId, now }: { readonly senderId: string; readonly now: number },
  users: readonly DeviceKey[],
): Promise<AwayRow[]> {
  const rows = users.map((user, n) => ({ n, ...wireKey(user) }))
  return read.query(AWAY, rows, senderId, now)
}

/** The address of a user that has no vendor's: audiences hold it, and the socket is its only channel. */
const SOCKET_TOKEN = 'socket:'

/** Whether a token is one that only says that the user has used a socket. */
export function isSocketToken(token: Token): boolean {
  return token.startsWith(SOCKET_TOKEN)
}

function wireToken({ registrationId }: DeviceKey) {
  const token = `${SOCKET_TOKEN}${registrationId}` as Token
  return { socket_token: token, socket_token_digest: tokenDigest('web', token) }
}

function wireKey({ appKey, registrationId }: DeviceKey) {
  return { app_key: appKey, registration_id: registrationId }
}

const KEY = { app_key: 'text', registration_id: 'text' } as const
const AT_NODE = { ...KEY, node: 'text' } as const

const LAST_SEEN = statement<{ app_key: string; platform: Platform; seen_at: number; last_seen_at: number }>()(
  'push.last-seen',
  { ...AT_NODE, seen_at: 'bigint', socket_token: 'text', socket_token_digest: 'text' },
  (q) => `select d.app_key, d.platform, input.seen_at, d.last_seen_at from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const SEE = statement()(
  'push.see',
  { ...AT_NODE, seen_at: 'bigint', socket_token: 'text', socket_token_digest: 'text' },
  (
    q,
  ) => `update device as d set last_seen_at = case when input.seen_at > d.last_seen_at then input.seen_at else d.last_seen_at end,
      token = coalesce(d.token, input.socket_token),
      token_changed_at = case when d.token is null then input.seen_at else d.token_changed_at end,
      token_digest = coalesce(d.token_digest, input.socket_token_digest), detached_at = null
    from ${q.input} where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const OPEN = statement()(
  'push.open-presence',
  { ...AT_NODE, seen_at: 'bigint', socket_token: 'text', socket_token_digest: 'text' },
  (q) => `insert into socket_presence (app_key, registration_id, sender_id)
    select app_key, registration_id, node from ${q.input} where true order by app_key, registration_id
    on conflict (app_key, registration_id) do update set sender_id = excluded.sender_id`,
)

const TAKE_WAITING = statement()(
  'push.take-waiting',
  { ...AT_NODE, seen_at: 'bigint', socket_token: 'text', socket_token_digest: 'text' },
  (q) => `update pending_message as m set sender_id = input.node from ${q.input}
    where m.app_key = input.app_key and m.registration_id = input.registration_id and m.way = 'socket'`,
)

const CLOSE = statement()(
  'push.close-presence',
  AT_NODE,
  (q) => `delete from socket_presence where (app_key, registration_id, sender_id) in
    (select app_key, registration_id, node from ${q.input})`,
)

const PUT_BACK = statement()(
  'push.put-back',
  AT_NODE,
  (q) => `update pending_message as m set sender_id = null from ${q.input}
    where m.app_key = input.app_key and m.registration_id = input.registration_id and m.way = 'socket'
      and m.sender_id = input.node`,
)

const FOR_SOCKETS = statement<PendingRow>()(
  'push.for-sockets',
  { node: 'text' },
  (q) => `select m.app_key, m.registration_id, m.msg_id, m.alias, m.expires_at, m.attempts
    from pending_message m where m.sender_id = (select node from ${q.input}) and m.way = 'socket'
    order by m.due_at limit ${q.value(1)}`,
)

const AWAY = statement<AwayRow>()(
  'push.away',
  { n: 'bigint', ...KEY },
  (q) => `select input.n, case when other.sender_id is null then 0 else 1 end as is_replaced from ${q.input}
    left join socket_presence s on s.app_key = input.app_key and s.registration_id = input.registration_id
    left join sender other on other.sender_id = s.sender_id and other.lease_until >= ${q.value(2)}
    where s.sender_id is null or s.sender_id <> ${q.value(1)}`,
)
