import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NotificationSizes, refusalOfMessageSize, refusalOfNotificationSize } from './content-size.ts'

const url = 'u'

function messageOf(input: Partial<NotificationSizes>): string | undefined {
  const whole = { notification: {}, options: {}, languages: [], platforms: [], isWebNamed: false, where: '' }
  const refusal = refusalOfNotificationSize({ ...whole, ...input })
  if (refusal) assert.equal(refusal.error, 'contentTooLarge')
  return refusal?.message
}

/** An alert with which `{"alert":"…"}` and what else stands in the block has this many bytes. */
function alertFor(bytes: number, rest: object = {}): string {
  return 'a'.repeat(bytes - JSON.stringify({ alert: '', ...rest }).length)
}

test('a notification has at most 4000 bytes on each platform, counted apart', () => {
  for (const platform of ['android', 'ios', 'hmos'] as const) {
    const at = (bytes: number) => ({
      notification: { [platform]: { alert: alertFor(bytes) } },
      platforms: [platform],
    })
    assert.equal(messageOf(at(4000)), undefined)
    assert.equal(messageOf(at(4001)), `notification.${platform}: 4001 bytes of at most 4000`)
  }
  const alert = alertFor(4000)
  const platforms = ['android', 'ios'] as const
  assert.equal(messageOf({ notification: { android: { alert }, ios: { alert } }, platforms }), undefined)
})

test('bytes are those of UTF-8', () => {
  const at = (alert: string) => messageOf({ notification: { android: { alert } }, platforms: ['android'] })
  assert.equal(at(`${'中'.repeat(1329)}a`), undefined)
  assert.equal(at(`${'中'.repeat(1329)}aa`), 'notification.android: 4001 bytes of at most 4000')
})

test('the alert for all platforms counts where it stands in', () => {
  const notification = { alert: alertFor(4001), ios: { alert: 'short' } }
  assert.equal(messageOf({ notification, platforms: ['ios'] }), undefined)
  assert.equal(
    messageOf({ notification, platforms: ['android'] }),
    'notification.android: 4001 bytes of at most 4000',
  )
})

test('a notification made for the web has at most 2048 bytes', () => {
  const block = (bytes: number) => ({
    notification: { web: { alert: alertFor(bytes, { url }), url } },
    platforms: ['web'] as const,
  })
  assert.equal(messageOf(block(2048)), undefined)
  assert.equal(messageOf(block(2049)), 'notification.web: 2049 bytes of at most 2048')
  const shared = (bytes: number, isWebNamed: boolean) =>
    messageOf({ notification: { alert: alertFor(bytes) }, platforms: ['web'], isWebNamed })
  assert.equal(shared(2048, true), undefined)
  assert.equal(shared(2049, true), 'notification.web: 2049 bytes of at most 2048')
  assert.equal(shared(4000, false), undefined)
  assert.equal(shared(4001, false), 'notification.web: 4001 bytes of at most 4000')
})

test('on the web, buttons included, it has at most 4000 bytes', () => {
  const web = { alert: alertFor(2048, { url }), url }
  const buttons = (bytes: number) => {
    const button = (text: string) => [{ id: 'a', text }]
    return { web_buttons: button('a'.repeat(bytes - JSON.stringify(button('')).length)) }
  }
  const at = (bytes: number) =>
    messageOf({ notification: { web }, options: buttons(bytes - 2048), platforms: ['web'] })
  assert.equal(at(4000), undefined)
  assert.equal(at(4001), 'notification.web with its buttons: 4001 bytes of at most 4000')
})

test('the longest language counts, not the sum of them', () => {
  const at = (bytes: number, alert: string | { title: string }) => {
    const languages = ['de', 'fr'].map((language) => ({ language, content: alertFor(bytes) }))
    return messageOf({ notification: { alert }, languages, platforms: ['android'] })
  }
  assert.equal(at(4000, 'short'), undefined)
  assert.equal(at(4001, 'short'), 'notification.android: 4001 bytes of at most 4000')
  assert.match(at(4000, { title: 'T' }) ?? '', /^notification.android: 40\d\d bytes/)
  const languages = [{ language: 'de', title: 'T', iosSubtitle: 'S' }]
  const notification = { alert: alertFor(4000) }
  assert.match(messageOf({ notification, languages, platforms: ['ios'] }) ?? '', /^notification.ios: 40\d\d/)
})

test('a message has at most 4000 bytes', () => {
  const at = (bytes: number) => {
    const msg_content = 'a'.repeat(bytes - JSON.stringify({ msg_content: '' }).length)
    return refusalOfMessageSize({ msg_content }, 'body.')
  }
  assert.equal(at(4000), undefined)
  assert.deepEqual(at(4001), {
    ok: false,
    error: 'contentTooLarge',
    message: 'body.message: 4001 bytes of at most 4000',
  })
})
