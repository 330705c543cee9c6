import assert from 'node:assert/strict'
import { test } from 'node:test'
import { violationOf } from './fake-message.ts'

const token = 'abc:DEF_1-2'

test('a message with everything that Lethe may send is right', () => {
  const message = {
    token,
    data: { a: '1', gcmx: '2' },
    android: {
      ttl: '0s',
      priority: 'HIGH',
      collapse_key: 'c1',
      notification: {
        title: 'T',
        body_loc_args: ['a'],
        notification_priority: 'PRIORITY_MIN',
        notification_count: 1,
      },
    },
    webpush: {
      headers: { TTL: '1' },
      notification: { any: [] },
      fcm_options: { link: 'https://site.example/' },
    },
  }
  assert.equal(violationOf({ message }), undefined)
  assert.equal(violationOf({ message, validate_only: true }), undefined)
})

const wrong: [what: string, field: string | undefined, message: object][] = [
  ['no token', 'message', { data: {} }],
  ['a malformed token', undefined, { token: 'a b' }],
  ['an unknown field', 'message', { token, andriod: {} }],
  ['an unknown field of Android', 'message.android', { token, android: { timeToLive: '1s' } }],
  [
    'an unknown field of a notification',
    'message.android.notification',
    { token, android: { notification: { text: '' } } },
  ],
  ['data that are no texts', 'message.data.a', { token, data: { a: 1 } }],
  ['a reserved key of data', 'message.data', { token, data: { from: 'a' } }],
  ['a reserved prefix of data', 'message.data', { token, data: { 'gcm.a': 'a' } }],
  ['a ttl without its unit', 'message.android.ttl', { token, android: { ttl: '60' } }],
  ['a ttl as a number', 'message.android.ttl', { token, android: { ttl: 60 } }],
  ['a ttl over four weeks', 'message.android.ttl', { token, android: { ttl: '2419201s' } }],
  ['a priority in lower case', 'message.android.priority', { token, android: { priority: 'high' } }],
  [
    'a count as a text',
    'message.android.notification.notification_count',
    { token, android: { notification: { notification_count: '1' } } },
  ],
  ['a header that is no text', 'message.webpush.headers.TTL', { token, webpush: { headers: { TTL: 1 } } }],
  [
    'a link without TLS',
    'message.webpush.fcm_options.link',
    { token, webpush: { fcm_options: { link: 'http://site.example/' } } },
  ],
  ['too many bytes', undefined, { token, data: { a: 'b'.repeat(4096) } }],
]

for (const [what, field, message] of wrong) {
  test(`${what}: wrong`, () => {
    const violation = violationOf({ message })
    assert.ok(violation)
    assert.equal(violation.field, field)
  })
}

test('a body that is no message is wrong', () => {
  for (const body of [undefined, null, 'text', [], {}, { message: 1 }, { message: null }])
    assert.ok(violationOf(body))
})

test('keys and values together have 4096 bytes', () => {
  assert.equal(violationOf({ message: { token, data: { a: 'b'.repeat(4095) } } }), undefined)
})
