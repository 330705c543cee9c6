import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summaryOfRounds } from './rounds.ts'

test('rounds are counted, and of those that passed the times are told', () => {
  assert.equal(
    summaryOfRounds([30_000, 30_040, 45_500], 4),
    '3 of 4 rounds passed: shortest 30.0 s, mean 35.2 s, longest 45.5 s',
  )
  assert.equal(summaryOfRounds([], 4), '0 of 4 rounds passed')
})
