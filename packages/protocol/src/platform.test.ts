import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePlatform, parsePlatformsQuery, platforms } from './platform.ts'

test('absent, empty and all mean every platform', () => {
  for (const query of [undefined, '', 'all', [], [''], ',', 'all,ios', ['web', 'all']]) {
    assert.deepEqual(parsePlatformsQuery(query), { ok: true, value: ['web', 'android', 'ios', 'hmos'] })
  }
})

test('joined by commas, repeated or both, the same platforms give the same result', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...platforms), { minLength: 1 }), (names) => {
      const joined = parsePlatformsQuery(names.join(','))
      assert.deepEqual(parsePlatformsQuery(names), joined)
      assert.deepEqual(joined, { ok: true, value: platforms.filter((platform) => names.includes(platform)) })
    }),
  )
})

test('an unknown name among known ones is refused', () => {
  for (const query of ['windows', 'android,windows', ['ios', 'Android'], 'android, ios', 'toString']) {
    assert.deepEqual(parsePlatformsQuery(query), {
      ok: false,
      reason: 'the platform is one of web, android, ios, hmos, or all',
    })
  }
})

test('one platform is one of four names', () => {
  assert.deepEqual(parsePlatform('hmos'), { ok: true, value: 'hmos' })
  assert.equal(parsePlatform('all').ok, false)
  assert.equal(parsePlatform('').ok, false)
})
