/** Adds up the counters of days to what is asked for. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { UserStatisticsAnswer } from '@lethe/protocol/statistics.schemas.ts'
import type { Period } from './parse-period.ts'
import type { UserDayRow } from './read-statistics.store.ts'

/** The days whose counters belong to the period: from the first of the first to the last that a month may have. */
export function daysOf({ timeUnit, start, times }: Period): {
  readonly first: string
  readonly last: string
} {
  const end = times.at(-1) ?? start
  return timeUnit === 'DAY' ? { first: start, last: end } : { first: `${start}-01`, last: `${end}-31` }
}

type Item = UserStatisticsAnswer['items'][number]

/** Gives every time an item, also where nobody was there. */
export function userStatistics(
  { timeUnit, start, times }: Period,
  rows: readonly UserDayRow[],
): UserStatisticsAnswer {
  const byTime = Map.groupBy(rows, ({ day }) => (timeUnit === 'DAY' ? day : day.slice(0, 7)))
  return {
    TimeUnit: timeUnit,
    start,
    duration: times.length,
    items: times.map((time) => itemOf(time, byTime.get(time) ?? [])),
  }
}

function itemOf(time: string, rows: readonly UserDayRow[]): Item {
  const of = (platform: Platform) => {
    const ofPlatform = rows.filter((row) => row.platform === platform)
    const active = ofPlatform.reduce((sum, row) => sum + row.active_count, 0)
    return { new: ofPlatform.reduce((sum, row) => sum + row.new_count, 0), active, online: active }
  }
  return { time, android: of('android'), ios: of('ios'), hmos: of('hmos'), web: of('web') }
}
