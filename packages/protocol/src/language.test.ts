import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseLanguage } from './language.ts'

test('a language comes out in canonical form', () => {
  for (const [given, canonical] of [
    ['EN-us', 'en-US'],
    ['zh-hans-cn', 'zh-Hans-CN'],
    ['iw', 'he'],
    ['de', 'de'],
  ] as const) {
    assert.deepEqual(parseLanguage(given), { ok: true, value: canonical })
  }
})

test('what is no language tag is refused', () => {
  for (const text of [
    '',
    'x',
    'en_US',
    'a-language-of-mine',
    'en-',
    'de,en',
    '*',
    `en-${'x-a'.repeat(40)}`,
  ]) {
    assert.equal(parseLanguage(text).ok, false, text)
  }
})

test('parsing twice changes nothing', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{2,3}(-[A-Za-z]{4})?(-[A-Za-z]{2})?$/), (text) => {
      const parsed = parseLanguage(text)
      if (parsed.ok) assert.deepEqual(parseLanguage(parsed.value), parsed)
    }),
  )
})
