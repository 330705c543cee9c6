import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FCM_RATE, RateBucket } from './rate.ts'

test('a full bucket gives its burst at once, and what follows waits its turn', () => {
  const bucket = new RateBucket({ messagesPerMinute: 70, burst: 10 })
  const waits = Array.from({ length: 12 }, () => Math.round(bucket.takeMs(5_000)))
  assert.deepEqual(waits, [...Array(10).fill(0), 1_000, 2_000])
})

test('a message that comes when its turn has come does not wait, and one that comes just before does', () => {
  const bucket = new RateBucket({ messagesPerMinute: 61, burst: 1 })
  assert.equal(bucket.takeMs(0), 0)
  assert.equal(bucket.takeMs(1_000), 0)
  assert.equal(bucket.takeMs(1_999), 1)
})

test('a bucket that rested for a long time gives no more than its burst at once', () => {
  const bucket = new RateBucket({ messagesPerMinute: 70, burst: 10 })
  const waits = Array.from({ length: 11 }, () => bucket.takeMs(86_400_000))
  assert.equal(waits.filter((ms) => ms === 0).length, 10)
})

test('the quota of a project is what Google gives: 600,000 in a minute', () => {
  const bucket = new RateBucket(FCM_RATE)
  const leaves = Array.from({ length: 600_001 }, () => bucket.takeMs(0))
  const minutes = [leaves[599_999] ?? 0, leaves[600_000] ?? 0].map((ms) => ms / 60_000)
  assert.deepEqual(
    minutes.map((minute) => minute.toFixed(4)),
    ['1.0000', '1.0000'],
  )
})

test('whenever messages come, no minute holds more than its quota and nobody waits without need', () => {
  const rates = fc
    .record({ burst: fc.integer({ min: 1, max: 20 }), even: fc.integer({ min: 1, max: 100 }) })
    .map(({ burst, even }) => ({ burst, messagesPerMinute: burst + even }))
  const gapsMs = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 })), { maxLength: 400 })
  fc.assert(
    fc.property(rates, gapsMs, (rate, gaps) => {
      const bucket = new RateBucket(rate)
      let now = 0
      const leaves = gaps.map((gap) => {
        now += gap
        return now + bucket.takeMs(now)
      })
      for (const [index, leave] of leaves.entries()) {
        // A rounding error of a division is no message too many.
        const over = leaves[index + rate.messagesPerMinute]
        assert.ok(over === undefined || over - leave > 60_000 - 1e-3, 'a minute holds too many')
        const before = leaves[index - 1]
        assert.ok(before === undefined || leave >= before, 'one left before another that asked earlier')
      }
      if (leaves.length <= rate.burst) assert.ok(leaves.every((leave) => leave <= now))
    }),
    { numRuns: 300 },
  )
})
