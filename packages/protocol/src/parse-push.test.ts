import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBatch, parsePush } from './parse-push.ts'
import { platforms } from './platform.ts'
import type { PushContentBody, PushEnvelope } from './push.schemas.ts'

const notification = { alert: 'Hi' }
const message = { msg_content: 'Hi' }
const voip = { call_id: '1' }
const live_activity = { ios: { event: 'end' } }

function parsed(
  body: Omit<PushContentBody, 'platform'> & { platform?: string | string[] },
  rest: Partial<PushEnvelope> = {},
) {
  return parsePush({ ...rest, body: { platform: 'all', ...body } })
}

function errorOf(...input: Parameters<typeof parsed>): string | undefined {
  const result = parsed(...input)
  return result.ok ? undefined : result.error
}

function platformsOf(...input: Parameters<typeof parsed>): readonly string[] | undefined {
  const result = parsed(...input)
  return result.ok ? result.value.platforms : undefined
}

test('a push arrives whole', () => {
  const request = {
    from: 'push',
    request_id: 'r1',
    custom_args: { k: 'v' },
    body: { platform: 'ios', notification, options: { time_to_live: 60 } },
  }
  assert.deepEqual(parsePush(request), {
    ok: true,
    value: {
      from: 'push',
      requestId: 'r1',
      customArgs: { k: 'v' },
      platforms: ['ios'],
      content: { kind: 'notification', ios: { alert: { body: 'Hi' } } },
      options: {
        timeToLiveSeconds: 60,
        bigPushMinutes: 0,
        languages: [],
        channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
        classification: 'operational',
      },
    },
  })
})

test('a push has exactly one kind of content', () => {
  assert.equal(errorOf({}), 'parameterMissing')
  assert.equal(errorOf({ notification }), undefined)
  assert.equal(errorOf({ message }), undefined)
  assert.equal(errorOf({ notification, message }), 'notificationWithMessage')
  assert.equal(errorOf({ notification: {}, message: {} }), 'notificationWithMessage')
  assert.equal(errorOf({ notification, live_activity }), 'liveActivityNotAlone')
  assert.equal(errorOf({ message, live_activity }), 'liveActivityNotAlone')
  assert.equal(errorOf({ live_activity, voip }), 'voipNotAlone')
  assert.equal(errorOf({ notification, message, voip }), 'voipNotAlone')
  assert.deepEqual(parsed({ notification, message }), {
    ok: false,
    error: 'notificationWithMessage',
    message: 'body.notification, body.message: only one of them is possible',
  })
})

test('kinds that are not supported yet are refused, never ignored', () => {
  for (const [kind, body] of Object.entries({ live_activity: { live_activity }, voip: { voip } })) {
    const message = `body.${kind}: this is not supported yet`
    assert.deepEqual(parsed(body), { ok: false, error: 'parameterInvalid', message })
  }
})

test('platforms are all, one, or some, each once and in one order', () => {
  assert.deepEqual(platformsOf({ notification }), platforms)
  assert.deepEqual(platformsOf({ notification, platform: ['all'] }), platforms)
  assert.deepEqual(platformsOf({ notification, platform: 'hmos' }), ['hmos'])
  assert.deepEqual(platformsOf({ notification, platform: ['ios', 'android', 'ios'] }), ['android', 'ios'])
  assert.deepEqual(platformsOf({ message }), platforms)
  assert.deepEqual(platformsOf({ message, platform: ['web'] }), ['web'])
})

test('a platform that is unknown, misspelt or missing is refused: it never means all', () => {
  for (const platform of [
    '',
    'All',
    'winphone',
    'android,ios',
    [],
    ['andriod'],
    ['android', ''],
    ['all', 'x'],
  ])
    assert.equal(errorOf({ notification, platform }), 'parameterInvalid', String(platform))
})

test('data for callbacks has at most 128 characters, as text or as JSON', () => {
  const ofText = (characters: number) => ({ custom_args: '😀'.repeat(characters) })
  const ofObject = (characters: number) => ({
    custom_args: { k: 'a'.repeat(characters - '{"k":""}'.length) },
  })
  for (const args of [ofText, ofObject]) {
    assert.equal(errorOf({ notification }, args(128)), undefined)
    assert.equal(errorOf({ notification }, args(129)), 'parameterInvalid')
  }
})

