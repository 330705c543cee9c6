/**
 * What became of messages, written inside the transactions of others: of sends, of what expired, and of what clients report.
 * Locks are taken in this order: device rows by key, rows of `message_status`, and the counters last.
 */

import type { RegistrationId } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'

export type MessageStatus = Tables['message_status']['status']

/** Adds to the counters of a message. What is absent is 0. */
export interface OutcomeCount {
  readonly appKey: string
  readonly msgId: number
  readonly platform: Tables['device']['platform']
  /** A key of `sub_android`, `sub_ios`, `sub_hmos` or `sub_web` in the statistics of a message. */
  readonly channel: string
  readonly targets?: number
  readonly sent?: number
  readonly delivered?: number
  readonly impressions?: number
  readonly clicks?: number
}

export interface StatusChange extends User {
  readonly msgId: number
  readonly status: MessageStatus
  readonly channel: string
  /** The vendor's own word for a failure; null: there is none. */
  readonly failure: string | null
}

/** The rungs on which a message comes nearer to its user: it never goes back to a lower one. What is not named here was not sent. */
export const LADDER = ['sent', 'delivered', 'shown', 'clicked'] as const satisfies readonly MessageStatus[]

/** 0 for what was not sent, 1 to 4 for the rungs. */
export function rungOf(status: MessageStatus): number {
  return LADDER.indexOf(status as (typeof LADDER)[number]) + 1
}

/** Counters say nothing about a user, so that late outcomes of hidden users are counted as well. */
export async function countOutcomes(tx: Tx, counts: readonly OutcomeCount[]): Promise<void> {
  const sums = new Map<string, ReturnType<typeof wireCount>>()
  for (const count of counts.map(wireCount)) {
    const key = `${count.id}\n${count.platform}\n${count.channel}`
    const sum = sums.get(key)
    if (sum) for (const name of COUNTERS) sum[name] += count[name]
    else sums.set(key, count)
  }
  await tx.query(COUNT_OUTCOMES, [...sums.values()])
}

/** For users that are live when this transaction commits; others are passed over. A status never goes down the ladder. */
export async function saveStatuses(tx: Tx, changes: readonly StatusChange[]): Promise<void> {
  const live = await lockLive(tx, changes)
  const rows = changes.filter((change) => live.has(userOf(change))).map(wireChange)
  await tx.query(SAVE_STATUSES, highest(rows), tx.now)
}

/** Locks the rows of those users that are live, in the order of keys. Answers their platforms, by `userOf`. */
export async function lockLive(
  tx: Tx,
  users: readonly User[],
): Promise<ReadonlyMap<string, Tables['device']['platform']>> {
  const keys = new Map(
    users.map((user) => [userOf(user), { app_key: user.appKey, registration_id: user.registrationId }]),
  )
  const rows = await tx.query(LOCK_LIVE, [...keys.values()])
  return new Map(
    rows.map((row) => [userOf({ appKey: row.app_key, registrationId: row.registration_id }), row.platform]),
  )
}

export interface User {
  readonly appKey: string
  readonly registrationId: RegistrationId
}

export function userOf({ appKey, registrationId }: User): string {
  return `${appKey}\n${registrationId}`
}

/** A statement may touch a row once only. */
function highest(rows: readonly ReturnType<typeof wireChange>[]): ReturnType<typeof wireChange>[] {
  const kept = new Map<string, ReturnType<typeof wireChange>>()
  for (const row of rows) {
    const key = `${row.app_key}\n${row.registration_id}\n${row.id}`
    const known = kept.get(key)
    if (!known || rungOf(row.status) > rungOf(known.status)) kept.set(key, row)
  }
  return [...kept.values()]
}

function wireChange({ appKey, registrationId, msgId, status, channel, failure }: StatusChange) {
  return { app_key: appKey, registration_id: registrationId, id: msgId, status, channel, failure }
}

function wireCount(count: OutcomeCount) {
  const { targets = 0, sent = 0, delivered = 0, impressions = 0, clicks = 0 } = count
  const { appKey, msgId, platform, channel } = count
  return { id: msgId, app_key: appKey, platform, channel, targets, sent, delivered, impressions, clicks }
}

const COUNTERS = ['targets', 'sent', 'delivered', 'impressions', 'clicks'] as const
const KEY = { app_key: 'text', registration_id: 'text' } as const
const CHANGE = { ...KEY, id: 'bigint', status: 'text', channel: 'text', failure: 'text' } as const

const LOCK_LIVE = statement<Pick<Tables['device'], 'app_key' | 'registration_id' | 'platform'>>()(
  'statistics.lock-live',
  KEY,
  (q) => `select d.app_key, d.registration_id, d.platform from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    where d.state = 'live' order by d.app_key, d.registration_id ${q.lockRows('d')}`,
)

const rungSql = (column: string) =>
  `case ${column} ${LADDER.map((status) => `when '${status}' then ${rungOf(status)}`).join(' ')} else 0 end`

const SAVE_STATUSES = statement()(
  'statistics.save-statuses',
  CHANGE,
  (q) => `insert into message_status (app_key, registration_id, msg_id, status, channel, failure, changed_at)
    select app_key, registration_id, id, status, channel, failure, ${q.value(1)} from ${q.input} where true
    order by app_key, registration_id, id
    on conflict (app_key, registration_id, msg_id) do update set status = excluded.status, channel = excluded.channel,
      failure = excluded.failure, changed_at = excluded.changed_at
    where ${rungSql('excluded.status')} > ${rungSql('message_status.status')}`,
)

const COUNT_OUTCOMES = statement()(
  'statistics.count-outcomes',
  {
    id: 'bigint',
    app_key: 'text',
    platform: 'text',
    channel: 'text',
    targets: 'bigint',
    sent: 'bigint',
    delivered: 'bigint',
    impressions: 'bigint',
    clicks: 'bigint',
  },
  (q) => `insert into message_count (msg_id, app_key, platform, channel, ${COUNTERS.join(', ')})
    select id, app_key, platform, channel, ${COUNTERS.join(', ')} from ${q.input} where true
    order by id, platform, channel
    on conflict (msg_id, platform, channel) do update set
      ${COUNTERS.map((name) => `${name} = message_count.${name} + excluded.${name}`).join(', ')}`,
)
