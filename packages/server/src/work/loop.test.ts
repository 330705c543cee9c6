import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock, settled } from '../../test/support/fake-clock.ts'
import { retryDelayMs, startLoop } from './loop.ts'

const POLL_MS = 1_000

/** A loop whose runs end as `outcomes` says, then as `done`. */
async function start(outcomes: ('more' | 'done' | Error)[] = [], gatherMs = 0) {
  const clock = new FakeClock()
  const seen = { runs: 0, failures: [] as unknown[] }
  const gate: { wait?: Promise<void> } = {}
  const loop = startLoop({
    clock,
    pollMs: POLL_MS,
    gatherMs,
    run: async () => {
      seen.runs++
      await gate.wait
      const outcome = outcomes.shift() ?? 'done'
      if (outcome instanceof Error) throw outcome
      return outcome
    },
    onFailure: (error) => seen.failures.push(error),
  })
  await settled()
  return { clock, seen, loop, gate }
}

test('runs at once, and then when a poll is due', async () => {
  const { clock, seen, loop } = await start()
  assert.equal(seen.runs, 1)
  await clock.advance(POLL_MS - 1)
  assert.equal(seen.runs, 1)
  await clock.advance(1)
  assert.equal(seen.runs, 2)
  await loop.stop()
})

test('runs on without a pause while there is more', async () => {
  const { seen, loop } = await start(['more', 'more', 'more'])
  assert.equal(seen.runs, 4)
  await loop.stop()
})

test('runs as soon as it is woken', async () => {
  const { seen, loop } = await start()
  loop.wake()
  await settled()
  assert.equal(seen.runs, 2)
  await loop.stop()
})

test('gathers what wakes it after a run that left nothing to do', async () => {
  const { clock, seen, loop } = await start(['more', 'done'], 50)
  assert.equal(seen.runs, 2)
  loop.wake()
  await clock.advance(49)
  loop.wake()
  await settled()
  assert.equal(seen.runs, 2)
  await clock.advance(1)
  assert.equal(seen.runs, 3)
  await loop.stop()
})

test('woken while it runs, it runs once more and no more than once', async () => {
  const { seen, loop, gate } = await start()
  const opened = Promise.withResolvers<void>()
  gate.wait = opened.promise
  loop.wake()
  await settled()
  assert.equal(seen.runs, 2)
  loop.wake()
  loop.wake()
  opened.resolve()
  await settled()
  assert.equal(seen.runs, 3)
  await loop.stop()
})

test('backs off twice as long after each failure in a row, up to ten seconds, and forgets it after a success', async () => {
  const failures = Array.from({ length: 9 }, (_, index) => new Error(`failure ${index}`))
  const { clock, seen, loop } = await start([...failures, 'done', new Error('again')])
  const pauses: (number | undefined)[] = []
  for (let failure = 0; failure < failures.length; failure++) {
    pauses.push(clock.nextMs)
    await clock.advance(clock.nextMs ?? 0)
  }
  assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
  assert.deepEqual(seen.failures, failures)
  assert.equal(clock.nextMs, POLL_MS)
  await clock.advance(POLL_MS)
  assert.equal(clock.nextMs, 100)
  await loop.stop()
})

test('woken while it backs off, it tries at once', async () => {
  const { seen, loop } = await start([new Error('a failure')])
  loop.wake()
  await settled()
  assert.equal(seen.runs, 2)
  await loop.stop()
})

test('woken while a run fails, it does not forget to look', async () => {
  const { clock, seen, loop, gate } = await start()
  const opened = Promise.withResolvers<void>()
  gate.wait = opened.promise.then(() => {
    throw new Error('a failure')
  })
  loop.wake()
  await settled()
  loop.wake()
  opened.resolve()
  delete gate.wait
  await settled()
  await clock.advance(100)
  assert.equal(seen.runs, 3)
  await loop.stop()
})

test('stop waits for the run that is under way, and nothing runs afterwards', async () => {
  const { clock, seen, loop, gate } = await start()
  const opened = Promise.withResolvers<void>()
  gate.wait = opened.promise
  loop.wake()
  await settled()
  let isStopped = false
  const stopping = loop.stop().then(() => {
    isStopped = true
  })
  await settled()
  assert.equal(isStopped, false)
  opened.resolve()
  await stopping
  loop.wake()
  await clock.advance(POLL_MS * 10)
  assert.equal(seen.runs, 2)
})

test('stop during "more" ends it, although there is more', async () => {
  const clock = new FakeClock()
  const loop = startLoop({
    clock,
    pollMs: POLL_MS,
    gatherMs: 0,
    run: async () => {
      await settled()
      return 'more'
    },
    onFailure: () => {},
  })
  await settled()
  await loop.stop()
})

test('a job that failed waits a second, then twice as long each time, and never longer than five minutes', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 8, 9, 50, 5_000].map(retryDelayMs),
    [1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000, 300_000],
  )
})
