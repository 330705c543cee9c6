/** Reads of statistics. A user that is not live is in none of them, nor is a message that is due to be forgotten. */

import type { RegistrationId } from '../kernel/personal.ts'
import type { Read, Tables } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'

export type MessageRow = Pick<Tables['push'], 'msg_id' | 'kind' | 'content'>
export type CountRow = Omit<Tables['message_count'], 'app_key'>
export type StatusRow = Omit<Tables['message_status'], 'app_key'>
export type UserDayRow = Omit<Tables['user_day'], 'app_key'>

/** Which messages may be seen: those of the app that were accepted after `since`, milliseconds. */
export interface Visible {
  readonly appKey: string
  readonly since: number
}

/** Those of the messages that may be seen. */
export function readMessages(read: Read, visible: Visible, msgIds: readonly number[]): Promise<MessageRow[]> {
  return read.query(MESSAGES, msgIds.map(wireId), visible.appKey, visible.since)
}

export function readCounts(read: Read, msgIds: readonly number[]): Promise<CountRow[]> {
  return read.query(COUNTS, msgIds.map(wireId))
}

/** What became of one message at these users. */
export function readStatuses(
  read: Read,
  visible: Visible,
  input: { readonly msgId: number; readonly registrationIds: readonly RegistrationId[] },
): Promise<StatusRow[]> {
  const keys = input.registrationIds.map((id) => ({ app_key: visible.appKey, registration_id: id }))
  return read.query(STATUSES_OF_USERS, keys, input.msgId, visible.since)
}

/** What became of one message at all users, by registration id, `rowsMax` at most. */
export function readStatusesOfMessage(
  read: Read,
  visible: Visible,
  input: { readonly msgId: number; readonly rowsMax: number },
): Promise<StatusRow[]> {
  return read.query(STATUSES_OF_MESSAGE, ONCE, visible.appKey, visible.since, input.msgId, input.rowsMax)
}

/** Counters of the days from `first` to `last`, `yyyy-MM-dd`. */
export function readUserDays(
  read: Read,
  input: { readonly appKey: string; readonly first: string; readonly last: string },
): Promise<UserDayRow[]> {
  return read.kysely
    .selectFrom('user_day')
    .select(['day', 'platform', 'new_count', 'active_count'])
    .where('app_key', '=', input.appKey)
    .where('day', '>=', input.first)
    .where('day', '<=', input.last)
    .execute()
}

function wireId(msgId: number): { id: number } {
  return { id: msgId }
}

const STATUS = 'm.msg_id, m.registration_id, m.status, m.channel, m.failure, m.changed_at'

const MESSAGES = statement<MessageRow>()(
  'statistics.messages',
  { id: 'bigint' },
  (q) => `select p.msg_id, p.kind, p.content from ${q.input} join push p on p.msg_id = input.id
    where p.app_key = ${q.value(1)} and p.accepted_at > ${q.value(2)}`,
)

const COUNTS = statement<CountRow>()(
  'statistics.counts',
  { id: 'bigint' },
  (
    q,
  ) => `select c.msg_id, c.platform, c.channel, c.targets, c.sent, c.delivered, c.impressions, c.clicks from ${q.input}
    join message_count c on c.msg_id = input.id`,
)

const STATUSES_OF_USERS = statement<StatusRow>()(
  'statistics.statuses-of-users',
  { app_key: 'text', registration_id: 'text' },
  (q) => `select ${STATUS} from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    join message_status m on m.app_key = d.app_key and m.registration_id = d.registration_id and m.msg_id = ${q.value(1)}
    join push p on p.msg_id = m.msg_id
    where d.state = 'live' and p.accepted_at > ${q.value(2)}`,
)

const STATUSES_OF_MESSAGE = statement<StatusRow>()(
  'statistics.statuses-of-message',
  {},
  (q) => `select ${STATUS} from push p
    join message_status m on m.msg_id = p.msg_id
    join device d on d.app_key = m.app_key and d.registration_id = m.registration_id
    where p.app_key = ${q.value(1)} and p.accepted_at > ${q.value(2)} and p.msg_id = ${q.value(3)} and d.state = 'live'
    order by m.registration_id limit ${q.value(4)}`,
)
