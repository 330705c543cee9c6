import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundsOf, CHUNK_USERS, planSpans, SLICES } from './slices.ts'

const anyId = fc
  .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 32, maxLength: 32 })
  .map((all) => all.join(''))

test('spans go through every slice once, whatever the audience', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50_000_000 }), fc.boolean(), (users, isSpread) => {
      const spans = planSpans(users, isSpread)
      assert.equal(spans[0]?.start, 0)
      assert.equal(spans.at(-1)?.end, SLICES)
      for (const [index, { start, end, chunkSlices }] of spans.entries()) {
        assert.ok(start < end && chunkSlices >= 1)
        if (index > 0) assert.equal(start, spans[index - 1]?.end)
      }
    }),
  )
})

test('a chunk has about as many users as it should, and a push that is spread goes out in many', () => {
  for (const users of [10_000, 1_000_000, 20_000_000]) {
    const [span] = planSpans(users, false)
    const chunkUsers = (users / SLICES) * (span?.chunkSlices ?? 0)
    assert.ok(chunkUsers > CHUNK_USERS / 2 && chunkUsers <= CHUNK_USERS, `${chunkUsers} of ${users}`)
  }
  assert.equal(planSpans(100, false)[0]?.chunkSlices, SLICES)
  assert.ok((planSpans(100, true)[0]?.chunkSlices ?? SLICES) <= SLICES / 256)
})

test('every id is in exactly one of the ranges that meet', () => {
  fc.assert(
    fc.property(
      fc.oneof(anyId, fc.string({ minLength: 1, maxLength: 64 })),
      fc.array(fc.integer({ min: 1, max: SLICES - 1 }), { maxLength: 8 }),
      (id, cuts) => {
        const edges = [...new Set([0, ...cuts, SLICES])].sort((one, other) => one - other)
        const ranges = edges.slice(0, -1).map((from, index) => boundsOf(from, edges[index + 1] ?? SLICES))
        const holding = ranges.filter(
          ({ after, until }) => id > after && (until === undefined || id <= until),
        )
        assert.equal(holding.length, 1)
      },
    ),
  )
})
