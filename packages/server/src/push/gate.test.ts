import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { createGate, type Looks } from './gate.ts'
import type { LookOutput } from './last-look.ts'

/** Each look takes so many milliseconds and sees this. */
function gateWith(clock: FakeClock, seen: readonly { tookMs: number; output?: LookOutput }[]) {
  const looks: Looks = {}
  const standing = { maySend: true }
  let count = 0
  const gate = createGate(
    {
      clock,
      deadlines: { next: () => new AbortController().signal },
      sender: { maySendAs: () => standing.maySend },
      lastLook: async () => {
        const { tookMs, output = 'go' } = seen[count++] ?? assert.fail('it looks too often')
        const askedAt = clock.monotonic()
        await clock.advance(tookMs)
        return { output, askedAt }
      },
    },
    {
      senderId: 'node',
      asked: { appKey: 'app', registrationId: 'alice' as RegistrationId, msgId: 1, token: null, alias: null },
      looks,
    },
  )
  return { gate, looks, standing, looksTaken: () => count }
}

test('a look that took too long is taken again, and then sees who was deleted meanwhile', async () => {
  const { gate, looks, looksTaken } = gateWith(new FakeClock(), [
    { tookMs: 2_000 },
    { tookMs: 10, output: 'gone' },
  ])
  assert.equal(await gate.confirm(), false)
  assert.deepEqual([looks.last, looksTaken()], ['gone', 2])
})

test('where every look takes too long nothing is sent, and what they saw does not count', async () => {
  const slow = { tookMs: 400 }
  const { gate, looks, looksTaken } = gateWith(new FakeClock(), [slow, slow, slow])
  assert.equal(await gate.confirm(), false)
  assert.deepEqual([looks.last, looksTaken()], [undefined, 3])
})

test('what was confirmed holds for a moment until it leaves, and for long once it has begun', async () => {
  const clock = new FakeClock()
  const { gate, standing } = gateWith(clock, [{ tookMs: 300 }])
  assert.equal(await gate.confirm(), true)
  await clock.advance(399)
  assert.deepEqual([gate.holds(false), gate.holds(true)], [true, true])
  await clock.advance(1)
  assert.deepEqual([gate.holds(false), gate.holds(true)], [false, true])
  standing.maySend = false
  assert.equal(gate.holds(true), false)
})
