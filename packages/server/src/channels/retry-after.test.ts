import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryAfterMs } from './retry-after.ts'

const nowMs = Date.UTC(2026, 0, 1)
const maxMs = 60_000
const read = (header: string | undefined) => retryAfterMs(header, { nowMs, maxMs })

test('seconds are read, up to the most that is waited for', () => {
  assert.deepEqual(['0', '59', '60', '61', '9'.repeat(400)].map(read), [0, 59_000, 60_000, 60_000, 60_000])
})

test('a date is read, and one that has passed means now', () => {
  const inMs = (ms: number) => new Date(nowMs + ms).toUTCString()
  assert.deepEqual([inMs(45_000), inMs(61_000), inMs(0), inMs(-45_000)].map(read), [45_000, 60_000, 0, 0])
})

test('what is neither says nothing', () => {
  assert.deepEqual([undefined, '', 'soon', '1.5e', 'ten seconds'].map(read), [null, null, null, null, null])
})
