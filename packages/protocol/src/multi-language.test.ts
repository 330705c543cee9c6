import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertIn, parseMultiLanguage, textFor } from './multi-language.ts'
import type { LanguageText } from './push.ts'

const languages: LanguageText[] = ['en', 'en-GB', 'zh-Hans', 'zh-Hant', 'pt-BR'].map((language) => ({
  language,
  content: language,
}))
const chosen = (language: string | undefined) => textFor(languages, language)?.language

test('texts are kept by canonical language, without those that are empty', () => {
  assert.deepEqual(
    parseMultiLanguage({
      EN: { title: 'T', content: '', ios_subtitle: 'S' },
      'zh-hans': { content: '你好' },
    }),
    {
      ok: true,
      value: [
        { language: 'en', title: 'T', iosSubtitle: 'S' },
        { language: 'zh-Hans', content: '你好' },
      ],
    },
  )
  assert.deepEqual(parseMultiLanguage({}), { ok: true, value: [] })
})

test('what is no language, has no text or is there twice is refused', () => {
  assert.equal(parseMultiLanguage({ en_US: { content: 'a' } }).ok, false)
  assert.equal(parseMultiLanguage({ '': { content: 'a' } }).ok, false)
  assert.equal(parseMultiLanguage({ en: {} }).ok, false)
  assert.equal(parseMultiLanguage({ en: { title: '', content: '' } }).ok, false)
  assert.equal(parseMultiLanguage({ en: { content: 'a' }, EN: { content: 'b' } }).ok, false)
})

test('a push has at most 200 languages', () => {
  const tags = Array.from({ length: 201 }, (_, number) => `en-x-${number}`)
  const body = (count: number) =>
    Object.fromEntries(tags.slice(0, count).map((tag) => [tag, { content: 'a' }]))
  assert.equal(parseMultiLanguage(body(200)).ok, true)
  assert.deepEqual(parseMultiLanguage(body(201)), {
    ok: false,
    reason: 'at most 200 languages, these are 201',
  })
})

test('a user gets the texts of the longest tag that begins the own one', () => {
  assert.equal(chosen('en-GB'), 'en-GB')
  assert.equal(chosen('en-GB-oxendict'), 'en-GB')
  assert.equal(chosen('en-US'), 'en')
  assert.equal(chosen('zh-Hans-SG'), 'zh-Hans')
  assert.equal(chosen('pt-PT'), undefined)
  assert.equal(chosen('de'), undefined)
  assert.equal(chosen(undefined), undefined)
  assert.equal(textFor([], 'en'), undefined)
})

test('a language without a script gets its usual one', () => {
  assert.equal(chosen('zh-CN'), 'zh-Hans')
  assert.equal(chosen('zh'), 'zh-Hans')
  assert.equal(chosen('zh-TW'), 'zh-Hant')
})

test('a translation replaces what it has and what would be looked up instead', () => {
  const alert = {
    title: 't',
    titleLocKey: 'tk',
    titleLocArgs: ['1'],
    subtitleLocKey: 'sk',
    body: 'b',
    locKey: 'k',
    launchImage: 'i',
  }
  assert.deepEqual(alertIn(alert, undefined), alert)
  assert.deepEqual(alertIn(alert, { language: 'de', content: 'B' }), {
    title: 't',
    titleLocKey: 'tk',
    titleLocArgs: ['1'],
    subtitleLocKey: 'sk',
    body: 'B',
    launchImage: 'i',
  })
  assert.deepEqual(alertIn(alert, { language: 'de', title: 'T', content: 'B', iosSubtitle: 'S' }), {
    title: 'T',
    subtitle: 'S',
    body: 'B',
    launchImage: 'i',
  })
})
