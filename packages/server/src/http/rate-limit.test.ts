import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { RateLimiter } from './rate-limit.ts'

function clockAt(): Clock & { at: number } {
  const clock = { ...systemClock(), at: 0, monotonic: () => clock.at }
  return clock
}

test('a bucket gives its burst, and then what time brings', () => {
  const clock = clockAt()
  const limiter = new RateLimiter(clock)
  const rate = { perSecond: 2, burst: 3 }
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('a', rate)),
    [0, 0, 0, 1],
  )
  clock.at = 499
  assert.equal(limiter.take('a', rate), 1)
  clock.at = 500
  assert.equal(limiter.take('a', rate), 0)
  clock.at = 1_000_000
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('a', rate)),
    [0, 0, 0, 1],
  )
})

test('the wait is told in whole seconds', () => {
  const limiter = new RateLimiter(clockAt())
  assert.equal(limiter.take('a', { perSecond: 0.1, burst: 1 }), 0)
  assert.equal(limiter.take('a', { perSecond: 0.1, burst: 1 }), 10)
})

test('zero means no limit, and looking takes nothing', () => {
  const limiter = new RateLimiter(clockAt())
  for (let n = 0; n < 10; n++) assert.equal(limiter.take('a', { perSecond: 0, burst: 0 }), 0)
  const rate = { perSecond: 1, burst: 1 }
  assert.deepEqual([limiter.peek('b', rate), limiter.take('b', rate), limiter.peek('b', rate)], [0, 0, 1])
})

test('the number of buckets is bounded: the oldest makes room', () => {
  const limiter = new RateLimiter(clockAt(), 2)
  const rate = { perSecond: 1, burst: 1 }
  for (const caller of ['a', 'b', 'c']) limiter.take(caller, rate)
  assert.deepEqual([limiter.peek('a', rate), limiter.peek('b', rate), limiter.peek('c', rate)], [0, 1, 1])
})
