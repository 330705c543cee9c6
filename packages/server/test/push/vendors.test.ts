/** Sending through the real channels to fakes that speak the vendors' protocols, and what a deletion means to them. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startFakeApns } from '../../src/channels/apns/fake-apns.ts'
import { startFakeFcm } from '../../src/channels/fcm/fake-fcm.ts'
import { startFakeWebPush } from '../../src/channels/web-push/fake-web-push.ts'
import { startTestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'
import { until } from '../support/until.ts'

async function openWorld(t: TestContext, open: OpenDatabase) {
  const database = await open(t)
  const webPush = await startFakeWebPush()
  const fcm = await startFakeFcm()
  const apns = await startFakeApns()
  t.after(() => Promise.all([webPush.close(), fcm.close(), apns.close()]))
  const app = await startTestApp(
    { rateLimit: 0, allowPrivateNetwork: true },
    { database, deps: { trustedCa: [webPush.ca, fcm.cert, apns.cert].join('\n') } },
  )
  t.after(app.close)
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object) => {
    const headers = url.startsWith('/admin') ? app.bearer : url.startsWith('/v4') ? app.basic : {}
    const response = await app.app.http.inject({ method, url, headers, ...(body ? { body } : {}) })
    assert.ok(response.statusCode < 300, response.body)
    return response.json()
  }
  await call('PUT', '/admin/v1/apps/aladdin/channels/fcm', fcm.serviceAccount())
  const { key, keyId, teamId, topic, endpoint } = apns.credentials()
  await call('PUT', '/admin/v1/apps/aladdin/channels/apns', {
    key,
    key_id: keyId,
    team_id: teamId,
    topic,
    endpoint,
  })
  const { vapid_public_key: publicKey } = await call('GET', '/client/v1/apps/aladdin')
  const register = (body: object) => call('POST', '/client/v1/apps/aladdin/registrations', body)
  return { webPush, fcm, apns, call, register, publicKey: publicKey as string, database }
}

const PUSH = {
  platform: 'all',
  notification: { alert: 'Hello', web: { alert: 'Hello web', url: 'https://shop.example/' } },
}

forEachEngine('a push through the vendors', (open) => {
  test('reaches a browser, which decrypts it, and a phone; a deleted user gets nothing more', async (t) => {
    const { webPush, fcm, call, register, publicKey } = await openWorld(t, open)
    const browser = webPush.subscribe(publicKey)
    const other = webPush.subscribe(publicKey)
    const phone = `phone-${'x'.repeat(40)}`
    const web = await register({ platform: 'web', subscription: browser.toJSON(), tags: ['a'] })
    await register({ platform: 'web', subscription: other.toJSON(), tags: ['a'] })
    await register({ platform: 'android', token: phone, tags: ['a'] })
    const { msg_id: msgId } = await call('POST', '/v4/push', { to: { tag: ['a'] }, body: PUSH })
    await until(
      'all have it',
      () => browser.received.length + other.received.length + fcm.received(phone).length === 3,
    )
    const message = JSON.parse(browser.received[0]?.text ?? '{}')
    assert.equal(message.msg_id, msgId)
    assert.equal(message.body, 'Hello web')

    await call('DELETE', `/v4/devices/${web.registration_id}`)
    await call('POST', '/v4/push', { to: { tag: ['a'] }, body: PUSH })
    await until('the others have it', () => other.received.length + fcm.received(phone).length === 4)
    assert.equal(browser.received.length, 1)
  })

  test('to a subscription that has ended detaches it; a phone that FCM does not know loses its token', async (t) => {
    const { webPush, fcm, call, register, publicKey, database } = await openWorld(t, open)
    const browser = webPush.subscribe(publicKey)
    browser.behaviour = { kind: 'answer', status: 410 }
    const phone = `phone-${'x'.repeat(40)}`
    fcm.behave(phone, { kind: 'error', code: 'UNREGISTERED' })
    await register({ platform: 'web', subscription: browser.toJSON() })
    await register({ platform: 'android', token: phone })
    await call('POST', '/v4/push', { to: 'all', body: PUSH })
    await until('both are without an address', async () => {
      const { read } = database.database
      const rows = await read.kysely
        .selectFrom('device')
        .select('token')
        .where('token', 'is not', null)
        .execute()
      return rows.length === 0
    })
  })

  test('reaches an iPhone; a deleted user gets nothing more, and one whom Apple does not know loses the token', async (t) => {
    const { apns, call, register, database } = await openWorld(t, open)
    const [first, second] = ['ab'.repeat(32), 'cd'.repeat(32)]
    const deleted = await register({ platform: 'ios', token: first, apns_production: true })
    await register({ platform: 'ios', token: second, apns_production: true })
    const { msg_id: msgId } = await call('POST', '/v4/push', { to: 'all', body: PUSH })
    await until('both have it', () => apns.counts.accepted === 2)
    assert.deepEqual(apns.received(first)[0]?.payload, {
      aps: { alert: 'Hello' },
      lethe: { v: 1, msg_id: msgId, kind: 'notification' },
    })

    await call('DELETE', `/v4/devices/${deleted.registration_id}`)
    apns.behave(second, { kind: 'error', reason: 'Unregistered', timestamp: Date.now() })
    await call('POST', '/v4/push', { to: 'all', body: PUSH })
    await until('the other has no token', async () => {
      const { read } = database.database
      const rows = await read.kysely.selectFrom('device').select('token').execute()
      return rows.every(({ token }) => token === null)
    })
    assert.deepEqual([apns.received(first).length, apns.counts.requests], [1, 3])
  })
})
