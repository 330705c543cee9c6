import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePushOptions, webButtonsOf } from './parse-push-options.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'

function parsed(body: PushOptionsBody) {
  return parsePushOptions(body, 'options.')
}

function errorOf(body: PushOptionsBody) {
  const result = parsed(body)
  return result.ok ? undefined : result.error
}

const defaults = {
  timeToLiveSeconds: 86_400,
  bigPushMinutes: 0,
  languages: [],
  channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
  classification: 'operational',
}

test('without options a push waits a day and goes at full speed', () => {
  assert.deepEqual(parsed({}), { ok: true, value: defaults })
})

test('every option arrives under its inner name', () => {
  const body: PushOptionsBody = {
    time_to_live: 0,
    override_msg_id: 7,
    apns_production: false,
    apns_collapse_id: 'c',
    big_push_duration: 5,
    multi_language: { en: { content: 'Hi' } },
    third_party_channel: { distribution_new: 'mtpush', fcm: { channel_id: 'f' } },
    classification: 1,
    cid: 'x',
  }
  assert.deepEqual(parsed(body), {
    ok: true,
    value: {
      timeToLiveSeconds: 0,
      overrideMsgId: 7,
      apnsProduction: false,
      apnsCollapseId: 'c',
      bigPushMinutes: 5,
      languages: [{ language: 'en', content: 'Hi' }],
      channelOrder: { android: 'socketOnly', web: 'vendorFirst' },
      fcmChannelId: 'f',
      classification: 'system',
      cid: 'x',
    },
  })
})

test('a cid is 1 to 64 letters, digits, _ and -, and an empty one is not taken for none', () => {
  for (const cid of ['a', 'A-z_9', 'a'.repeat(64)]) assert.equal(errorOf({ cid }), undefined, cid)
  for (const cid of ['', 'a'.repeat(65), 'a b', 'a.b', 'ä', 'a\n'])
    assert.equal(errorOf({ cid }), 'cidInvalid', cid)
})

test('a push is spread over 0 to 1440 minutes', () => {
  for (const big_push_duration of [0, 1, 1440]) assert.equal(errorOf({ big_push_duration }), undefined)
  for (const big_push_duration of [-1, 1441])
    assert.equal(errorOf({ big_push_duration }), 'bigPushDurationInvalid')
  assert.deepEqual(parsed({ big_push_duration: 1441 }), {
    ok: false,
    error: 'bigPushDurationInvalid',
    message: 'options.big_push_duration: 1441 of 0 to 1440 minutes',
  })
})

test('a collapse id has at most 64 bytes that a header can carry; an empty one is none', () => {
  assert.equal(errorOf({ apns_collapse_id: 'a'.repeat(64) }), undefined)
  assert.deepEqual(parsed({ apns_collapse_id: '' }), { ok: true, value: defaults })
  for (const apns_collapse_id of ['a'.repeat(65), 'ä', 'a\r\nb', '\x7f', ' a', 'a ', ' '])
    assert.equal(errorOf({ apns_collapse_id }), 'parameterInvalid')
})

test('buttons differ in their ids and keep what was given', () => {
  const body = {
    web_buttons: [
      { id: 'a', text: 'A', url: '' },
      { id: 'b', text: 'B', icon: 'i', url: 'u' },
    ],
  }
  assert.equal(errorOf(body), undefined)
  assert.deepEqual(webButtonsOf(body), [
    { id: 'a', text: 'A' },
    { id: 'b', text: 'B', icon: 'i', url: 'u' },
  ])
  assert.deepEqual(webButtonsOf({}), [])
  const same = {
    web_buttons: [
      { id: 'a', text: 'A' },
      { id: 'a', text: 'B' },
    ],
  }
  assert.equal(errorOf(same), 'parameterInvalid')
})

test('what Lethe does not do is refused and named, and not asking for it is fine', () => {
  const asked: PushOptionsBody[] = [
    { voice_value: 'v' },
    { plan_id: 'p' },
    { enhanc_message: true },
    { auto_truncation: true },
  ]
  for (const body of asked) {
    const message = `options.${Object.keys(body)[0]}: this is not supported yet`
    assert.deepEqual(parsed(body), { ok: false, error: 'parameterInvalid', message })
  }
  const notAsked = { voice_value: '', plan_id: '', enhanc_message: false, auto_truncation: false }
  assert.deepEqual(parsed(notAsked), { ok: true, value: defaults })
})

test('a fault in the languages or in the way names the option', () => {
  const languages = parsed({ multi_language: { en_US: { content: 'a' } } })
  assert.ok(!languages.ok && languages.message.startsWith('options.multi_language: '))
  const way = parsed({ third_party_channel: { fcm: { distribution_new: '' } } })
  assert.ok(!way.ok && way.message.startsWith('options.third_party_channel.fcm.distribution_new: '))
})
