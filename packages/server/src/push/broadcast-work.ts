/**
 * Pushes to many: takes a chunk of the push whose app has waited longest, sends it to everybody in it, and writes in one
 * commit what became of them and how far the push has come. Memory holds the chunks in hand, whatever the audience.
 */

import { pageAudience, type Recipient } from '../audience/page-audience.ts'
import { errorFields } from '../kernel/log.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { type ClaimedChunk, claimChunk } from './claim.store.ts'
import { type Delivery, deliverAll, type Now } from './deliver.ts'
import type { SendResult } from './finish-sends.store.ts'
import { readMessages } from './messages.ts'
import { CountByApp, finishForSure, type PushWorkDeps } from './push-work.ts'
import { boundsOf } from './slices.ts'
import { restoreAudience } from './stored-audience.ts'

/** Chunks in hand on one node, and those of one app. Of one push it is one. */
const CHUNKS_MAX = 32
const CHUNKS_PER_APP_MAX = 2
/** Users that one page of the audience looks at. */
const CANDIDATES_MAX = 2_000
/** What is due later, and what nobody announced, is found after this time. */
const POLL_MS = 1_000
/** A channel that puts off most of a chunk is left alone for this long, or for as long as it says. */
const PAUSE_MS = 10_000
const PAUSE_MAX_MS = 120_000

export function startBroadcastWork(deps: PushWorkDeps): Loop & { isIdle(): boolean } {
  const inHand = new CountByApp()
  let isClaiming = false
  const running = new Map<number, Promise<void>>()
  const start = (chunk: ClaimedChunk) => {
    inHand.add(chunk.appKey, 1)
    const run = runChunk(deps, chunk).finally(() => {
      inHand.add(chunk.appKey, -1)
      running.delete(chunk.msgId)
      loop.wake()
    })
    running.set(chunk.msgId, run)
  }
  const claim = async (): Promise<boolean> => {
    isClaiming = true
    try {
      const busyApps = inHand.atLeast(CHUNKS_PER_APP_MAX)
      const chunk = await deps.database.write(claimChunk, {
        senderId: deps.sender.id,
        busyApps,
        busyMessages: [...running.keys()],
      })
      if (chunk) start(chunk)
      return chunk !== null
    } finally {
      isClaiming = false
    }
  }
  const loop = startLoop({
    clock: deps.clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: async () => {
      while (inHand.total < CHUNKS_MAX && deps.sender.maySend()) {
        if (!(await claim())) break
      }
      return 'done'
    },
    onFailure: (error) => deps.log.error(errorFields(error), 'push.claim-failed'),
  })
  return {
    isIdle: () => !isClaiming && running.size === 0,
    wake: loop.wake,
    stop: async () => {
      await loop.stop()
      await Promise.all(running.values())
    },
  }
}

/** A chunk that fails is given back, and tried again later. */
async function runChunk(deps: PushWorkDeps, chunk: ClaimedChunk): Promise<void> {
  const { senderId, msgId, span } = chunk
  try {
    const results = await sendChunk(deps, chunk)
    const end = { senderId, msgId, span, nextSlice: chunk.untilSlice, pauseMs: pauseAfter(results) }
    await finishForSure(deps, { results, chunk: end })
  } catch (error) {
    deps.log.error({ msgId, ...errorFields(error) }, 'push.chunk-failed')
    const end = { senderId, msgId, span, nextSlice: chunk.nextSlice, pauseMs: PAUSE_MS }
    await finishForSure(deps, { results: [], chunk: end })
  }
}

async function sendChunk(deps: PushWorkDeps, chunk: ClaimedChunk): Promise<SendResult[]> {
  const begunAt = deps.clock.monotonic()
  const now: Now = () => chunk.now + deps.clock.monotonic() - begunAt
  const app = await deps.apps.find(chunk.appKey)
  const message = (await readMessages(deps.database, [chunk.msgId])).get(chunk.msgId)
  if (!app || !message || chunk.audience === null || now() >= chunk.expiresAt) return []
  const { senderId } = chunk
  const common = {
    senderId,
    app,
    message,
    expiresAt: expiryOf(chunk, message.push.options.timeToLiveSeconds),
  }
  const audience = restoreAudience(chunk.audience)
  const bounds = boundsOf(chunk.nextSlice, chunk.untilSlice)
  const results: SendResult[] = []
  for (let after: string | undefined = bounds.after; after !== undefined; ) {
    const { platforms } = message.push
    const range = { ...bounds, after, candidatesMax: CANDIDATES_MAX }
    const page = await pageAudience(deps, { appKey: chunk.appKey, audience, platforms, ...range })
    const deliveries = page.recipients.map((recipient) => deliveryOf(recipient, common))
    for (const result of await Promise.all(await deliverAll(deps, deliveries, now))) results.push(result)
    after = page.next
  }
  return results
}

/** A push that is spread waits for each user from the moment of its chunk on. */
function expiryOf({ spreadMs, expiresAt, now }: ClaimedChunk, timeToLiveSeconds: number): number {
  return spreadMs === 0 ? expiresAt : Math.min(expiresAt, now + Math.max(30, timeToLiveSeconds) * 1_000)
}

function deliveryOf(
  { tokenChangedAt: _, ...recipient }: Recipient,
  common: Pick<Delivery, 'senderId' | 'app' | 'message' | 'expiresAt'>,
): Delivery {
  return { ...recipient, ...common, alias: null, attempts: 0, isConnected: false, isUrgent: false }
}

/** A channel that puts off most of a chunk is in trouble: filling the database with what it puts off would help nobody. */
function pauseAfter(results: readonly SendResult[]): number {
  const delays = results.flatMap(({ end }) => (end.kind === 'later' && end.isByChannel ? [end.delayMs] : []))
  if (delays.length < 10 || delays.length * 2 < results.length) return 0
  return delays.reduce((longest, delay) => Math.min(PAUSE_MAX_MS, Math.max(longest, delay)), PAUSE_MS)
}
