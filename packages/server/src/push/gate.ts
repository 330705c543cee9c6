/** What stands before every request of a send: a look at the user that is young enough, by a node that others take for alive. */

import type { Gate } from '../channels/channel.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Deadlines } from './deadlines.ts'
import type { LastLook, LookInput, LookOutput } from './last-look.ts'
import type { Sender } from './sender.ts'

export interface GateDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly deadlines: Pick<Deadlines, 'next'>
  readonly lastLook: LastLook
  readonly sender: Pick<Sender, 'maySendAs'>
}

/** What the last look saw; nothing: none was taken, or what it saw does not count. */
export interface Looks {
  last?: LookOutput
}

/**
 * A second after a deletion was answered nothing may arrive that was not under way (design section 1.2). So a look counts for
 * so long until a send is written, and for so long until it leaves, however busy this process is. Ours: the rest of the second is the
 * network's.
 */
const LOOK_MS_MAX = 350
const LEAVES_MS_MAX = 700
/** Looks at one user in a row; then the database or this process is too slow to send anything, and it is put off. Ours. */
const LOOKS_MAX = 3

export function createGate(
  { clock, deadlines, lastLook, sender }: GateDeps,
  { senderId, asked, looks }: { senderId: string; asked: LookInput; looks: Looks },
): Gate {
  let lookedAt = Number.NEGATIVE_INFINITY
  const isYounger = (ms: number) => clock.monotonic() - lookedAt < ms
  const confirm = async (): Promise<boolean> => {
    for (let count = 0; count < LOOKS_MAX; count++) {
      const { output, askedAt } = await lastLook(asked)
      looks.last = output
      lookedAt = askedAt
      if (output !== 'go') return false
      if (isYounger(LOOK_MS_MAX)) break
    }
    if (isYounger(LOOK_MS_MAX) && sender.maySendAs(senderId)) return true
    delete looks.last
    return false
  }
  return {
    signal: deadlines.next(),
    holds: (hasBegun) => sender.maySendAs(senderId) && (hasBegun || isYounger(LEAVES_MS_MAX)),
    confirm: async () => {
      try {
        return await confirm()
      } catch {
        // The database does not answer: nothing may be sent, and the message is put off.
        delete looks.last
        return false
      }
    },
  }
}
