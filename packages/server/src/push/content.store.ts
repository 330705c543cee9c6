/**
 * What an erasure does with messages: the content of one that names its receivers may speak about them, and goes with the
 * last of them. The content of one that went to an audience speaks to many, and goes after 30 days.
 */

import type { RegistrationId } from '../kernel/personal.ts'
import { type Statement, statement } from '../storage/statement.ts'

interface UserKey {
  readonly app_key: string
  readonly registration_id: RegistrationId
}

/** Statements over the users that are removed, in this order, before their own rows go. They return no rows. */
export function clearContentSteps(): Statement<UserKey, UserKey>[] {
  return [LOCK_MESSAGES, CLEAR_CONTENT] as Statement<UserKey, UserKey>[]
}

const KEY = { app_key: 'text', registration_id: 'text' } as const

const MESSAGES_OF_USERS = (input: string) => `select s.msg_id from ${input}
    join message_status s on s.app_key = input.app_key and s.registration_id = input.registration_id
  union select m.msg_id from ${input}
    join pending_message m on m.app_key = input.app_key and m.registration_id = input.registration_id`

/** Of two removals that take the last two receivers at once, one waits here and then sees that it is the last. */
const LOCK_MESSAGES = statement()(
  'push.lock-messages',
  KEY,
  (q) => `select p.app_key, '' as registration_id from push p
    where p.is_targeted = 1 and p.content is not null and p.msg_id in (${MESSAGES_OF_USERS(q.input)})
    order by p.msg_id ${q.lockRows('p')}`,
)

const CLEAR_CONTENT = statement()('push.clear-content', KEY, (q) => {
  const isAnother = (table: string) => `exists (select 1 from ${table} o where o.msg_id = p.msg_id
      and (o.app_key, o.registration_id) not in (select app_key, registration_id from ${q.input}))`
  return `update push as p set content = null
      where p.is_targeted = 1 and p.content is not null and p.msg_id in (${MESSAGES_OF_USERS(q.input)})
        and not ${isAnother('message_status')} and not ${isAnother('pending_message')}`
})
