import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Push, PushContent, PushOptions } from '@lethe/protocol/push.ts'
import fc from 'fast-check'
import type { Token } from '../../kernel/personal.ts'
import type { RenderInput } from '../channel.ts'
import { violationOf } from './fake-message.ts'
import { fcmBody, renderFcm } from './payload.ts'

const options: PushOptions = {
  timeToLiveSeconds: 60,
  bigPushMinutes: 0,
  languages: [],
  channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
  classification: 'operational',
}

interface Case {
  readonly android?: Extract<PushContent, { kind: 'notification' }>['android']
  readonly web?: Extract<PushContent, { kind: 'notification' }>['web']
  readonly message?: Omit<Extract<PushContent, { kind: 'message' }>, 'kind'>
  readonly options?: Partial<PushOptions>
  readonly input?: Partial<RenderInput>
}

function inputOf({ android, web, message, options: more, input }: Case): RenderInput {
  const platform = web ? 'web' : 'android'
  const content: PushContent = message
    ? { kind: 'message', ...message }
    : { kind: 'notification', ...(android && { android }), ...(web && { web }) }
  const push: Push = { platforms: [platform], content, options: { ...options, ...more } }
  return { msgId: 4711, platform, push, language: null, collapseId: 'c1', overriddenMsgId: null, ...input }
}

function messageOf(of: Case) {
  const body = JSON.parse(fcmBody(renderFcm(inputOf(of)), 'token-1' as Token, 123).toString())
  assert.equal(violationOf(body), undefined)
  return body.message
}

const lethe = (fields: object) => JSON.stringify({ v: 1, kind: 'notification', tag: 'c1', ...fields })
const plain = { lethe_msg_id: '4711', lethe: lethe({}) }
const alert = { body: 'Body' }

test('a notification of Android with everything that FCM has a field for', () => {
  const android = {
    alert: { title: 'Title', body: 'Body' },
    channelId: 'orders',
    priority: 1,
    smallIcon: 'ic_bell',
    sound: 'ding',
    bigPicPath: 'https://site.example/big.png',
    badge: { set: 3 },
  }
  assert.deepEqual(messageOf({ android }), {
    token: 'token-1',
    android: {
      ttl: '123s',
      priority: 'HIGH',
      notification: {
        title: 'Title',
        body: 'Body',
        tag: 'c1',
        channel_id: 'orders',
        notification_priority: 'PRIORITY_HIGH',
        notification_count: 3,
        icon: 'ic_bell',
        sound: 'ding',
        image: 'https://site.example/big.png',
      },
    },
    data: plain,
  })
})

test('what FCM has no field for goes to the app as fields by the names of the push API', () => {
  const android = {
    alert,
    builderId: 1,
    category: 'social',
    style: 2,
    bigText: 'long',
    inbox: { a: 'one' },
    bigPicPath: '/sdcard/big.png',
    largeIcon: 'large',
    smallIcon: 'https://site.example/icon.png',
    badge: { change: 2 },
    badgeClass: 'com.example.Main',
    groupId: 'g',
    isFolded: false,
    isShownInForeground: false,
    intentUrl: 'app://orders/7',
  }
  const { android: config, data } = messageOf({ android, input: { overriddenMsgId: 4000 } })
  assert.deepEqual(config.notification, { body: 'Body', tag: 'c1' })
  assert.deepEqual(JSON.parse(data.lethe), {
    v: 1,
    kind: 'notification',
    tag: 'c1',
    override_msg_id: 4000,
    builder_id: 1,
    category: 'social',
    style: 2,
    big_text: 'long',
    inbox: { a: 'one' },
    big_pic_path: '/sdcard/big.png',
    large_icon: 'large',
    small_icon: 'https://site.example/icon.png',
    badge_add_num: 2,
    badge_class: 'com.example.Main',
    group_id: 'g',
    is_fold: false,
    display_foreground: '0',
    intent: { url: 'app://orders/7' },
  })
})

test('texts of the app are named by their keys', () => {
  const keys = { titleLocKey: 'T', titleLocArgs: ['a'], locKey: 'B', locArgs: ['b', 'c'] }
  assert.deepEqual(messageOf({ android: { alert: keys } }).android.notification, {
    title_loc_key: 'T',
    title_loc_args: ['a'],
    body_loc_key: 'B',
    body_loc_args: ['b', 'c'],
    tag: 'c1',
  })
})

