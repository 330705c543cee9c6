import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIfMatch, versionTag } from './if-match.ts'

test('an entity tag of ours is its version, and a list is all of them', () => {
  const cases: [header: string | undefined, expected: unknown][] = [
    [undefined, undefined],
    ['*', 'any'],
    [' * ', 'any'],
    [versionTag(17), [17]],
    ['"1", "2"', [1, 2]],
    ['"1","2" , "3"', [1, 2, 3]],
  ]
  for (const [header, expected] of cases)
    assert.deepEqual(parseIfMatch(header), { ok: true, value: expected }, String(header))
})

test('a tag that is weak or of somebody else fits nothing', () => {
  for (const header of ['W/"1"', '"abc"', '""', '"0"', '"01"', '"1.5"', '"12345678901234567"', '"1,2"'])
    assert.deepEqual(parseIfMatch(header), { ok: true, value: [] }, header)
  assert.deepEqual(parseIfMatch('W/"1", "2"'), { ok: true, value: [2] })
})

test('what is no list of entity tags is refused', () => {
  for (const header of [
    '',
    '1',
    "'1'",
    '"1',
    '1"',
    '"1" "2"',
    '"1",',
    ',"1"',
    '*, "1"',
    'w/"1"',
    '"a b"',
    '"1"'.repeat(400),
  ])
    assert.equal(parseIfMatch(header).ok, false, header)
})
