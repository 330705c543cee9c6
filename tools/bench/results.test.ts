import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markdownTable, percentile, type Result, terminalTable, verdict, withResults } from './results.ts'

const result: Result = { engine: 'sqlite', what: 'deletions', value: 12_000, unit: '/s', goal: 15_000 }

test('a percentile is the nearest rank, and of nothing it is no number', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(percentile(values, 0.5), 50)
  assert.equal(percentile(values, 0.99), 99)
  assert.equal(percentile([7], 0.99), 7)
  assert.ok(Number.isNaN(percentile([], 0.99)))
})

test('a rate should reach its goal and a time should stay within it', () => {
  assert.equal(verdict(result), 'missed by 20 %')
  assert.equal(verdict({ ...result, value: 15_000 }), 'met by 0 %')
  assert.equal(verdict({ value: 40, unit: 'ms', goal: 50 }), 'met by 20 %')
  assert.equal(verdict({ value: 51, unit: 'ms', goal: 50 }), 'missed by 2 %')
  assert.equal(verdict({ value: 51, unit: 'ms' }), '')
})

test('figures stand in columns', () => {
  const [head, row] = terminalTable([result]).split('\n')
  assert.equal(head, 'Engine  Measured     Result        Goal  Verdict         Beside it')
  assert.equal(row, 'SQLite  deletions  12,000/s  ≥ 15,000/s  missed by 20 %')
  assert.match(markdownTable([result]), /^\| SQLite \| deletions \| 12,000\/s \|/m)
})

test('results replace those that stood between the markers, and nothing else', () => {
  const page = withResults('# Benchmarks\n\nBefore.\n', 'first')
  const written = withResults(`${page}\nAfter.\n`, 'second')
  assert.match(written, /^# Benchmarks\n\nBefore\.\n\n<!-- results: begin\..*-->\n\nsecond\n\n<!-- /)
  assert.match(written, /\nAfter\.\n$/)
  assert.doesNotMatch(written, /first/)
})
