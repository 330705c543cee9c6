import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vendorOf } from './vendors.ts'

test('a push service is known by its host', () => {
  const hosts = [
    ['fcm.googleapis.com', 'chrome'],
    ['jmt17.google.com', 'chrome'],
    ['updates.push.services.mozilla.com', 'firefox'],
    ['web.push.apple.com', 'safari'],
    ['wns2-by3p.notify.windows.com', 'edge'],
    ['push.example.net', 'other'],
  ] as const
  for (const [host, vendor] of hosts) {
    assert.equal(vendorOf(`https://${host}`), vendor, host)
    assert.equal(vendorOf(`https://${host}:8443/wpush/v2/a?b`), vendor, host)
  }
})

test('a host that only looks like one of them is another', () => {
  for (const host of [
    'xfcm.googleapis.com',
    'a.fcm.googleapis.com',
    'push.apple.com.evil.example',
    'evilpush.apple.com',
  ])
    assert.equal(vendorOf(`https://${host}`), 'other', host)
  assert.equal(vendorOf('no address'), 'other')
})
