/** A broadcast while users are deleted at random: what may arrive, and what may not. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BroadcastUser, BroadcastWorld } from './broadcast-world.ts'
import { inParallel, type Node, remove } from './nodes.ts'

export interface RaceOptions {
  readonly seed: number
  readonly deletions: number
  /** Over how long they are spread. */
  readonly spreadMs: number
  /** Nodes that take deletions. */
  readonly nodes: readonly Node[]
  /** How long the last erasure may take. */
  readonly erasedMsMax: number
  /** Whether a chunk may be repeated, because a node is taken for dead: on a busy machine a lease of three seconds can be over. */
  readonly mayRepeat?: boolean
}

export interface RaceReport {
  readonly arrived: number
  readonly twice: number
  readonly deletedThatGotIt: number
  readonly deletedThatDidNot: number
  readonly sentMs: number
  readonly erasedMs: number
}

/** Design section 1.2: a request that arrives later than this after the 200 must have been open before. */
const LATE_MS = 1_000

interface Deletion {
  readonly user: BroadcastUser
  readonly erasureId: string
  /** When the 200 was read. */
  readonly acceptedAt: number
}

export async function raceBroadcast(world: BroadcastWorld, options: RaceOptions): Promise<RaceReport> {
  const users = await world.liveUsers()
  const doomed = shuffled(users, options.seed).slice(0, options.deletions)
  const begunAt = performance.now()
  await world.push()
  const watching = watchErasures(world)
  const sending = world.sent(120_000).then(() => performance.now() - begunAt)
  const deletions = await inParallel(doomed, 16, async (user, index): Promise<Deletion> => {
    const dueAt = begunAt + (options.spreadMs * index) / doomed.length
    await sleep(Math.max(0, dueAt - performance.now()))
    const erasureId = await remove(options.nodes[index % options.nodes.length] as Node, user.id)
    return { user, erasureId, acceptedAt: performance.now() }
  })
  const sentMs = await sending
  const erasedAt = await watching.until(options.erasedMsMax)
  const report = judge(world, { users, deletions, erasedAt, mayRepeat: options.mayRepeat ?? false })
  return { ...report, sentMs, erasedMs: Math.max(...erasedAt.values()) - begunAt }
}

function judge(
  { arrivals }: BroadcastWorld,
  {
    users,
    deletions,
    erasedAt,
    mayRepeat,
  }: {
    users: readonly BroadcastUser[]
    deletions: readonly Deletion[]
    erasedAt: ReadonlyMap<string, number>
    mayRepeat: boolean
  },
): Pick<RaceReport, 'arrived' | 'twice' | 'deletedThatGotIt' | 'deletedThatDidNot'> {
  const deleted = new Set(deletions.map(({ user }) => user.token))
  for (const { token } of users) {
    const count = arrivals.get(token)?.length ?? 0
    if (!deleted.has(token)) assert.ok(count >= 1, 'a live user did not get the message')
    assert.ok(count <= (mayRepeat ? 2 : 1), `a user got the message ${count} times`)
  }
  for (const { user, erasureId, acceptedAt } of deletions) {
    for (const openedAt of arrivals.get(user.token) ?? []) {
      const erased = erasedAt.get(erasureId) ?? 0
      assert.ok(
        openedAt < erased,
        `a request came ${Math.round(openedAt - erased)} ms after the user was erased`,
      )
      const late = Math.round(openedAt - acceptedAt)
      assert.ok(late < LATE_MS, `a request came ${late} ms after the deletion was answered`)
    }
  }
  const got = deletions.filter(({ user }) => arrivals.has(user.token)).length
  const twice = [...arrivals.values()].filter((times) => times.length > 1).length
  return { arrived: arrivals.size, twice, deletedThatGotIt: got, deletedThatDidNot: deletions.length - got }
}

/** Notes when each erasure first read as erased. */
function watchErasures({ ask }: Pick<BroadcastWorld, 'ask'>) {
  const seen = new Map<string, number>()
  let isOver = false
  const looking = (async () => {
    while (!isOver) {
      const rows = await ask<{ erasure_id: string }>(`select erasure_id from erasure where state = 'erased'`)
      const now = performance.now()
      for (const { erasure_id } of rows) if (!seen.has(erasure_id)) seen.set(erasure_id, now)
      await sleep(50)
    }
  })()
  return {
    until: async (timeoutMs: number) => {
      const deadline = performance.now() + timeoutMs
      const open = async () =>
        (await ask(`select 1 as one from erasure where state <> 'erased' limit 1`)).length
      while ((await open()) > 0) {
        assert.ok(performance.now() < deadline, `erasures are not finished after ${timeoutMs} ms`)
        await sleep(50)
      }
      await sleep(150)
      isOver = true
      await looking
      return seen
    },
  }
}

/** The same order for the same seed (mulberry32 and Fisher-Yates). */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const result = [...items]
  let state = seed >>> 0
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const item = result[index] as Item
    result[index] = result[other] as Item
    result[other] = item
  }
  return result
}
