/** Ends messages that waited for users who did not come within the time to live, and forgets callers' ids of pushes. */

import { errorFields } from '../kernel/log.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { expireMessages } from './expire-pending.store.ts'
import type { PushWorkDeps } from './push-work.ts'

const POLL_MS = 30_000
/** Messages of one step; ours. */
const BATCH = 500

export function startExpiryWork({ database, clock, log }: PushWorkDeps): Loop {
  return startLoop({
    clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: async () => ((await database.write(expireMessages, BATCH)) === BATCH ? 'more' : 'done'),
    onFailure: (error) => log.error(errorFields(error), 'push.expiry-failed'),
  })
}
