import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IosNotification, MessageContent, PushOptions } from '@lethe/protocol/push.ts'
import fc from 'fast-check'
import type { RenderInput } from '../channel.ts'
import { violationOf } from './fake-request.ts'
import { renderApns } from './payload.ts'

interface Case {
  readonly ios?: IosNotification
  readonly message?: Omit<MessageContent, 'kind'>
  readonly options?: Partial<PushOptions>
  readonly input?: Partial<RenderInput>
}

function inputOf({ ios, message, options, input }: Case): RenderInput {
  return {
    msgId: 4711,
    platform: 'ios',
    language: null,
    collapseId: '4711',
    overriddenMsgId: null,
    push: {
      platforms: ['ios'],
      content: message ? { kind: 'message', ...message } : { kind: 'notification', ...(ios && { ios }) },
      options: {
        timeToLiveSeconds: 60,
        bigPushMinutes: 0,
        languages: [],
        channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
        classification: 'operational',
        ...options,
      },
    },
    ...input,
  }
}

/** What is sent, after the fake has found nothing wrong with it. */
function rendered(of: Case) {
  const { payload, pushType, refusal, ...rest } = renderApns(inputOf(of))
  const headers = { 'apns-push-type': pushType, 'apns-priority': pushType === 'alert' ? '10' : '5' }
  assert.equal(violationOf({ token: 'ab'.repeat(32), headers, body: payload }), undefined)
  assert.equal(refusal, undefined)
  return { ...rest, pushType, ...JSON.parse(payload.toString()) }
}

const lethe = { v: 1, msg_id: '4711', kind: 'notification' }
const alert = { body: 'Body' }

const notifications: [title: string, ios: IosNotification, aps: object, pushType: string][] = [
  ['a text alone is a text', { alert }, { alert: 'Body' }, 'alert'],
  [
    'with a title it is an object',
    { alert: { title: 'Title', subtitle: 'Subtitle', body: 'Body', launchImage: 'start.png' } },
    { alert: { title: 'Title', subtitle: 'Subtitle', body: 'Body', 'launch-image': 'start.png' } },
    'alert',
  ],
  [
    'texts of the app are named',
    {
      alert: {
        titleLocKey: 'T',
        titleLocArgs: ['1'],
        subtitleLocKey: 'S',
        subtitleLocArgs: ['2'],
        locKey: 'B',
        locArgs: ['3'],
      },
    },
    {
      alert: {
        'title-loc-key': 'T',
        'title-loc-args': ['1'],
        'subtitle-loc-key': 'S',
        'subtitle-loc-args': ['2'],
        'loc-key': 'B',
        'loc-args': ['3'],
      },
    },
    'alert',
  ],
  [
    'everything that iOS has a word for',
    {
      alert,
      sound: 'ding.caf',
      badge: { set: 3 },
      isContentAvailable: true,
      isMutableContent: true,
      category: 'ORDER',
      threadId: 'orders',
      interruptionLevel: 'time-sensitive',
    },
    {
      alert: 'Body',
      badge: 3,
      sound: 'ding.caf',
      'content-available': 1,
      'mutable-content': 1,
      category: 'ORDER',
      'thread-id': 'orders',
      'interruption-level': 'time-sensitive',
    },
    'alert',
  ],
  [
    'a critical sound',
    { alert, sound: { isCritical: true, name: 'alarm.caf', volume: 0.5 } },
    { alert: 'Body', sound: { critical: 1, name: 'alarm.caf', volume: 0.5 } },
    'alert',
  ],
  [
    'a sound that is not critical, nor named',
    { alert, sound: { isCritical: false } },
    { alert: 'Body', sound: { critical: 0, name: 'default' } },
    'alert',
  ],
  ['a badge of nothing clears it', { alert: {}, badge: { set: 0 } }, { badge: 0 }, 'alert'],
  ['a sound without a text', { alert: {}, sound: 'ding.caf' }, { sound: 'ding.caf' }, 'alert'],
  ['nothing to show goes to the app alone', { alert: {} }, { 'content-available': 1 }, 'background'],
  [
    'an image without a text shows nothing',
    { alert: { launchImage: 'start.png' }, category: 'ORDER' },
    { 'content-available': 1 },
    'background',
  ],
]
for (const [title, ios, aps, pushType] of notifications)
  test(`a notification: ${title}`, () => {
    assert.deepEqual(rendered({ ios }), {
      msgId: 4711,
      collapseId: '4711',
      environment: 'production',
      pushType,
      aps,
      lethe,
    })
  })

