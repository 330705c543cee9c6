/**
 * Counts the users that come and those that are there, by day. Counters of a day are the last rows that a transaction over
 * devices locks, after those of apps and in the order of their keys.
 */

import type { Platform } from '@lethe/protocol/platform.ts'
import { utcDay } from '../kernel/utc-day.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import type { WorkingDevice } from './working-set.ts'

/** A user is counted as new on the day of its birth, and as active on every day on which it was seen, once. */
export async function saveActivity(tx: Tx, devices: readonly WorkingDevice[]): Promise<void> {
  await countSeen(tx, devices.flatMap(seenOf))
}

/** A user who was seen, and when it was seen last before; null: never, since it is new. */
export interface SeenUser {
  readonly appKey: string
  readonly platform: Platform
  /** Milliseconds, both. */
  readonly seenAt: number
  readonly lastSeenAt: number | null
}

export async function countSeen(tx: Tx, users: readonly SeenUser[]): Promise<void> {
  const days = new Map<string, DayCount>()
  for (const user of users) {
    const day = dayToCount(user)
    if (day === undefined) continue
    const { appKey, platform, lastSeenAt } = user
    const key = `${appKey}\n${day}\n${platform}`
    const count = days.get(key) ?? { app_key: appKey, day, platform, new_count: 0, active_count: 0 }
    count.active_count++
    if (lastSeenAt === null) count.new_count++
    days.set(key, count)
  }
  await tx.query(COUNT_USERS, [...days.values()])
}

interface DayCount {
  readonly app_key: string
  readonly day: string
  readonly platform: Platform
  new_count: number
  active_count: number
}

function seenOf({ appKey, platform, before, isLive, seenAt }: WorkingDevice): SeenUser[] {
  if (!isLive || seenAt === null) return []
  return [{ appKey, platform, seenAt, lastSeenAt: before === null ? null : before.lastSeenAt }]
}

/** The day on which the user was seen, unless it was counted on it before. */
function dayToCount({ seenAt, lastSeenAt }: SeenUser): string | undefined {
  const day = utcDay(seenAt)
  return lastSeenAt === null || day > utcDay(lastSeenAt) ? day : undefined
}

const COUNT_USERS = statement()(
  'devices.count-users',
  { app_key: 'text', day: 'text', platform: 'text', new_count: 'bigint', active_count: 'bigint' },
  (q) => `insert into user_day (app_key, day, platform, new_count, active_count)
    select app_key, day, platform, new_count, active_count from ${q.input} where true
    order by app_key, day, platform
    on conflict (app_key, day, platform) do update set new_count = user_day.new_count + excluded.new_count,
      active_count = user_day.active_count + excluded.active_count`,
)
