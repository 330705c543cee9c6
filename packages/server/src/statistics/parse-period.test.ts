import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePeriod } from './parse-period.ts'

const NOW = Date.parse('2026-03-01T23:59:59.999Z')

function parse(time_unit: string, start: string, duration: string): readonly string[] | string {
  const period = parsePeriod({ time_unit, start, duration }, NOW)
  return period.ok ? period.value.times : period.reason
}

test('days follow one another, over the ends of months and years', () => {
  assert.deepEqual(parse('DAY', '2026-02-27', '3'), ['2026-02-27', '2026-02-28', '2026-03-01'])
  assert.deepEqual(parse('day', '2026-12-31', '2'), ['2026-12-31', '2027-01-01'])
  assert.equal(parse('Day', '2026-01-01', '60').length, 60)
})

test('months follow one another, over the end of a year', () => {
  assert.deepEqual(parse('MONTH', '2026-02', '1'), ['2026-02'])
  assert.deepEqual(parse('month', '2026-12', '2'), ['2026-12', '2027-01'])
})

test('a period begins at most 60 days or 2 months back', () => {
  assert.deepEqual(parse('DAY', '2025-12-31', '1'), ['2025-12-31'])
  assert.equal(parse('DAY', '2025-12-30', '1'), 'start: at most 60 days back')
  assert.deepEqual(parse('MONTH', '2026-01', '1'), ['2026-01'])
  assert.equal(parse('MONTH', '2025-12', '1'), 'start: at most 2 months back')
})

test('a duration is a whole number from 1 to 60 days or 2 months', () => {
  for (const duration of ['0', '61', '-1', '1.5', '01', '', '1e1'])
    assert.equal(parse('DAY', '2026-03-01', duration), 'duration: 1 to 60 days', duration)
  for (const duration of ['0', '3'])
    assert.equal(parse('MONTH', '2026-03', duration), 'duration: 1 to 2 months')
})

test('a start fits its unit and is in the calendar', () => {
  for (const start of ['2026-02-30', '2026-02', '2026-3-01', '2026-03-01T00', 'today', '2026-13-01'])
    assert.equal(parse('DAY', start, '1'), 'start: a day as yyyy-MM-dd', start)
  for (const start of ['2026-00', '2026-13', '2026-03-01', '26-03'])
    assert.equal(parse('MONTH', start, '1'), 'start: a month as yyyy-MM', start)
})

test('users are counted by day and month only', () => {
  for (const unit of ['WEEK', '', 'days'])
    assert.equal(parse(unit, '2026-03-01', '1'), 'time_unit: DAY or MONTH')
  assert.match(String(parse('hour', '2026-03-01 12', '1')), /^time_unit: HOUR is not supported/)
})
