/** Makes this node a sender: joins the others, and starts the work of sending. */

import type { Registry } from '@prometheus-io/client'
import type { AppDirectory } from '../apps/find-app.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import type { Random } from '../kernel/random.ts'
import type { Db } from '../schema.ts'
import type { AppChannels } from './app-channels.ts'
import { Deadlines } from './deadlines.ts'
import { InFlight } from './in-flight.ts'
import { createLastLook } from './last-look.ts'
import type { OwnSockets } from './own-sockets.ts'
import { type PushMetrics, pushMetrics } from './push-metrics.ts'
import { type PushWork, startPushWork } from './push-work.ts'
import { type Sender, type SenderDeps, startSender } from './sender.ts'

export interface SendingDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly apps: AppDirectory
  readonly channels: AppChannels
  readonly topics: SenderDeps['topics']
  readonly leaseMs: SenderDeps['leaseMs']
  readonly registry: Registry
}

export interface Sending {
  readonly sender: Sender
  readonly metrics: PushMetrics
  /** Takes nothing more, gives what is under way a moment to end, and puts off the rest. */
  stop(): Promise<void>
}

/** What is under way when the server stops has this long to end: the whole stop may take ten seconds. Ours. */
const GRACE_MS = 4_000

export async function startSending(deps: SendingDeps, ownSockets: OwnSockets): Promise<Sending> {
  const { clock, channels, database } = deps
  const inFlight = new InFlight()
  const stopping = new AbortController()
  const deadlines = new Deadlines(clock)
  let work: PushWork | undefined
  const sender = await startSender({
    ...deps,
    inFlight,
    isIdle: () => inFlight.size === 0 && (work === undefined || work.isIdle()),
    onDeleted: (user) => ownSockets.closeDeleted(user),
    onStanding: (maySend) => {
      if (!maySend) ownSockets.closeAll()
    },
  })
  const metrics = pushMetrics(deps.registry, () => inFlight.size)
  const lastLook = createLastLook(database, clock)
  const started = startPushWork(
    { ...deps, inFlight, deadlines, lastLook, sender, metrics, stopping: stopping.signal },
    ownSockets,
  )
  work = started
  return {
    sender,
    metrics,
    stop: async () => {
      stopping.abort()
      const stopped = started.stop()
      const waited = new AbortController()
      void clock.sleep(GRACE_MS, waited.signal).then(() => deadlines.stop())
      await stopped
      waited.abort()
      await channels.close()
      await sender.stop()
    },
  }
}
