/** The write unit in which clients report what became of messages. */

import type { MessageEvent } from '@lethe/protocol/statistics.schemas.ts'
import { assert } from '../kernel/assert.ts'
import type { Tables, Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'
import {
  countOutcomes,
  LADDER,
  lockLive,
  type MessageStatus,
  rungOf,
  saveStatuses,
  type User,
  userOf,
} from './statistics.store.ts'

/** What one client reports in one call. */
export interface EventsInput extends User {
  readonly events: readonly { readonly msgId: number; readonly event: MessageEvent }[]
}

export type EventsOutput =
  /** `unknownCount`: events of messages of which nothing is known at this user, which changed nothing. */
  | { readonly kind: 'recorded'; readonly unknownCount: number }
  /** Being erased, erased, or never there. */
  | { readonly kind: 'notLive' }

/**
 * Every rung of the ladder counts once for a user, and an event counts those below it that were not reported. A message that
 * was thought to have failed is then known to have been sent.
 */
export const recordEvents = interactive(
  'statistics.record-events',
  async (tx: Tx, inputs: readonly EventsInput[]): Promise<EventsOutput[]> => {
    const live = await lockLive(tx, inputs)
    const known = await lockStatuses(
      tx,
      inputs.filter((input) => live.has(userOf(input))),
    )
    const outputs = inputs.map((input): EventsOutput => {
      if (!live.has(userOf(input))) return { kind: 'notLive' }
      const unknown = input.events.filter(
        ({ msgId, event }) => !climb(known.get(placeOf(input, msgId)), event),
      )
      return { kind: 'recorded', unknownCount: unknown.length }
    })
    const climbed = [...known.values()].filter(({ before, status }) => status !== before)
    await saveStatuses(tx, climbed)
    await countOutcomes(
      tx,
      climbed.map((message) => countOf(message, live.get(userOf(message)))),
    )
    return outputs
  },
)

/** A message at a user, in memory. */
interface MessageAtUser extends User {
  readonly msgId: number
  readonly channel: string
  readonly failure: null
  readonly before: MessageStatus
  status: MessageStatus
}

async function lockStatuses(tx: Tx, inputs: readonly EventsInput[]): Promise<Map<string, MessageAtUser>> {
  const places = new Map(
    inputs.flatMap((input) =>
      input.events.map(({ msgId }) => [
        placeOf(input, msgId),
        { app_key: input.appKey, registration_id: input.registrationId, id: msgId },
      ]),
    ),
  )
  const rows = await tx.query(LOCK_STATUSES, [...places.values()])
  return new Map(rows.map(messageAtUser).map((message) => [placeOf(message, message.msgId), message]))
}

function messageAtUser(row: StatusRow): MessageAtUser {
  return {
    appKey: row.app_key,
    registrationId: row.registration_id,
    msgId: row.msg_id,
    channel: row.channel,
    failure: null,
    before: row.status,
    status: row.status,
  }
}

function placeOf(user: User, msgId: number): string {
  return `${userOf(user)}\n${msgId}`
}

/** False: there is no such message. */
function climb(message: MessageAtUser | undefined, event: MessageEvent): boolean {
  if (!message) return false
  if (rungOf(event) > rungOf(message.status)) message.status = event
  return true
}

function countOf(message: MessageAtUser, platform: Tables['device']['platform'] | undefined) {
  const { appKey, msgId, channel, before, status } = message
  assert(platform, 'only messages of live users are loaded')
  const reached = LADDER.slice(rungOf(before), rungOf(status)).map((rung) => [COUNTERS[rung], 1])
  return { appKey, msgId, platform, channel, ...Object.fromEntries(reached) }
}

/** What is counted on each rung. */
const COUNTERS = { sent: 'sent', delivered: 'delivered', shown: 'impressions', clicked: 'clicks' } as const

type StatusRow = Pick<
  Tables['message_status'],
  'app_key' | 'registration_id' | 'msg_id' | 'channel' | 'status'
>

const LOCK_STATUSES = statement<StatusRow>()(
  'statistics.lock-statuses',
  { app_key: 'text', registration_id: 'text', id: 'bigint' },
  (q) => `select m.app_key, m.registration_id, m.msg_id, m.channel, m.status from ${q.input}
    join message_status m on m.app_key = input.app_key and m.registration_id = input.registration_id
      and m.msg_id = input.id
    order by m.app_key, m.registration_id, m.msg_id ${q.lockRows('m')}`,
)
