/** The write unit that forgets messages: after 30 days a message goes with its content and everything that became of it. */

import { messageDaysMax } from '@lethe/protocol/statistics-limits.ts'
import { DAY_MS } from '../kernel/utc-day.ts'
import type { Tables, Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'
import { stopMessages } from './accept-push.store.ts'

/** Messages of one step. Ours. */
const MESSAGES_MAX = 100
/** Users of these messages whose rows go in one step, and while others wait: some 10 ms of one writer. Ours. */
const USERS_MAX = 1_000
const USERS_CONTENDED_MAX = 100

/**
 * One step. Output: whether more may be left. The rows of users go first, in as many steps as it takes. What another
 * transaction holds is passed over, and left to a later step.
 */
export const deleteOldMessages = background(
  'push.delete-old',
  async (tx: Tx, inputs: readonly null[]): Promise<('more' | 'done')[]> => {
    const outputs: ('more' | 'done')[] = []
    for (const _ of inputs) outputs.push(await deleteSome(tx))
    return outputs
  },
)

async function deleteSome(tx: Tx): Promise<'more' | 'done'> {
  const old = await tx.query(OLD_MESSAGES, ONCE, tx.now - messageDaysMax * DAY_MS, MESSAGES_MAX)
  const usersMax = tx.isContended ? USERS_CONTENDED_MAX : USERS_MAX
  const statuses = await tx.query(STATUSES_OF_MESSAGES, old, usersMax)
  await tx.query(DELETE_STATUSES, statuses)
  if (statuses.length === usersMax) return 'more'
  const bare = await tx.query(WITHOUT_STATUSES, old)
  await stopMessages(tx, bare)
  await tx.query(DELETE_COUNTS, bare)
  await tx.query(DELETE_MESSAGES, bare)
  // A message whose users others hold stays among the oldest; where nothing else went, the next step would find the same.
  return old.length === MESSAGES_MAX && bare.length > 0 ? 'more' : 'done'
}

const MESSAGE = { id: 'bigint' } as const

const OLD_MESSAGES = statement<{ id: number }>()(
  'push.old-messages',
  {},
  (q) => `select p.msg_id as id from push p where p.accepted_at <= ${q.value(1)}
    order by p.accepted_at limit ${q.value(2)} ${q.skipLocked('p')}`,
)

type StatusKey = Pick<Tables['message_status'], 'app_key' | 'registration_id'> & { id: number }

const STATUSES_OF_MESSAGES = statement<StatusKey>()(
  'push.statuses-of-messages',
  MESSAGE,
  (q) => `select m.app_key, m.registration_id, m.msg_id as id from ${q.input}
    join message_status m on m.msg_id = input.id limit ${q.value(1)} ${q.skipLocked('m')}`,
)

const DELETE_STATUSES = statement()(
  'push.delete-statuses',
  { app_key: 'text', registration_id: 'text', id: 'bigint' },
  (q) => `delete from message_status where (app_key, registration_id, msg_id) in
    (select app_key, registration_id, id from ${q.input})`,
)

const WITHOUT_STATUSES = statement<{ id: number }>()(
  'push.without-statuses',
  MESSAGE,
  (q) => `select input.id from ${q.input}
    where not exists (select 1 from message_status m where m.msg_id = input.id)`,
)

const DELETE_COUNTS = statement()(
  'push.delete-counts',
  MESSAGE,
  (q) => `delete from message_count where msg_id in (select id from ${q.input})`,
)

const DELETE_MESSAGES = statement()(
  'push.delete-messages',
  MESSAGE,
  (q) => `delete from push where msg_id in (select id from ${q.input})`,
)
