import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RegistrationId } from '../kernel/personal.ts'
import { InFlight } from './in-flight.ts'
import { Slots } from './slots.ts'

test('places that come free go to single pushes before those to many, each in turn', async () => {
  const slots = new Slots(1)
  assert.equal(slots.take(false), undefined)
  const order: string[] = []
  const wait = (name: string, isUrgent: boolean) => slots.take(isUrgent)?.then(() => order.push(name))
  const all = [wait('many 1', false), wait('single 1', true), wait('many 2', false), wait('single 2', true)]
  for (let count = 0; count < 4; count++) slots.give()
  await Promise.all(all)
  assert.deepEqual(order, ['single 1', 'single 2', 'many 1', 'many 2'])
})

test('a channel is drained once its last place has come back', async () => {
  const slots = new Slots(2)
  assert.equal(slots.take(false), undefined)
  assert.equal(slots.take(false), undefined)
  let isDrained = false
  const drained = slots.drained().then(() => {
    isDrained = true
  })
  slots.give()
  await Promise.resolve()
  assert.equal(isDrained, false)
  slots.give()
  await drained
  await slots.drained()
})

test('whoever watches a user hears of the end of the last of several sends, and of nothing where nothing is in flight', () => {
  const inFlight = new InFlight()
  const user = { appKey: 'app', registrationId: 'user' as RegistrationId }
  const ended: string[] = []
  assert.equal(
    inFlight.watch(user, () => ended.push('early')),
    false,
  )
  inFlight.enter(user)
  inFlight.enter(user)
  assert.equal(
    inFlight.watch(user, () => ended.push('one')),
    true,
  )
  assert.equal(
    inFlight.watch(user, () => ended.push('other')),
    true,
  )
  inFlight.leave(user)
  assert.deepEqual(ended, [])
  inFlight.leave(user)
  assert.deepEqual(ended, ['one', 'other'])
  assert.equal(inFlight.size, 0)
})
