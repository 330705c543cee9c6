import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NotificationBody } from './notification.schemas.ts'
import { type NotificationInput, notifiedPlatforms, parseNotification } from './parse-notification.ts'
import type { NotificationContent } from './push.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'

type Wanted = NotificationInput['wanted']

function parsed(notification: NotificationBody, wanted: Wanted = 'all', options: PushOptionsBody = {}) {
  return parseNotification({ notification, wanted, options, where: '', optionsWhere: 'options.' })
}

function content(notification: NotificationBody, wanted: Wanted = 'all'): NotificationContent {
  const result = parsed(notification, wanted)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

function errorOf(notification: NotificationBody, wanted: Wanted = 'all', options: PushOptionsBody = {}) {
  const result = parsed(notification, wanted, options)
  return result.ok ? undefined : `${result.error} ${result.message}`
}

const url = 'https://shop.example'

test('a text for all platforms goes to every platform', () => {
  const alert = { body: 'Hi' }
  assert.deepEqual(content({ alert: 'Hi' }), {
    kind: 'notification',
    web: { alert, buttons: [] },
    android: { alert },
    ios: { alert },
    hmos: { alert },
  })
})

test("a platform's own text wins, also when it is empty", () => {
  const { android, ios, web } = content({
    alert: 'Hi',
    android: { alert: '' },
    ios: { alert: { title: 'T', body: 'B' } },
    web: { alert: 'W', url },
  })
  assert.deepEqual([android?.alert, ios?.alert, web?.alert], [{}, { title: 'T', body: 'B' }, { body: 'W' }])
})

test("a platform's own title stands above that of the text", () => {
  const { android, ios, web, hmos } = content({
    alert: { title: 'T', body: 'B' },
    android: { title: 'A' },
    web: { url, title: 'W' },
    hmos: { title: '' },
  })
  const titles = [android, ios, web, hmos].map((one) => one?.alert.title)
  assert.deepEqual(titles, ['A', 'T', 'W', 'T'])
})

test('all means the platforms that there is something for', () => {
  const reached = (notification: NotificationBody) => notifiedPlatforms(content(notification))
  assert.deepEqual(reached({ android: { alert: 'a' }, ios: { badge: 1 } }), ['android', 'ios'])
  assert.deepEqual(reached({ web: { alert: 'a', url } }), ['web'])
  // A browser could show none of these two.
  assert.deepEqual(reached({ alert: { 'loc-key': 'k' } }), ['android', 'ios', 'hmos'])
  assert.deepEqual(reached({ alert: '' }), ['android', 'ios', 'hmos'])
})

test('a block for a platform that was not named is left out', () => {
  assert.deepEqual(content({ alert: 'a', android: { title: 't' } }, ['ios']), {
    kind: 'notification',
    ios: { alert: { body: 'a' } },
  })
})

test('a named platform gets something or the push is refused', () => {
  const required = (platform: string) =>
    `parameterMissing notification.${platform} is required, or notification.alert for every platform`
  assert.equal(errorOf({ android: {} }, ['android', 'ios']), required('ios'))
  assert.equal(errorOf({}, ['android']), required('android'))
  assert.equal(errorOf({ web: { url } }, ['web']), required('web.alert'))
  assert.equal(errorOf({ web: { url, alert: '' } }), required('web.alert'))
  assert.equal(errorOf({ alert: '' }, ['web']), required('web'.concat('.alert')))
  assert.equal(errorOf({ hmos: {} }), required('hmos.alert'))
  assert.equal(errorOf({ hmos: { alert: '' } }), undefined)
  assert.equal(errorOf({}), 'parameterMissing notification.alert is required')
})

test('every field of Android arrives under its inner name', () => {
  const android = {
    alert: 'a',
    title: 't',
    builder_id: 1,
    channel_id: 'ch',
    priority: -2,
    category: 'cat',
    style: 3,
    big_text: 'bt',
    inbox: { line1: 'v1' },
    big_pic_path: 'p',
    extras: { a: [1] },
    intent: { url: 'i' },
    large_icon: 'li',
    small_icon: 'si',
    sound: 's',
    badge_add_num: 5,
    badge_class: 'bc',
    display_foreground: '0' as const,
    group_id: 'g',
    is_fold: false,
  }
  assert.deepEqual(content({ android }).android, {
    alert: { title: 't', body: 'a' },
    builderId: 1,
    channelId: 'ch',
    priority: -2,
    category: 'cat',
    style: 3,
    bigText: 'bt',
    inbox: { line1: 'v1' },
    bigPicPath: 'p',
    extras: { a: [1] },
    intentUrl: 'i',
    largeIcon: 'li',
    smallIcon: 'si',
    sound: 's',
    badge: { change: 5 },
    badgeClass: 'bc',
    isShownInForeground: false,
    groupId: 'g',
    isFolded: false,
  })
})

test('every field of iOS arrives under its inner name', () => {
  const ios = {
    alert: {
      title: 't',
      subtitle: 's',
      body: 'b',
      'launch-image': 'i',
      'title-loc-key': 'tk',
      'title-loc-args': ['1'],
      'subtitle-loc-key': 'sk',
      'subtitle-loc-args': ['2'],
      'loc-key': 'k',
      'loc-args': ['3'],
    },
    sound: { critical: 1, name: 'n', volume: 0.5 },
    badge: 0,
    'content-available': true,
    'mutable-content': false,
    category: 'c',
    extras: {},
    'thread-id': 'th',
    'interruption-level': 'passive' as const,
  }
  assert.deepEqual(content({ ios }).ios, {
    alert: {
      title: 't',
      subtitle: 's',
      body: 'b',
      launchImage: 'i',
      titleLocKey: 'tk',
      titleLocArgs: ['1'],
      subtitleLocKey: 'sk',
      subtitleLocArgs: ['2'],
      locKey: 'k',
      locArgs: ['3'],
    },
    sound: { isCritical: true, name: 'n', volume: 0.5 },
    badge: { set: 0 },
    isContentAvailable: true,
    isMutableContent: false,
    category: 'c',
    extras: {},
    threadId: 'th',
    interruptionLevel: 'passive',
  })
})

test('every field of HarmonyOS arrives under its inner name', () => {
  const hmos = {
    alert: 'a',
    title: 't',
    category: 'c',
    large_icon: 'l',
    intent: { url: 'i' },
    badge_add_num: 1,
    badge_set_num: 0,
    test_message: true,
    receipt_id: 'r',
    extras: { k: 'v' },
    style: 3 as const,
    inbox_content: ['1', '2'],
    push_type: 0 as const,
    extra_data: 'unused',
    display_foreground: '1' as const,
  }
  assert.deepEqual(content({ hmos }).hmos, {
    alert: { title: 't', body: 'a' },
    category: 'c',
    largeIcon: 'l',
    intentUrl: 'i',
    badge: { set: 0 },
    isTestMessage: true,
    receiptId: 'r',
    extras: { k: 'v' },
    inboxLines: ['1', '2'],
    isShownInForeground: true,
  })
})

test('every field of the web arrives with its buttons', () => {
  const web = { alert: 'a', title: 't', url, icon: 'i', image: 'p', extras: { k: 1 } }
  const result = parsed({ web }, ['web'], { web_buttons: [{ id: 'b', text: 'B' }] })
  assert.deepEqual(result.ok && result.value.web, {
    alert: { title: 't', body: 'a' },
    url,
    icon: 'i',
    image: 'p',
    extras: { k: 1 },
    buttons: [{ id: 'b', text: 'B' }],
  })
})

test('a badge is set, changed, cleared or left', () => {
  const cases = [
    [5, { set: 5 }],
    ['5', { set: 5 }],
    ['', { set: 0 }],
    ['+1', { change: 1 }],
    ['-2', { change: -2 }],
    ['+0', undefined],
  ] as const
  for (const [badge, expected] of cases) assert.deepEqual(content({ ios: { badge } }).ios?.badge, expected)
  assert.equal(content({ android: { badge_add_num: 0 } }).android?.badge, undefined)
})

test('the id of a notification channel has at most 1000 bytes', () => {
  assert.equal(errorOf({ android: { channel_id: 'ä'.repeat(500) } }), undefined)
  assert.equal(
    errorOf({ android: { channel_id: `a${'ä'.repeat(500)}` } }),
    'parameterInvalid notification.android.channel_id: 1001 bytes of at most 1000',
  )
})

test("the developer's data may not replace what Apple reads", () => {
  assert.match(errorOf({ ios: { extras: { aps: {} } } }) ?? '', /^parameterInvalid notification.ios.extras/)
  assert.equal(errorOf({ ios: { extras: { aps2: {} } } }), undefined)
})

test('calls and extended notifications of HarmonyOS are refused, and lines are needed to show lines', () => {
  for (const push_type of [2, 10] as const)
    assert.match(errorOf({ hmos: { alert: 'a', push_type } }) ?? '', /^parameterInvalid .*push_type/)
  for (const inbox_content of [undefined, []]) {
    const hmos = { alert: 'a', style: 3 as const, ...(inbox_content && { inbox_content }) }
    assert.match(errorOf({ hmos }) ?? '', /^parameterMissing .*inbox_content/)
  }
})

test('a way that is chosen needs a text somewhere', () => {
  const options = { third_party_channel: { distribution_new: 'mtpush' } }
  for (const notification of [{ android: {} }, { alert: '' }, { alert: '', android: { alert: '' } }])
    assert.match(errorOf(notification, ['android'], options) ?? '', /^distributionWithoutAlert/)
  assert.equal(errorOf({ android: { alert: 'a' } }, ['android'], options), undefined)
})

test('buttons need the web', () => {
  const options = { web_buttons: [{ id: 'a', text: 'b' }] }
  assert.match(errorOf({ alert: 'a' }, ['android'], options) ?? '', /^parameterInvalid options.web_buttons/)
  assert.equal(errorOf({ alert: 'a' }, 'all', options), undefined)
})
