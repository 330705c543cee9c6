/** Server API, statistics: what became of messages, in numbers and at single users, and how many users there are. */

import { parseMessageId } from '@lethe/protocol/message-id.ts'
import {
  MessageLifecycleAnswer,
  MessageLifecycleQuery,
  MessageRowsAnswer,
  MessageStatisticsAnswer,
  MessagesQuery,
  UserStatisticsAnswer,
  UserStatisticsQuery,
} from '@lethe/protocol/statistics.schemas.ts'
import { messageDaysMax, statusRowsMax } from '@lethe/protocol/statistics-limits.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, type Reply, refuse } from '../kernel/reply.ts'
import { DAY_MS } from '../kernel/utc-day.ts'
import type { Db, Read } from '../schema.ts'
import { messageStatistics } from './message-statistics.ts'
import { parsePeriod } from './parse-period.ts'
import { parseMessageIds, parseRegistrationIds } from './parse-queries.ts'
import {
  readCounts,
  readMessages,
  readStatuses,
  readStatusesOfMessage,
  readUserDays,
  type StatusRow,
  type Visible,
} from './read-statistics.store.ts'
import { daysOf, userStatistics } from './user-statistics.ts'

export interface StatisticsDeps {
  readonly database: Db
  readonly clock: Clock
}

/** Under both of its documented paths, each with an `id` of its own. */
export function readMessageStatistics(
  { database, clock }: StatisticsDeps,
  id: 'readMessageStatistics' | 'readMessagesDetails',
): Operation<App> {
  return operation({
    id,
    summary: 'Read the numbers of messages',
    description: `Kept for ${messageDaysMax} days from the acceptance of a message. The deletion of a user leaves them as they are. What went through a channel without a key of its own is counted under the first of its platform, engageLab_web for example.`,
    schema: { query: MessagesQuery, answers: { 200: MessageStatisticsAnswer } },
    async handle({ caller, query }) {
      if (query.message_ids === undefined) return missing('message_ids')
      const ids = parseMessageIds(query.message_ids)
      if (!ids.ok) return refuse('parameterInvalid', ids.reason)
      const messages = await readMessages(database.read, visibleTo(caller, clock), ids.value)
      const counts = Map.groupBy(
        await readCounts(
          database.read,
          messages.map((message) => message.msg_id),
        ),
        (count) => count.msg_id,
      )
      return answer(
        Object.fromEntries(
          messages.map((message) => [
            String(message.msg_id),
            messageStatistics(message, counts.get(message.msg_id) ?? []),
          ]),
        ),
      )
    },
  })
}

export function readMessageLifecycle({ database, clock }: StatisticsDeps): Operation<App> {
  return operation({
    id: 'readMessageLifecycle',
    summary: 'Read what became of a message at some users',
    description:
      'EngageLab documents no list of states: sent, failed and delivered are those of its SDKs, shown and clicked are ours. There is no error_code: a vendor fails with a word.',
    schema: { query: MessageLifecycleQuery, answers: { 200: MessageLifecycleAnswer } },
    async handle({ caller, query }) {
      if (query.message_id === undefined) return missing('message_id')
      if (query.registration_ids === undefined) return missing('registration_ids')
      const msgId = parseMessageId(query.message_id)
      if (!msgId.ok) return refuse('parameterInvalid', `message_id: ${msgId.reason}`)
      const ids = parseRegistrationIds(query.registration_ids)
      if (!ids.ok) return refuse('parameterInvalid', ids.reason)
      const input = { msgId: msgId.value, registrationIds: ids.value }
      const rows = await readStatuses(database.read, visibleTo(caller, clock), input)
      return answer(Object.fromEntries(rows.map((row) => [row.registration_id, wireLifecycle(row)])))
    },
  })
}

export function readMessageRows({ database, clock }: StatisticsDeps): Operation<App> {
  return operation({
    id: 'readMessageRows',
    summary: 'Read what became of messages, user by user',
    description: `At most ${statusRowsMax} rows: the header "Lethe-Truncated: true" says that there are more. Deleted users are in none.`,
    schema: { query: MessagesQuery, answers: { 200: MessageRowsAnswer } },
    async handle({ caller, query }) {
      if (query.message_ids === undefined) return missing('message_ids')
      const ids = parseMessageIds(query.message_ids)
      if (!ids.ok) return refuse('parameterInvalid', ids.reason)
      const rows = await readRows(database.read, visibleTo(caller, clock), ids.value)
      const isTruncated = rows.length > statusRowsMax
      return answer(
        rows.slice(0, statusRowsMax).map((row) => ({
          message_id: String(row.msg_id),
          registration_id: row.registration_id,
          ...wireLifecycle(row),
        })),
        isTruncated ? { 'lethe-truncated': 'true' } : undefined,
      )
    },
  })
}

export function readUserStatistics({ database, clock }: StatisticsDeps): Operation<App> {
  return operation({
    id: 'readUserStatistics',
    summary: 'Read how many users came and were there',
    description:
      'By day or month of UTC. A user is active on a day on which its client called; it counts once for that day, and so once for each such day in a month. Online is the same as active.',
    schema: { query: UserStatisticsQuery, answers: { 200: UserStatisticsAnswer } },
    async handle({ caller, query }) {
      const { time_unit, start, duration } = query
      if (time_unit === undefined) return missing('time_unit')
      if (start === undefined) return missing('start')
      if (duration === undefined) return missing('duration')
      const period = parsePeriod({ time_unit, start, duration }, clock.now())
      if (!period.ok) return refuse('parameterInvalid', period.reason)
      const days = { appKey: caller.appKey, ...daysOf(period.value) }
      return answer(userStatistics(period.value, await readUserDays(database.read, days)))
    },
  })
}

function missing(name: string): Reply {
  return refuse('parameterMissing', `${name} is required in the query`)
}

function visibleTo({ appKey }: App, clock: Clock): Visible {
  return { appKey, since: clock.now() - messageDaysMax * DAY_MS }
}

/** One row more than is answered, where there is one. Message by message, since the index gives their users in order. */
async function readRows(read: Read, visible: Visible, msgIds: readonly number[]): Promise<StatusRow[]> {
  const rows: StatusRow[] = []
  for (const msgId of msgIds) {
    const rowsMax = statusRowsMax + 1 - rows.length
    if (rowsMax === 0) break
    rows.push(...(await readStatusesOfMessage(read, visible, { msgId, rowsMax })))
  }
  return rows
}

function wireLifecycle({ status, failure, changed_at, channel }: StatusRow) {
  return {
    status,
    ...(failure === null ? {} : { error_message: failure }),
    itime: Math.floor(changed_at / 1_000),
    channel,
  }
}
