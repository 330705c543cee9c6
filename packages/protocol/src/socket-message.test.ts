import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import { NotificationBody } from './notification.schemas.ts'
import { parseNotification } from './parse-notification.ts'
import type { Platform } from './platform.ts'
import type { Push, PushContent, PushOptions } from './push.ts'
import { socketMessageOf } from './socket-message.ts'
import { webMessageOf } from './web-message.ts'

function inputOf(
  content: PushContent,
  {
    platform,
    language = null,
    ...options
  }: { platform: Platform; language?: string | null } & Partial<PushOptions>,
) {
  const push: Push = {
    platforms: [platform],
    content,
    options: {
      timeToLiveSeconds: 60,
      bigPushMinutes: 0,
      languages: [],
      channelOrder: { android: 'socketFirst', web: 'socketFirst' },
      classification: 'operational',
      ...options,
    },
  }
  return { msgId: 4711, push, language, collapseId: 'c1', platform }
}

/** The notification of one platform, as it goes out. */
function sent(platform: Platform, notification: NotificationBody, more: Partial<PushOptions> = {}) {
  assert.ok(Value.Check(NotificationBody, notification))
  const parsed = parseNotification({
    notification,
    options: {},
    wanted: [platform],
    where: '',
    optionsWhere: 'options.',
  })
  assert.ok(parsed.ok)
  return socketMessageOf({ ...inputOf(parsed.value, { platform, ...more }), language: 'de' })
}

const head = { v: 1, msg_id: '4711', tag: 'c1', kind: 'notification' }

test('a browser gets over its socket what a Web Push would carry', () => {
  const input = inputOf(
    { kind: 'notification', web: { alert: { title: 'T', body: 'B' }, buttons: [] } },
    { platform: 'web' },
  )
  assert.deepEqual(socketMessageOf(input), webMessageOf(input))
})

test('a message for the code of an app is the same on every platform', () => {
  for (const platform of ['web', 'android', 'ios', 'hmos'] as const) {
    const input = inputOf({ kind: 'message', content: { a: 1 }, contentType: 'json' }, { platform })
    assert.deepEqual(socketMessageOf(input), {
      ...head,
      kind: 'message',
      content: { a: 1 },
      content_type: 'json',
    })
  }
})

test('Android gets every field of its notification, under its name in the push API', () => {
  const fields = {
    builder_id: 1,
    channel_id: 'channel',
    priority: -1,
    category: 'category',
    style: 1,
    big_text: 'long',
    inbox: { line1: 'one' },
    big_pic_path: 'https://site.example/a.png',
    extras: { order: 1 },
    intent: { url: 'intent:#Intent;end' },
    large_icon: 'large',
    small_icon: 'small',
    sound: 'ding',
    badge_add_num: 2,
    badge_class: 'com.example.Main',
    display_foreground: '0',
    group_id: 'group',
    is_fold: true,
  } as const
  assert.deepEqual(sent('android', { android: { alert: 'Body', title: 'Title', ...fields } }), {
    ...head,
    title: 'Title',
    body: 'Body',
    ...fields,
  })
})

test('iOS gets every field of its notification, a change of the badge with its sign', () => {
  const alert = {
    title: 'T',
    subtitle: 'S',
    body: 'B',
    'title-loc-key': 'tk',
    'title-loc-args': ['a'],
    'subtitle-loc-key': 'sk',
    'subtitle-loc-args': ['b'],
    'loc-key': 'k',
    'loc-args': ['c'],
    'launch-image': 'image',
  }
  const fields = {
    'content-available': true,
    'mutable-content': true,
    category: 'category',
    'thread-id': 'thread',
    'interruption-level': 'active',
    extras: { order: 1 },
  } as const
  assert.deepEqual(
    sent('ios', {
      ios: { alert, sound: { critical: 1, name: 'siren', volume: 0.5 }, badge: '+2', ...fields },
    }),
    { ...head, ...alert, sound: { critical: 1, name: 'siren', volume: 0.5 }, badge: '+2', ...fields },
  )
  const badgeOf = (badge: string | number) =>
    (sent('ios', { ios: { alert: 'B', badge, sound: 'ding' } }) as { badge?: unknown }).badge
  assert.deepEqual([badgeOf('-1'), badgeOf('5'), badgeOf(0)], ['-1', 5, 0])
})

test('HarmonyOS gets every field of its notification', () => {
  const fields = {
    category: 'MARKETING',
    large_icon: 'https://site.example/a.png',
    intent: { url: 'action.system.home' },
    badge_set_num: 5,
    test_message: true,
    receipt_id: 'receipt',
    extras: { order: 1 },
    style: 3,
    inbox_content: ['one', 'two'],
    display_foreground: '1',
  } satisfies NotificationBody['hmos']
  assert.deepEqual(sent('hmos', { hmos: { alert: 'Body', title: 'Title', ...fields } }), {
    ...head,
    title: 'Title',
    body: 'Body',
    ...fields,
  })
})

test('an app is spoken to in the language of the user', () => {
  const languages = [{ language: 'de', title: 'Hallo' }]
  assert.deepEqual(sent('android', { android: { alert: 'World', title: 'Hello' } }, { languages }), {
    ...head,
    title: 'Hallo',
    body: 'World',
  })
})

test('a notification without anything for the platform is a fault of the caller', () => {
  const content: PushContent = { kind: 'notification', android: { alert: { body: 'B' } } }
  for (const platform of ['ios', 'hmos', 'web'] as const)
    assert.throws(() => socketMessageOf(inputOf(content, { platform })), /has no notification/)
})
