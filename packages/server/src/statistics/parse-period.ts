/** Reads which days or months are asked for. All are those of UTC. */

import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'
import { userDaysMax, userMonthsMax } from '@lethe/protocol/statistics-limits.ts'
import { DAY_MS, utcDay } from '../kernel/utc-day.ts'

export interface Period {
  readonly timeUnit: 'DAY' | 'MONTH'
  readonly start: string
  /** Every day (`yyyy-MM-dd`) or month (`yyyy-MM`) that is asked for, in order. */
  readonly times: readonly string[]
}

/** `now`: milliseconds since the epoch, from which it is judged how far back the period begins. */
export function parsePeriod(
  query: { readonly time_unit: string; readonly start: string; readonly duration: string },
  now: number,
): Parsed<Period> {
  switch (query.time_unit.toUpperCase()) {
    case 'DAY':
      return parseDays(query, now)
    case 'MONTH':
      return parseMonths(query, now)
    case 'HOUR':
      return refused('time_unit: HOUR is not supported, users are counted by DAY and MONTH')
    default:
      return refused('time_unit: DAY or MONTH')
  }
}

function parseDays({ start, duration }: { start: string; duration: string }, now: number): Parsed<Period> {
  const count = parseCount(duration, userDaysMax)
  if (count === undefined) return refused(`duration: 1 to ${userDaysMax} days`)
  const startMs = Date.parse(`${start}T00:00:00Z`)
  // The 31st of April would be taken for the 1st of May.
  if (!/^\d{4}-\d\d-\d\d$/.test(start) || Number.isNaN(startMs) || utcDay(startMs) !== start)
    return refused('start: a day as yyyy-MM-dd')
  if (start < utcDay(now - userDaysMax * DAY_MS)) return refused(`start: at most ${userDaysMax} days back`)
  const times = Array.from({ length: count }, (_, index) => utcDay(startMs + index * DAY_MS))
  return accepted({ timeUnit: 'DAY', start, times })
}

function parseMonths({ start, duration }: { start: string; duration: string }, now: number): Parsed<Period> {
  const count = parseCount(duration, userMonthsMax)
  if (count === undefined) return refused(`duration: 1 to ${userMonthsMax} months`)
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(start)) return refused('start: a month as yyyy-MM')
  if (start < monthAfter(utcDay(now), -userMonthsMax)) {
    return refused(`start: at most ${userMonthsMax} months back`)
  }
  const times = Array.from({ length: count }, (_, index) => monthAfter(start, index))
  return accepted({ timeUnit: 'MONTH', start, times })
}

function parseCount(text: string, countMax: number): number | undefined {
  const count = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY
  return count <= countMax ? count : undefined
}

/** The month so many months after that of `day`, as `yyyy-MM`. */
function monthAfter(day: string, months: number): string {
  return utcDay(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1 + months)).slice(0, 7)
}