test('without a text nothing is shown, and the app gets the data with normal priority', () => {
  for (const silent of [{}, { body: '' }, { title: 'Title' }])
    assert.deepEqual(messageOf({ android: { alert: silent, extras: { a: 'b' } } }), {
      token: 'token-1',
      android: { ttl: '123s', priority: 'NORMAL' },
      data: { a: 'b', ...plain },
    })
})

const priorities: [given: number | undefined, delivery: string, shown: string | undefined][] = [
  [undefined, 'HIGH', undefined],
  [-2, 'NORMAL', 'PRIORITY_MIN'],
  [-1, 'NORMAL', 'PRIORITY_LOW'],
  [0, 'HIGH', 'PRIORITY_DEFAULT'],
  [1, 'HIGH', 'PRIORITY_HIGH'],
  [2, 'HIGH', 'PRIORITY_MAX'],
]

for (const [given, delivery, shown] of priorities) {
  test(`priority ${given ?? 'not given'}: ${delivery}, ${shown ?? 'no rank'}`, () => {
    const { android } = messageOf({ android: { alert, ...(given !== undefined && { priority: given }) } })
    assert.deepEqual([android.priority, android.notification.notification_priority], [delivery, shown])
  })
}

const intents: [url: string, action: string | undefined][] = [
  ['intent:#Intent;action=com.example.OPEN;component=com.example/com.example.Main;end', 'com.example.OPEN'],
  ['intent://orders/7#Intent;scheme=app;action=com.example.OPEN;end', 'com.example.OPEN'],
  ['intent:#Intent;component=com.example/com.example.Main;end', undefined],
  ['com.example.OPEN', 'com.example.OPEN'],
  ['app://orders/7', undefined],
]

for (const [intentUrl, action] of intents) {
  test(`a click on ${intentUrl} opens ${action ?? 'what the app decides'}`, () => {
    const { android, data } = messageOf({ android: { alert, intentUrl } })
    assert.equal(android.notification.click_action, action)
    assert.deepEqual(JSON.parse(data.lethe).intent, { url: intentUrl })
  })
}

test("FCM's own channel of the options wins over that of the notification", () => {
  const of = { android: { alert, channelId: 'a' }, options: { fcmChannelId: 'b' } }
  assert.equal(messageOf(of).android.notification.channel_id, 'b')
})

test('a badge of 0 is none to FCM and goes to the app', () => {
  const { android, data } = messageOf({ android: { alert, badge: { set: 0 } } })
  assert.equal(android.notification.notification_count, undefined)
  assert.equal(data.lethe, lethe({ badge_set_num: 0 }))
})

test('extras go as texts: those that are none as JSON', () => {
  const extras = { text: 'a "b"', number: 7, yes: true, nothing: null, list: [1], object: { a: { b: 1 } } }
  assert.deepEqual(messageOf({ android: { alert, extras } }).data, {
    text: 'a "b"',
    number: '7',
    yes: 'true',
    nothing: 'null',
    list: '[1]',
    object: '{"a":{"b":1}}',
    ...plain,
  })
})

for (const platform of ['android', 'web'] as const) {
  test(`${platform}: the texts stand in the language of the user`, () => {
    const block = { alert: { title: 'Hello', body: 'World' }, buttons: [] }
    const languages = [{ language: 'de', title: 'Hallo' }]
    const shown = (language: string | null) => {
      const message = messageOf({ [platform]: block, options: { languages }, input: { language } })
      const { title, body } = (message.android ?? message.webpush).notification
      return [title, body]
    }
    assert.deepEqual(shown('de-AT'), ['Hallo', 'World'])
    assert.deepEqual(shown('fr'), ['Hello', 'World'])
    assert.deepEqual(shown(null), ['Hello', 'World'])
  })
}

test('a message for the code of the app is data alone', () => {
  const message = { content: { a: [1] }, title: 'T', contentType: 'json', extras: { b: 2 } }
  assert.deepEqual(messageOf({ message }), {
    token: 'token-1',
    android: { ttl: '123s', priority: 'NORMAL' },
    data: {
      b: '2',
      lethe_msg_id: '4711',
      lethe: '{"v":1,"kind":"message","content":{"a":[1]},"title":"T","content_type":"json"}',
    },
  })
})

test('an empty message keeps its content', () => {
  assert.equal(messageOf({ message: { content: '' } }).data.lethe, '{"v":1,"kind":"message","content":""}')
})

test('a message that takes the place of another has a collapse key, and no other has', () => {
  const keyOf = (overriddenMsgId: number | null) =>
    messageOf({ message: { content: 'a' }, input: { overriddenMsgId } }).android.collapse_key
  assert.equal(keyOf(4000), 'c1')
  assert.equal(keyOf(null), undefined)
})

