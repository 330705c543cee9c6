/**
 * What the work of sending has in common, and its start: a loop for pushes to many, one for single users, two for own sockets,
 * one for what has expired, and one for what is old.
 */

import type { AppDirectory } from '../apps/find-app.ts'
import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import type { Db } from '../schema.ts'
import { OutcomeUnknown, StorageUnavailable } from '../storage/errors.ts'
import { retryDelayMs } from '../work/loop.ts'
import { startBroadcastWork } from './broadcast-work.ts'
import type { DeliverDeps } from './deliver.ts'
import { DirectWork } from './direct-work.ts'
import { startExpiryWork } from './expiry-work.ts'
import { type FinishInput, type FinishOutput, finishSends } from './finish-sends.store.ts'
import { startOldMessagesWork } from './old-messages-work.ts'
import type { OwnSockets } from './own-sockets.ts'
import type { PushMetrics } from './push-metrics.ts'
import type { Sender } from './sender.ts'
import { startSocketRounds } from './socket-rounds.ts'
import { SocketWork } from './socket-work.ts'

export interface PushWorkDeps extends DeliverDeps {
  readonly database: Db
  readonly clock: Clock
  readonly log: Log
  readonly apps: AppDirectory
  readonly sender: Sender
  readonly metrics: PushMetrics
  /** Aborts when this node stops. */
  readonly stopping: AbortSignal
}

/** The topics under which nodes hear of accepted pushes, of messages for sockets, and of pushes that were withdrawn. */
export const PUSH_TOPIC = 'push'
export const SOCKET_TOPIC = 'socket-message'
export const WITHDRAWN_TOPIC = 'withdrawn'

export interface PushWork {
  /** Whether nothing is in hand and nothing is being taken, and there is no socket. */
  isIdle(): boolean
  /** Resolves once what is under way is done. */
  stop(): Promise<void>
}

/** Starts the loops. */
export function startPushWork(deps: PushWorkDeps, ownSockets: OwnSockets): PushWork {
  const broadcasts = startBroadcastWork(deps)
  const directs = new DirectWork(deps)
  const sockets = new SocketWork(deps, ownSockets)
  const expiry = startExpiryWork(deps)
  const oldMessages = startOldMessagesWork(deps)
  const { database } = deps
  // One process has all the sockets there are.
  const rounds = database.engine === 'sqlite' ? [] : [startSocketRounds(deps, ownSockets)]
  const deaf = [
    database.onAnnounced(PUSH_TOPIC, () => {
      directs.wake()
      broadcasts.wake()
    }),
    database.onAnnounced(SOCKET_TOPIC, () => sockets.wake()),
    database.onAnnounced(WITHDRAWN_TOPIC, () => sockets.wake()),
  ]
  return {
    isIdle: () => broadcasts.isIdle() && directs.isIdle && sockets.isIdle && ownSockets.size === 0,
    stop: async () => {
      for (const stopListening of deaf) stopListening()
      await Promise.all(
        [broadcasts, directs, sockets, expiry, oldMessages, ...rounds].map((loop) => loop.stop()),
      )
    },
  }
}

/**
 * Writes what became of sends, again and again while the database is away: until it is on disk the sender has them in hand.
 * Undefined: this node stops meanwhile, and who comes next does them again.
 */
export async function finishForSure(
  deps: Pick<PushWorkDeps, 'database' | 'clock' | 'log' | 'metrics' | 'stopping'>,
  input: FinishInput,
): Promise<FinishOutput | undefined> {
  for (let attempts = 0; ; attempts++) {
    try {
      const output = await deps.database.write(finishSends, input)
      for (const { channel, end } of input.results) deps.metrics.sends.inc({ channel, outcome: end.kind })
      if (input.results.some(({ end }) => end.kind === 'socket')) deps.database.announce(SOCKET_TOPIC)
      return output
    } catch (error) {
      const isPassing = error instanceof StorageUnavailable || error instanceof OutcomeUnknown
      deps.log.error(errorFields(error), 'push.finish-failed')
      if (!isPassing && attempts >= FINISH_TRIES) throw error
    }
    if (deps.stopping.aborted) return undefined
    await deps.clock.sleep(Math.min(retryDelayMs(attempts), FINISH_WAIT_MAX_MS), deps.stopping)
  }
}

const FINISH_TRIES = 5
const FINISH_WAIT_MAX_MS = 5_000

/** Adds up how many of something each app has. */
export class CountByApp {
  readonly #counts = new Map<string, number>()
  total = 0

  add(appKey: string, by: number): void {
    this.total += by
    const sum = (this.#counts.get(appKey) ?? 0) + by
    if (sum === 0) this.#counts.delete(appKey)
    else this.#counts.set(appKey, sum)
  }

  /** Apps that have so many or more. */
  atLeast(count: number): string[] {
    return [...this.#counts].flatMap(([appKey, held]) => (held >= count ? [appKey] : []))
  }
}
