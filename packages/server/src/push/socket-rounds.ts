/**
 * Looks again and again whether the users of this node's sockets are still written down as connected here. A user who has opened
 * a newer socket on another node gets its messages there; one who is written down nowhere would get none at all.
 */

import { errorFields } from '../kernel/log.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import type { OwnSocket, OwnSockets } from './own-sockets.ts'
import { readAway } from './presence.store.ts'
import type { PushWorkDeps } from './push-work.ts'

export interface SocketRoundsDeps extends Pick<PushWorkDeps, 'database' | 'clock' | 'log'> {
  readonly sender: Pick<PushWorkDeps['sender'], 'id'>
}

/** Ours: with a hundred thousand sockets some three thousand keys are looked up in a second. */
const POLL_MS = 30_000
/** Sockets of one look; ours. */
const BATCH = 1_000

export function startSocketRounds(deps: SocketRoundsDeps, sockets: Pick<OwnSockets, 'connected'>): Loop {
  return startLoop({
    clock: deps.clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: async () => {
      // Whoever opens a socket from now on is looked at the next time.
      const connected = [...sockets.connected()]
      for (let at = 0; at < connected.length; at += BATCH) await look(deps, connected.slice(at, at + BATCH))
      return 'done'
    },
    onFailure: (error) => deps.log.error(errorFields(error), 'push.rounds-failed'),
  })
}

async function look({ database, sender }: SocketRoundsDeps, sockets: readonly OwnSocket[]): Promise<void> {
  const now = await database.now()
  const away = await readAway(database.read, { senderId: sender.id, now }, sockets)
  for (const { n, is_replaced } of away) sockets[n]?.close(is_replaced === 1 ? 'replaced' : 'lost')
}
