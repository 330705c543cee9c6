import assert from 'node:assert/strict'
import { createECDH, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseEndpoint, parseSubscription } from './subscription.ts'

const publicKey = createECDH('prime256v1').generateKeys()
const authSecret = randomBytes(16)
const keys = { p256dh: publicKey.toString('base64url'), auth: authSecret.toString('base64url') }
const endpoint = 'https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk-x_'

test('a subscription of a browser is accepted and its keys come out as bytes', () => {
  assert.deepEqual(parseSubscription({ endpoint, keys }), {
    ok: true,
    value: { endpoint, p256dh: new Uint8Array(publicKey), auth: new Uint8Array(authSecret) },
  })
})

test('padded keys are the same keys', () => {
  const padded = { p256dh: `${keys.p256dh}=`, auth: `${keys.auth}==` }
  assert.deepEqual(parseSubscription({ endpoint, keys: padded }), parseSubscription({ endpoint, keys }))
})

test('keys of another length, another point form or another alphabet are refused', () => {
  const compressed = Buffer.concat([Buffer.from([2]), publicKey.subarray(1)]).toString('base64url')
  for (const p256dh of [
    '',
    publicKey.subarray(0, 64).toString('base64url'),
    compressed,
    `+${keys.p256dh.slice(1)}`,
  ]) {
    assert.equal(parseSubscription({ endpoint, keys: { ...keys, p256dh } }).ok, false)
  }
  for (const auth of ['', randomBytes(15).toString('base64url'), randomBytes(17).toString('base64url')]) {
    assert.equal(parseSubscription({ endpoint, keys: { ...keys, auth } }).ok, false)
  }
})

test('the endpoints of the known push services are accepted', () => {
  for (const address of [
    'https://fcm.googleapis.com/fcm/send/dXk_-1:APA91bE',
    'https://web.push.apple.com/QGB-x_1',
    'https://db5p.notify.windows.com/w/?token=BQYAAAC%2fx%3d',
    'https://127.0.0.1:8443/push/1',
    'https://[::1]:8443/push/1',
    'https://push.example',
  ]) {
    assert.deepEqual(parseEndpoint(address), { ok: true, value: address })
  }
})

test('other schemes, credentials, fragments, backslashes, spaces and impossible ports are refused', () => {
  for (const address of [
    'http://push.example/1',
    'HTTPS://push.example/1',
    'https://user@push.example/1',
    'https://user:word@push.example/1',
    'https://push.example/1#part',
    'https://push.example\\@evil.example/1',
    'https://push.example/a b',
    'https://push.example/é',
    'https://push.example:65536/1',
    'https://push.example:/1',
    'https://',
    'https:///1',
    'https://push..example/1',
    'https://443/1',
    'https://0x7f.1/1',
    'https://127.0.0.01/1',
    ' https://push.example/1',
    'https://push.example/1\n',
    '',
  ]) {
    assert.equal(parseEndpoint(address).ok, false, address)
  }
})

test('an endpoint of 2048 characters is accepted and one of 2049 refused', () => {
  const address = `https://push.example/${'a'.repeat(2048)}`
  assert.equal(parseEndpoint(address.slice(0, 2048)).ok, true)
  assert.deepEqual(parseEndpoint(address.slice(0, 2049)), {
    ok: false,
    reason: 'the endpoint has 2049 characters of at most 2048',
  })
})

test('an accepted endpoint leads a URL parser to the host that stands in it', () => {
  const piece = fc.constantFrom(
    'https://',
    'a',
    'push.example',
    '@',
    ':',
    '443',
    '/',
    '\\',
    '?',
    '#',
    '[',
    ']',
    '.',
    '%2f',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const address = `https://${pieces.join('')}`
      if (!parseEndpoint(address).ok) return
      const url = URL.parse(address)
      if (url === null) return
      assert.equal(url.protocol, 'https:')
      assert.equal(url.username + url.password + url.hash, '')
      assert.ok(address.startsWith(`https://${url.hostname}`))
    }),
  )
})
