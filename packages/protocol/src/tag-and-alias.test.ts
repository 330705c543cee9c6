import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAlias, parseTag, parseTagsQuery } from './tag-and-alias.ts'

test('a tag of 40 bytes is accepted and one of 41 refused with limit and measure', () => {
  assert.deepEqual(parseTag('a'.repeat(40), 40), { ok: true, value: 'a'.repeat(40) })
  assert.deepEqual(parseTag('a'.repeat(41), 40), { ok: false, reason: 'the tag has 41 bytes of at most 40' })
})

test('a Chinese character counts three bytes', () => {
  assert.equal(parseAlias('中'.repeat(13), 40).ok, true)
  assert.deepEqual(parseAlias('中'.repeat(14), 40), {
    ok: false,
    reason: 'the alias has 42 bytes of at most 40',
  })
})

test('letters, marks and digits of any script and the characters of the client SDKs are accepted', () => {
  for (const tag of ['VIP_1', '中文', 'Überschrift', 'หมวดหมู่', 'e\u0301', '٣', '@!#$&*+=.|', 'a.b@c']) {
    assert.deepEqual(parseTag(tag, 40), { ok: true, value: tag })
  }
})

test('separators, quotes, controls, emoji and lone surrogates are refused', () => {
  for (const tag of [
    'a,b',
    'a/b',
    'a b',
    'a-b',
    'a?b',
    'a%b',
    "a'b",
    'a"b',
    'a\\b',
    'a\0b',
    'a\n',
    '😀',
    '\ud800',
    ' ',
  ]) {
    assert.equal(parseTag(tag, 40).ok, false, JSON.stringify(tag))
  }
  assert.deepEqual(parseTag('', 40), { ok: false, reason: 'the tag is empty' })
})

test('an accepted tag is what was sent and fits its limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 80 }), (text, bytesMax) => {
      const parsed = parseTag(text, bytesMax)
      if (parsed.ok) assert.ok(parsed.value === text && Buffer.byteLength(text) <= bytesMax)
      else assert.ok(text.length < 4 || !parsed.reason.includes(text))
    }),
  )
})

test('tags of a query come repeated, joined or both, and each counts once', () => {
  assert.deepEqual(parseTagsQuery(['a', 'b,c', 'a'], 40), { ok: true, value: ['a', 'b', 'c'] })
  assert.deepEqual(parseTagsQuery('a,b', 40), { ok: true, value: ['a', 'b'] })
  assert.equal(parseTagsQuery(undefined, 40).ok, false)
  assert.equal(parseTagsQuery('', 40).ok, false)
  assert.equal(parseTagsQuery('a,b c', 40).ok, false)
})

test('a thousand tags may be asked about and a thousand and one may not', () => {
  const tags = Array.from({ length: 1001 }, (_, number) => `t${number}`)
  assert.equal(parseTagsQuery(tags.slice(0, 1000), 40).ok, true)
  assert.deepEqual(parseTagsQuery(tags, 40), { ok: false, reason: 'at most 1000 tags, these are 1001' })
})
