import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Push, PushContent, PushOptions } from './push.ts'
import { webMessageOf } from './web-message.ts'

const options: PushOptions = {
  timeToLiveSeconds: 60,
  bigPushMinutes: 0,
  languages: [],
  channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
  classification: 'operational',
}

function messageOf(
  content: PushContent,
  more: { languages?: PushOptions['languages']; language?: string } = {},
) {
  const push: Push = {
    platforms: ['web'],
    content,
    options: { ...options, languages: more.languages ?? [] },
  }
  return webMessageOf({ msgId: 4711, push, language: more.language ?? null, collapseId: 'c1' })
}

const common = { v: 1, msg_id: '4711', tag: 'c1' }

test('a notification arrives with everything that the web shows', () => {
  const web = {
    alert: { title: 'Title', body: 'Body' },
    url: 'https://site.example/',
    icon: 'https://site.example/icon.png',
    image: 'https://site.example/image.png',
    extras: { order: 1 },
    buttons: [{ id: 'yes', text: 'Yes', url: 'https://site.example/yes' }],
  }
  const { alert, ...rest } = web
  assert.deepEqual(messageOf({ kind: 'notification', web }), {
    ...common,
    kind: 'notification',
    ...alert,
    ...rest,
  })
})

test('what was not sent takes no room', () => {
  assert.equal(
    JSON.stringify(messageOf({ kind: 'notification', web: { alert: { body: 'Body' }, buttons: [] } })),
    '{"v":1,"msg_id":"4711","tag":"c1","kind":"notification","body":"Body"}',
  )
})

test('a notification stands in the language of the user, and in its own where that one is missing', () => {
  const content: PushContent = {
    kind: 'notification',
    web: { alert: { title: 'Hello', body: 'World' }, buttons: [] },
  }
  const languages = [{ language: 'de', title: 'Hallo' }]
  const shown = (language?: string) => {
    const message = messageOf(content, { languages, ...(language && { language }) })
    return [message.title, 'body' in message && message.body]
  }
  assert.deepEqual(shown('de-AT'), ['Hallo', 'World'])
  assert.deepEqual(shown('fr'), ['Hello', 'World'])
  assert.deepEqual(shown(), ['Hello', 'World'])
})

test('a message for the code of the site arrives as it was sent', () => {
  const content = {
    kind: 'message',
    content: { a: [1] },
    title: 'T',
    contentType: 'json',
    extras: { b: 2 },
  } as const
  assert.deepEqual(messageOf(content), {
    ...common,
    kind: 'message',
    content: { a: [1] },
    title: 'T',
    content_type: 'json',
    extras: { b: 2 },
  })
})

test('an empty message keeps its content, an empty text', () => {
  assert.deepEqual(messageOf({ kind: 'message', content: '', extras: { a: 1 } }), {
    ...common,
    kind: 'message',
    content: '',
    extras: { a: 1 },
  })
})

test('a push without anything for the web has no message for it', () => {
  assert.throws(
    () => messageOf({ kind: 'notification', android: { alert: { body: 'Body' } } }),
    /for the web/,
  )
})
