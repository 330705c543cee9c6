import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ThirdPartyChannelBody } from './push-options.schemas.ts'
import { hasDistribution, parseThirdPartyChannel } from './third-party-channel.ts'

const vendors = ['xiaomi', 'huawei', 'honor', 'meizu', 'oppo', 'vivo'] as const

function parsed(body: ThirdPartyChannelBody | undefined) {
  return parseThirdPartyChannel(body, '')
}

function errorOf(body: ThirdPartyChannelBody) {
  const result = parsed(body)
  return result.ok ? undefined : result.error
}

test('unless told otherwise the vendor comes first', () => {
  const value = { channelOrder: { android: 'vendorFirst', web: 'vendorFirst' } }
  for (const body of [undefined, {}, { fcm: {}, w3push: {} }])
    assert.deepEqual(parsed(body), { ok: true, value })
})

test('each word for Android is an order, for all vendors or for FCM, whose own wins', () => {
  const words = {
    mtpush: 'socketOnly',
    pns_mtpush: 'vendorFirst',
    fcm_mtpush: 'vendorFirst',
    mtpush_pns: 'socketFirst',
    mtpush_fcm: 'socketFirst',
  }
  for (const [word, android] of Object.entries(words)) {
    const value = { channelOrder: { android, web: 'vendorFirst' } }
    assert.deepEqual(parsed({ distribution_new: word }), { ok: true, value })
    assert.deepEqual(parsed({ fcm: { distribution_new: word } }), { ok: true, value })
    assert.deepEqual(parsed({ distribution_new: 'mtpush', fcm: { distribution_new: word } }), {
      ok: true,
      value,
    })
  }
})

test('each word for the web is an order', () => {
  const words = {
    mtpush: 'socketOnly',
    first_ospush: 'vendorFirst',
    secondary_push: 'socketFirst',
    ospush: 'vendorOnly',
  }
  for (const [distribution, web] of Object.entries(words)) {
    const value = { channelOrder: { android: 'vendorFirst', web } }
    assert.deepEqual(parsed({ w3push: { distribution } }), { ok: true, value })
  }
})

test('an empty or unknown word is refused with its own number', () => {
  for (const word of ['', 'MTPUSH', 'ospush', 'constructor']) {
    assert.equal(errorOf({ distribution_new: word }), 'distributionInvalid', word)
    assert.equal(errorOf({ fcm: { distribution_new: word } }), 'distributionInvalid', word)
    assert.equal(errorOf({ oppo: { distribution_new: word } }), 'distributionInvalid', word)
  }
  assert.equal(errorOf({ w3push: { distribution: '' } }), 'distributionInvalid')
  assert.equal(errorOf({ w3push: { distribution: 'mtpush_pns' } }), 'distributionInvalid')
})

test('whatever is asked of another vendor is refused, and nothing asked is not', () => {
  for (const vendor of vendors) {
    assert.equal(parsed({ [vendor]: {} }).ok, true, vendor)
    assert.equal(parsed({ [vendor]: { distribution_new: 'mtpush' } }).ok, true, vendor)
    assert.deepEqual(parsed({ [vendor]: { distribution_new: 'mtpush_pns' } }), {
      ok: false,
      error: 'parameterInvalid',
      message: `${vendor}: sending through this vendor is not supported yet`,
    })
    assert.equal(errorOf({ [vendor]: { channel_id: 'a' } }), 'parameterInvalid', vendor)
  }
})

test('FCM takes a notification channel and nothing else', () => {
  assert.deepEqual(parsed({ fcm: { channel_id: 'c' } }), {
    ok: true,
    value: { channelOrder: { android: 'vendorFirst', web: 'vendorFirst' }, fcmChannelId: 'c' },
  })
  assert.deepEqual(parsed({ fcm: { importance: 'NORMAL' } }), {
    ok: false,
    error: 'parameterInvalid',
    message: 'fcm.importance: this is not supported yet',
  })
})

test('a chosen way is found wherever it stands', () => {
  for (const body of [
    { distribution_new: '' },
    { vivo: { distribution_new: 'mtpush' } },
    { fcm: { distribution_new: 'mtpush' } },
    { w3push: { distribution: 'mtpush' } },
  ])
    assert.equal(hasDistribution(body), true)
  for (const body of [undefined, {}, { fcm: { channel_id: 'a' }, w3push: {} }])
    assert.equal(hasDistribution(body), false)
})