test('a notification of the web', () => {
  const web = {
    alert: { title: 'Title', body: 'Body' },
    url: 'https://site.example/orders',
    icon: 'https://site.example/icon.png',
    image: 'https://site.example/image.png',
    extras: { order: 1 },
    buttons: [
      { id: 'yes', text: 'Yes', icon: 'https://site.example/yes.png' },
      { id: 'no', text: 'No' },
    ],
  }
  assert.deepEqual(messageOf({ web }), {
    token: 'token-1',
    webpush: {
      headers: { TTL: '123' },
      notification: {
        title: 'Title',
        body: 'Body',
        tag: 'c1',
        icon: 'https://site.example/icon.png',
        image: 'https://site.example/image.png',
        actions: [
          { action: 'yes', title: 'Yes', icon: 'https://site.example/yes.png' },
          { action: 'no', title: 'No' },
        ],
      },
      fcm_options: { link: 'https://site.example/orders' },
    },
    data: { order: '1', ...plain },
  })
})

test('urls of the web that FCM does not open go to the worker of the site', () => {
  const buttons = [
    { id: 'yes', text: 'Yes', url: 'https://site.example/yes' },
    { id: 'no', text: 'No' },
  ]
  const { webpush, data } = messageOf({ web: { alert, url: '/orders', buttons } })
  assert.equal(webpush.fcm_options, undefined)
  assert.equal(
    data.lethe,
    lethe({ url: '/orders', buttons: [{ id: 'yes', url: 'https://site.example/yes' }] }),
  )
})

test('a message for the code of a site', () => {
  const message = { content: 'text' }
  assert.deepEqual(messageOf({ message, input: { platform: 'web' } }), {
    token: 'token-1',
    webpush: { headers: { TTL: '123' } },
    data: { lethe_msg_id: '4711', lethe: '{"v":1,"kind":"message","content":"text"}' },
  })
})

const reserved = [
  'from',
  'message_type',
  'collapse_key',
  'gcm',
  'google',
  'gcm.n.e',
  'google.ttl',
  'lethe',
  'lethe_msg_id',
]

for (const key of reserved) {
  test(`an extra with the key ${key} is refused`, () => {
    const extras = { [key]: 'a' }
    const cases: [string, Case][] = [
      ['notification.android.extras', { android: { alert, extras } }],
      ['notification.web.extras', { web: { alert, buttons: [], extras } }],
      ['message.extras', { message: { content: 'a', extras } }],
    ]
    for (const [name, of] of cases) {
      const { refusal } = renderFcm(inputOf(of))
      assert.equal(refusal?.error, 'parameterInvalid')
      assert.ok(refusal?.message.startsWith(`${name}: `))
    }
  })
}

test('an extra whose key only resembles a reserved one is taken', () => {
  for (const key of ['from_whom', 'google_id', 'gcmx', 'lethe_id', 'toString'])
    assert.equal(renderFcm(inputOf({ android: { alert, extras: { [key]: 'a' } } })).refusal, undefined, key)
})

test('keys and values together have 4096 bytes: one more is refused, and the message says how many there are', () => {
  // Every byte of the rest stands in the shortest notification.
  const used =
    'body'.length + 'tag'.length + 'c1'.length + 'lethe_msg_id4711'.length + 'lethe'.length + lethe({}).length
  const refusalOf = (bytes: number) =>
    renderFcm(inputOf({ android: { alert: { body: 'é'.repeat((bytes - used) / 2) } } })).refusal
  const even = used + ((4096 - used) & ~1)
  assert.equal(refusalOf(even), undefined)
  assert.deepEqual(refusalOf(even + 2), {
    ok: false,
    error: 'contentTooLarge',
    message: `notification.android: ${even + 2} bytes for FCM of at most 4096`,
  })
})

test('every token and every text arrive as they are, whatever stands in them', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const marked = fc.oneof(
    text,
    text.map((one) => `${one}@"@\\${one}`),
  )
  fc.assert(
    fc.property(marked, marked, fc.integer({ min: 0, max: 2_419_200 }), (token, body, ttlSeconds) => {
      const rendered = renderFcm(inputOf({ android: { alert: { title: 'T', body: `${body}.` } } }))
      const { message } = JSON.parse(fcmBody(rendered, token as Token, ttlSeconds).toString())
      assert.equal(message.token, token)
      assert.equal(message.android.ttl, `${ttlSeconds}s`)
      assert.equal(message.android.notification.body, `${body}.`)
    }),
  )
})