test('a change of the badge is left to the app, since Apple knows none', () => {
  const badged = (change: number) => rendered({ ios: { alert, badge: { change } } })
  assert.deepEqual(badged(1).aps, { alert: 'Body' })
  assert.deepEqual(badged(1).lethe, { ...lethe, badge: '+1' })
  assert.deepEqual(badged(-2).lethe, { ...lethe, badge: '-2' })
})

test('extras stand beside what is Apple’s and ours, as they came', () => {
  const extras = { order: 17, nested: { list: [1, null] }, text: '' }
  const { aps, lethe: fields, ...rest } = rendered({ ios: { alert, extras } })
  assert.deepEqual([aps, fields], [{ alert: 'Body' }, lethe])
  assert.deepEqual([rest.order, rest.nested, rest.text], [17, { list: [1, null] }, ''])
})

test('a message wakes the app in the background', () => {
  const message = { content: { a: 1 }, title: 'T', contentType: 'json', extras: { b: '2' } }
  const { aps, pushType, lethe: fields, b } = rendered({ message })
  assert.deepEqual([aps, pushType, b], [{ 'content-available': 1 }, 'background', '2'])
  const expected = {
    v: 1,
    msg_id: '4711',
    kind: 'message',
    content: { a: 1 },
    title: 'T',
    content_type: 'json',
  }
  assert.deepEqual(fields, expected)
  assert.deepEqual(rendered({ message: { content: '' } }).lethe, {
    v: 1,
    msg_id: '4711',
    kind: 'message',
    content: '',
  })
})

test('the language of the user decides about the texts', () => {
  const languages = [{ language: 'de', title: 'Titel', content: 'Text', iosSubtitle: 'Unter' }]
  const ios = { alert: { title: 'Title', subtitle: 'Subtitle', body: 'Body' } }
  const alertFor = (language: string | null) =>
    rendered({ ios, options: { languages }, input: { language } }).aps.alert
  assert.deepEqual(alertFor('de-CH'), { title: 'Titel', subtitle: 'Unter', body: 'Text' })
  assert.deepEqual(alertFor('fr'), ios.alert)
  assert.deepEqual(alertFor(null), ios.alert)
})

test('a message that replaces another says so, and goes under its collapse id', () => {
  const { collapseId, lethe: fields } = rendered({
    ios: { alert },
    input: { collapseId: '12', overriddenMsgId: 12 },
  })
  assert.deepEqual([collapseId, fields], ['12', { ...lethe, override_msg_id: 12 }])
})

test('the environment is production unless the push says otherwise', () => {
  const environmentOf = (options: Partial<PushOptions>) => rendered({ ios: { alert }, options }).environment
  assert.equal(environmentOf({}), 'production')
  assert.equal(environmentOf({ apnsProduction: true }), 'production')
  assert.equal(environmentOf({ apnsProduction: false }), 'sandbox')
})

test('a payload of 4096 bytes is taken, and one more byte refused, counted in UTF-8', () => {
  const empty = renderApns(inputOf({ ios: { alert: { body: 'é' } } })).payload.length - 2
  const body = (bytes: number) => 'é'.repeat(100) + 'x'.repeat(bytes - empty - 200)
  const refusalOf = (bytes: number) => renderApns(inputOf({ ios: { alert: { body: body(bytes) } } })).refusal
  assert.equal(refusalOf(4096), undefined)
  assert.deepEqual(refusalOf(4097), {
    ok: false,
    error: 'contentTooLarge',
    message: 'notification.ios: 4097 bytes for APNs of at most 4096',
  })
})

test('extras under a key that is Apple’s or ours are refused', () => {
  for (const key of ['aps', 'lethe'])
    for (const of of [
      { ios: { alert, extras: { [key]: 1 } } },
      { message: { content: '', extras: { [key]: 1 } } },
    ])
      assert.equal(renderApns(inputOf(of)).refusal?.error, 'parameterInvalid', key)
})

test('whatever the extras are, the payload is one that Apple takes, or it is refused', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (extras, body) => {
      const { payload, pushType, refusal } = renderApns(inputOf({ ios: { alert: { body }, extras } }))
      const headers = { 'apns-push-type': pushType, 'apns-priority': '5' }
      const violation = violationOf({ token: 'ab'.repeat(32), headers, body: payload })
      if (refusal === undefined) assert.equal(violation, undefined)
      assert.equal(JSON.parse(payload.toString()).lethe.msg_id, '4711')
    }),
  )
})