test('options beside the body count if the body has none; both are refused', () => {
  const options = { time_to_live: 60 }
  const beside = parsed({ notification }, { options })
  assert.equal(beside.ok && beside.value.options.timeToLiveSeconds, 60)
  assert.equal(errorOf({ notification, options }, { options }), 'parameterInvalid')
  const wrong = parsed({ notification }, { options: { cid: '' } })
  assert.ok(!wrong.ok && wrong.message.startsWith('options.cid: '))
  const inside = parsed({ notification, options: { cid: '' } })
  assert.ok(!inside.ok && inside.message.startsWith('body.options.cid: '))
})

test('the id of a schedule, which an SDK repeats, changes nothing', () => {
  assert.deepEqual(parsed({ notification }, { scheduleId: 's' }), parsed({ notification }))
})

test('a message has content or extras, and everything of it arrives', () => {
  assert.equal(errorOf({ message: {} }), 'parameterMissing')
  assert.equal(errorOf({ message: { title: 't' } }), 'parameterMissing')
  const extras = { a: { b: 1 } }
  const whole = parsed({
    message: {
      msg_content: { k: 'v' },
      title: 't',
      content_type: 'c',
      extras,
      test_message: true,
      receipt_id: 'r',
    },
  })
  assert.deepEqual(whole.ok && whole.value.content, {
    kind: 'message',
    content: { k: 'v' },
    title: 't',
    contentType: 'c',
    extras,
    isTestMessage: true,
    receiptId: 'r',
  })
  const bare = parsed({ message: { extras } })
  assert.deepEqual(bare.ok && bare.value.content, { kind: 'message', content: '', extras })
})

test('what only a notification can show is refused with a message', () => {
  assert.equal(errorOf({ message, options: { web_buttons: [{ id: 'a', text: 'b' }] } }), 'parameterInvalid')
  assert.equal(
    errorOf({ message, options: { multi_language: { en: { content: 'a' } } } }),
    'parameterInvalid',
  )
  assert.equal(errorOf({ message, options: { web_buttons: [], multi_language: {} } }), undefined)
})

test('notifications and messages that are too long are refused', () => {
  const long = 'a'.repeat(4001)
  assert.equal(errorOf({ notification: { alert: long } }), 'contentTooLarge')
  assert.equal(errorOf({ message: { msg_content: long } }), 'contentTooLarge')
  // The web is stricter where it is named.
  const alert = 'a'.repeat(2049)
  assert.equal(errorOf({ notification: { alert }, platform: 'web' }), 'contentTooLarge')
  assert.equal(errorOf({ notification: { alert } }), undefined)
})

test('in a batch each push is judged by itself, in the order sent', () => {
  const batch = parseBatch({
    requests: [
      { target: 'a', platform: 'all', notification, options: { cid: 'c' }, custom_args: 'x' },
      { target: 'b', platform: 'all' },
      { target: '__proto__', platform: 'ios', message, options: { cid: '' } },
    ],
  })
  assert.ok(batch.ok)
  const [a, b, c] = batch.value
  assert.deepEqual([a?.target, b?.target, c?.target], ['a', 'b', '__proto__'])
  assert.ok(a?.push.ok && a.push.value.options.cid === 'c' && a.push.value.customArgs === 'x')
  assert.ok(b && !b.push.ok && b.push.message === 'notification or message is required')
  assert.ok(c && !c.push.ok && c.push.error === 'cidInvalid' && c.push.message.startsWith('options.cid: '))
})

test('a target stands once in a batch', () => {
  const item = { target: 'a', platform: 'all', notification }
  assert.equal(parseBatch({ requests: [item, { ...item, target: 'A' }] }).ok, true)
  assert.deepEqual(parseBatch({ requests: [item, item] }), {
    ok: false,
    error: 'parameterInvalid',
    message: 'requests: 2 pushes to 1 targets; each may be there once',
  })
})
