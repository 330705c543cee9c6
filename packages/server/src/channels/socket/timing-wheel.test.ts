import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Timed, TimingWheel } from './timing-wheel.ts'

function item(name = 0): Timed & { readonly name: number } {
  return { name, dueTick: undefined, onDue: () => {} }
}

test('what is put in for a time comes out at that tick, and not one before', () => {
  const wheel = new TimingWheel()
  const one = item()
  wheel.add(one, 63)
  assert.deepEqual(wheel.advance(62), [])
  assert.deepEqual(wheel.advance(63), [one])
  assert.equal(one.dueTick, undefined)
  assert.deepEqual(wheel.advance(1_000), [])
})

test('a time-out that the wheel has no room for is a fault of the program', () => {
  const wheel = new TimingWheel()
  for (const ticks of [0, -1, 64, 1.5, Number.NaN]) assert.throws(() => wheel.add(item(), ticks), /once/)
})

test('a hand that stood still for long finds everything, and goes on from where it is', () => {
  const wheel = new TimingWheel()
  const [late, early] = [item(), item()]
  wheel.add(late, 50)
  wheel.add(early, 2)
  assert.deepEqual(wheel.advance(100_000), [early, late])
  wheel.add(early, 1)
  assert.deepEqual(wheel.advance(100_000), [])
  assert.deepEqual(wheel.advance(100_001), [early])
})

/** What the wheel must be like: due ticks in a map, looked through at every step. */
class Model {
  readonly due = new Map<number, number>()
  tick = 0

  advance(tick: number): number[] {
    this.tick = Math.max(tick, this.tick)
    const found = [...this.due].filter(([, dueTick]) => dueTick <= this.tick)
    for (const [name] of found) this.due.delete(name)
    return found.sort((one, other) => one[1] - other[1]).map(([, dueTick]) => dueTick)
  }
}

test('whatever is done to it, everything comes out once, in order, neither early nor late', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), name: fc.nat(9), ticks: fc.integer({ min: 1, max: 63 }) }),
    fc.record({ kind: fc.constant('remove' as const), name: fc.nat(9) }),
    fc.record({
      kind: fc.constant('advance' as const),
      by: fc.oneof(fc.nat(5), fc.integer({ min: -3, max: 300 })),
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [wheel, model] = [new TimingWheel(), new Model()]
      const items = Array.from({ length: 10 }, (_, name) => item(name))
      const dueTicks = new Map<Timed, number>()
      for (const one of steps) {
        if (one.kind === 'advance') {
          const came = wheel.advance(model.tick + one.by)
          const expected = model.advance(model.tick + one.by)
          assert.deepEqual(
            came.map((timed) => dueTicks.get(timed)),
            expected,
          )
          continue
        }
        const timed = items[one.name]
        assert.ok(timed)
        if (one.kind === 'remove') {
          wheel.remove(timed)
          model.due.delete(one.name)
        } else {
          wheel.add(timed, one.ticks)
          model.due.set(one.name, model.tick + one.ticks)
          dueTicks.set(timed, model.tick + one.ticks)
        }
      }
      assert.equal(wheel.advance(model.tick + 64).length, model.due.size)
    }),
  )
})
