/** Forgets messages that are older than a month. */

import { errorFields } from '../kernel/log.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { deleteOldMessages } from './old-messages.store.ts'
import type { PushWorkDeps } from './push-work.ts'

/** What an hour more or less matters to 30 days. Ours. */
const POLL_MS = 3_600_000

export function startOldMessagesWork({ database, clock, log }: PushWorkDeps): Loop {
  return startLoop({
    clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: () => database.write(deleteOldMessages, null),
    onFailure: (error) => log.error(errorFields(error), 'push.forgetting-failed'),
  })
}
