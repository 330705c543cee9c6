import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS } from '../kernel/utc-day.ts'
import {
  askGuard,
  budgetOf,
  closeIfOver,
  deletedOf,
  type Guard,
  newGuard,
  openingOf,
  settle,
  usedOf,
} from './guard.ts'

const NOW = 1_700_000_000_000
const MINUTE_MS = 60_000

function guardOf(changes: Partial<Guard>): Guard {
  return { ...newGuard('app'), countedAt: NOW, ...changes }
}

function openFor(deletions: number, untilMs: number): Pick<Guard, 'opening'> {
  return { opening: { deletions, used: 0, openedAt: NOW, until: NOW + untilMs, isClosed: false } }
}

test('the budget is the greater of the minimum and the share, and without a fresh census the minimum', () => {
  const cases: [Partial<Guard>, number][] = [
    [{ users: 0 }, 100],
    [{ users: 1_009 }, 100],
    [{ users: 1_010 }, 101],
    [{ users: 5_000 }, 500],
    [{ users: 5_000, sharePercent: 20 }, 1_000],
    [{ users: 5_000, sharePercent: 0, minimum: 0 }, 0],
    [{ users: 5_000, minimum: 600 }, 600],
    [{ users: 5_000, countedAt: null }, 100],
    [{ users: 5_000, countedAt: NOW - 15 * MINUTE_MS }, 100],
    [{ users: 5_000, countedAt: NOW - 15 * MINUTE_MS + 1 }, 500],
  ]
  for (const [changes, expected] of cases)
    assert.equal(budgetOf(guardOf(changes), NOW), expected, JSON.stringify(changes))
})

test('the last of the budget is let through, the next is refused, and it trips once', () => {
  const spent = askGuard(guardOf({ users: 0 }), 99, NOW).guard
  const last = askGuard(spent, 1, NOW)
  assert.deepEqual([last.granted, last.events, last.aside.count], [1, [], 0])
  const beyond = askGuard(last.guard, 1, NOW)
  assert.deepEqual([beyond.granted, beyond.events, beyond.isCounted], [0, ['tripped'], true])
  assert.deepEqual(askGuard(beyond.guard, 1, NOW).events, [])
})

test('without a census nothing is said to be too many: the users are to be counted first', () => {
  const beyond = askGuard(guardOf({ countedAt: null }), 101, NOW)
  assert.deepEqual([beyond.granted, beyond.isCounted, beyond.events], [100, false, []])
})

test('a deletion counts for 24 hours, and at most a quarter of an hour and a little longer', () => {
  const start = NOW - (NOW % (15 * MINUTE_MS))
  const spent = askGuard(guardOf({}), 100, start).guard
  assert.equal(usedOf(spent, start + DAY_MS), 100)
  assert.equal(usedOf(spent, start + DAY_MS + 15 * MINUTE_MS + 5_000 - 1), 100)
  assert.equal(usedOf(spent, start + DAY_MS + 15 * MINUTE_MS + 5_000), 0)
})

test('an opening lets exactly its number through, after the budget, and closes when they are used', () => {
  const tripped = askGuard(guardOf({ users: 0 }), 101, NOW).guard
  const open = { ...tripped, ...openFor(10, MINUTE_MS) }
  const some = askGuard(open, 9, NOW + 1)
  assert.deepEqual([some.granted, some.events], [9, []])
  const rest = askGuard(some.guard, 5, NOW + 2)
  assert.deepEqual([rest.granted, rest.events], [1, ['closed']])
  const after = askGuard(rest.guard, 1, NOW + 3)
  assert.deepEqual([after.granted, after.events], [0, []])
  assert.equal(usedOf(after.guard, NOW + 3), 100)
})

test('an opening ends with its time, which is written down once', () => {
  const open = guardOf({ minimum: 0, ...openFor(10, MINUTE_MS) })
  assert.equal(askGuard(open, 1, NOW + MINUTE_MS - 1).granted, 1)
  const late = askGuard(open, 1, NOW + MINUTE_MS)
  assert.deepEqual([late.granted, late.events], [0, ['closed', 'tripped']])
  assert.equal(openingOf(late.guard, NOW), null)
  assert.deepEqual(closeIfOver(late.guard, NOW + MINUTE_MS).events, [])
})

test('what is set aside counts as used, and no more when it was given back', () => {
  const asked = askGuard(guardOf({ users: 1_000_000 }), 1, NOW)
  assert.equal(asked.aside.count, 256)
  assert.equal(usedOf(asked.guard, NOW), 257)
  assert.equal(deletedOf(asked.guard, NOW), 1)
  const settled = settle(asked.guard, { ...asked.aside, unused: 200 })
  assert.deepEqual([usedOf(settled, NOW), deletedOf(settled, NOW)], [57, 57])
})

test('parts are set aside while much is left, and one at a time is asked for near the end', () => {
  const asideWith = (minimum: number) => askGuard(guardOf({ minimum }), 1, NOW).aside.count
  assert.deepEqual([asideWith(6_400), asideWith(6_401), asideWith(1_000_000)], [0, 100, 256])
})

test('a guard that is off lets everything through and counts nothing', () => {
  const asked = askGuard(guardOf({ isOff: true, minimum: 0, sharePercent: 0 }), 7, NOW)
  assert.deepEqual([asked.granted, usedOf(asked.guard, NOW)], [7, 0])
  assert.deepEqual(settle(asked.guard, { ...asked.aside, unused: 1 }).slots, [])
})

test('whoever asks, in whatever portions, is never let through beyond budget and opening', () => {
  const step = fc.record({ wanted: fc.integer({ min: 1, max: 200 }), isReturned: fc.boolean() })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200_000 }),
      fc.integer({ min: 0, max: 200 }),
      fc.array(step, { maxLength: 200 }),
      (users, opened, steps) => {
        let guard = guardOf({ users, ...(opened > 0 ? openFor(opened, DAY_MS) : {}) })
        let through = 0
        for (const [index, { wanted, isReturned }] of steps.entries()) {
          const asked = askGuard(guard, wanted, NOW + index)
          through += asked.granted + (isReturned ? 0 : asked.aside.count)
          guard = isReturned
            ? settle(asked.guard, { ...asked.aside, unused: asked.aside.count })
            : asked.guard
        }
        assert.ok(through <= budgetOf(guard, NOW) + opened)
        const wanted = steps.reduce((sum, step) => sum + step.wanted, 0)
        assert.ok(through >= Math.min(wanted, budgetOf(guard, NOW) + opened))
      },
    ),
  )
})
