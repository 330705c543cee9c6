/**
 * How long the content of a message is kept. That of one which names its receivers may speak about them, and goes with the
 * last of them: when it is erased, or when the message ends without having been for anybody. After that no row would tell
 * an erasure whom it was about. The content of one that went to an audience speaks to many, and goes after 30 days.
 */

import type { RegistrationId } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'

interface UserKey {
  readonly app_key: string
  readonly registration_id: RegistrationId
}

/** Before the users' own rows go. Most users have no message that names them. */
export async function clearContents(tx: Tx, users: readonly UserKey[]): Promise<void> {
  const messages = await tx.query(MESSAGES_OF_USERS, users)
  if (messages.length === 0) return
  await lockMessages(tx, messages)
  const others = await tx.query(RECEIVERS, messages)
  const gone = new Set(users.map(nameOf))
  const kept = new Set(others.filter((receiver) => !gone.has(nameOf(receiver))).map(({ msg_id }) => msg_id))
  await tx.query(
    CLEAR_CONTENT,
    messages.filter(({ id }) => !kept.has(id)),
  )
}

interface MessageKey {
  readonly id: number
}

/** Of two transactions that take the last two receivers at once, one waits here and then sees that it is the last. */
export async function lockMessages(tx: Tx, messages: readonly MessageKey[]): Promise<void> {
  await tx.query(LOCK_MESSAGES, messages)
}

/** Clears those of these messages that name their receivers and have none any more. Their rows must be locked. */
export async function clearWithoutReceivers(tx: Tx, messages: readonly MessageKey[]): Promise<void> {
  await tx.query(CLEAR_CONTENT, await tx.query(WITHOUT_RECEIVERS, messages))
}

function nameOf({ app_key, registration_id }: UserKey): string {
  return `${app_key}\n${registration_id}`
}

const MESSAGES_OF_USERS = statement<{ id: number }>()(
  'push.messages-of-users',
  { app_key: 'text', registration_id: 'text' },
  (q) => `select p.msg_id as id from ${q.input}
      join message_status s on s.app_key = input.app_key and s.registration_id = input.registration_id
      join push p on p.msg_id = s.msg_id where p.is_targeted = 1 and p.content is not null
    union select p.msg_id as id from ${q.input}
      join pending_message m on m.app_key = input.app_key and m.registration_id = input.registration_id
      join push p on p.msg_id = m.msg_id where p.is_targeted = 1 and p.content is not null`,
)

const LOCK_MESSAGES = statement()(
  'push.lock-messages',
  { id: 'bigint' },
  (q) =>
    `select p.msg_id from ${q.input} join push p on p.msg_id = input.id order by p.msg_id ${q.lockRows('p')}`,
)

/** A message that names its receivers has a thousand at most (documented). */
const RECEIVERS = statement<UserKey & { msg_id: number }>()(
  'push.receivers',
  { id: 'bigint' },
  (
    q,
  ) => `select s.msg_id, s.app_key, s.registration_id from ${q.input} join message_status s on s.msg_id = input.id
    union select m.msg_id, m.app_key, m.registration_id from ${q.input} join pending_message m on m.msg_id = input.id`,
)

const WITHOUT_RECEIVERS = statement<MessageKey>()(
  'push.without-receivers',
  { id: 'bigint' },
  (q) => `select p.msg_id as id from ${q.input} join push p on p.msg_id = input.id
    where p.is_targeted = 1 and p.content is not null
      and not exists (select 1 from message_status s where s.msg_id = p.msg_id)
      and not exists (select 1 from pending_message m where m.msg_id = p.msg_id)`,
)

/** The id under which notifications replace each other may be the caller's word, and goes too. */
const CLEAR_CONTENT = statement()(
  'push.clear-content',
  { id: 'bigint' },
  (q) => `update push set content = null, collapse_id = cast(msg_id as text)
    where msg_id in (select id from ${q.input})`,
)
