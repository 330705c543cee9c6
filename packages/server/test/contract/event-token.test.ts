// size: one suite, told once and run on both engines.
/** What service workers report with the token of a message, and that it opens nothing else. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startFakeWebPush } from '../../src/channels/web-push/fake-web-push.ts'
import { startTestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'
import { until } from '../support/until.ts'

interface Received {
  readonly msg_id: string
  readonly event_token: string
}

interface Browser {
  readonly id: string
  readonly secret: string
  /** What its service worker has got, decrypted. */
  messages(): Received[]
}

interface Report {
  readonly events: readonly { readonly msg_id: string; readonly event: string }[]
  readonly token?: string
}

interface Numbers {
  readonly sent: number
  readonly delivered: number
  readonly impressions: number
  readonly clicks: number
}

const PUSH = { platform: 'all', notification: { alert: 'Hello' } }

async function openWorld(t: TestContext, open: OpenDatabase) {
  const database = await open(t)
  const fake = await startFakeWebPush()
  t.after(() => fake.close())
  const settings = { rateLimit: 0, allowPrivateNetwork: true }
  const app = await startTestApp(settings, { database, deps: { trustedCa: fake.ca } })
  t.after(app.close)
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, body?: object) => {
    const given = body === undefined ? {} : { body }
    const answer = await app.app.http.inject({ method, url, headers: app.basic, ...given })
    assert.ok(answer.statusCode < 300, answer.body)
    return answer.json()
  }
  const register = async (): Promise<Browser> => {
    const { vapid_public_key: publicKey } = await ask('GET', '/client/v1/apps/aladdin')
    const subscription = fake.subscribe(publicKey)
    const body = { platform: 'web', subscription: subscription.toJSON() }
    const made = await ask('POST', '/client/v1/apps/aladdin/registrations', body)
    const messages = () => subscription.received.map(({ text }) => JSON.parse(text ?? '') as Received)
    return { id: made.registration_id, secret: made.device_secret, messages }
  }
  /** Status, number of the error, and how many events were skipped. */
  const report = async (id: string, body: Report, headers: Record<string, string> = {}) => {
    const url = `/client/v1/apps/aladdin/registrations/${id}/events`
    const answer = await app.app.http.inject({ method: 'POST', url, headers, body })
    return [answer.statusCode, answer.json().error?.code, answer.headers['lethe-skipped']]
  }
  const readSelf = async (id: string, secret: string) => {
    const url = `/client/v1/apps/aladdin/registrations/${id}`
    const answer = await app.app.http.inject({ url, headers: bearer(secret) })
    return answer.statusCode
  }
  const numbersOf = async (msgId: string): Promise<Numbers | undefined> =>
    (await ask('GET', `/v4/status/detail?message_ids=${msgId}`))[msgId]
  /** Sends to all, so many, and waits until the server knows what became of it. */
  const push = async (userCount: number): Promise<string> => {
    const { msg_id: msgId } = await ask('POST', '/v4/push', { to: 'all', body: PUSH })
    const isKnown = async () => (await numbersOf(msgId))?.sent === userCount
    await until('all have it, and the server knows', isKnown)
    return msgId
  }
  /** Delivered, impressions and clicks. */
  const counted = async (msgId: string) => {
    const found = await numbersOf(msgId)
    return [found?.delivered, found?.impressions, found?.clicks]
  }
  return { ask, register, report, readSelf, push, counted }
}

function tokenOf(browser: Browser, msgId: string): string {
  return browser.messages().find(({ msg_id }) => msg_id === msgId)?.event_token ?? ''
}

function shown(msg_id: string, event = 'shown') {
  return { events: [{ msg_id, event }] }
}

function bearer(secret: string) {
  return { authorization: `Bearer ${secret}` }
}

const SUCCESS = [200, undefined, undefined]

forEachEngine('the token of a message', (open) => {
  test('proves its user without the device secret, from delivered to clicked', async (t) => {
    const { register, report, push, counted } = await openWorld(t, open)
    const alice = await register()
    const bob = await register()
    const msgId = await push(2)
    const token = tokenOf(alice, msgId)
    assert.match(token, /^[A-Za-z0-9_-]{22}$/)
    assert.notEqual(token, tokenOf(bob, msgId))
    const both = { events: [...shown(msgId, 'delivered').events, ...shown(msgId).events] }
    assert.deepEqual(await report(alice.id, { ...both, token }), SUCCESS)
    assert.deepEqual(await counted(msgId), [1, 1, 0])
    assert.deepEqual(await report(alice.id, { ...shown(msgId, 'clicked'), token }), SUCCESS)
    assert.deepEqual(await report(alice.id, { ...shown(msgId, 'clicked'), token }), SUCCESS)
    assert.deepEqual(await counted(msgId), [1, 1, 1])
  })

  test('opens no other message, no other user and nothing else', async (t) => {
    const { register, report, push, counted } = await openWorld(t, open)
    const alice = await register()
    const bob = await register()
    const [first, second] = [await push(2), await push(2)]
    const token = tokenOf(alice, first)
    assert.deepEqual(await report(alice.id, { ...shown(second), token }), [401, 21004, undefined])
    assert.deepEqual(await report(bob.id, { ...shown(first), token }), [401, 21004, undefined])
    assert.deepEqual(await report(alice.id, { ...shown(first), token: '' }), [401, 21004, undefined])
    const several = { events: [...shown(first).events, ...shown(second).events] }
    assert.deepEqual(await report(alice.id, { ...several, token }), [400, 21003, undefined])
    assert.deepEqual(await report(alice.id, shown(first)), [401, 27001, undefined])
    assert.deepEqual(await report(alice.id, { ...shown(first), token: 'x'.repeat(65) }), [
      400,
      21003,
      undefined,
    ])
    for (const msgId of [first, second]) assert.deepEqual(await counted(msgId), [0, 0, 0])
  })

  test('is not looked at where the header Authorization is there', async (t) => {
    const { register, report, readSelf, push, counted } = await openWorld(t, open)
    const alice = await register()
    const [first, second] = [await push(1), await push(1)]
    const token = tokenOf(alice, first)
    const wrong = await report(alice.id, { ...shown(first), token }, bearer('f'.repeat(32)))
    assert.deepEqual(wrong, [401, 21004, undefined])
    const several = { events: [...shown(first).events, ...shown(second).events], token }
    assert.deepEqual(await report(alice.id, several, bearer(alice.secret)), SUCCESS)
    assert.deepEqual(
      [await counted(first), await counted(second)],
      [
        [1, 1, 0],
        [1, 1, 0],
      ],
    )
    assert.equal(await readSelf(alice.id, alice.secret), 200)
    assert.equal(await readSelf(alice.id, token), 401)
  })

  test('of a deleted user, right or wrong, hears 410 and counts nothing; an id never known hears 404', async (t) => {
    const { ask, register, report, push, counted } = await openWorld(t, open)
    const alice = await register()
    await register()
    const msgId = await push(2)
    const token = tokenOf(alice, msgId)
    await ask('DELETE', `/v4/devices/${alice.id}`)
    assert.deepEqual(await report(alice.id, { ...shown(msgId), token }), [410, 20101, undefined])
    assert.deepEqual(await report(alice.id, { ...shown(msgId), token: 'wrong' }), [410, 20101, undefined])
    const erased = async () => (await ask('GET', `/v4/devices/${alice.id}/erasure`)).state === 'erased'
    await until('she is erased', erased)
    assert.deepEqual(await report(alice.id, { ...shown(msgId), token }), [410, 20101, undefined])
    assert.deepEqual(await report('f'.repeat(32), { ...shown(msgId), token }), [404, 20101, undefined])
    assert.deepEqual(await counted(msgId), [0, 0, 0])
  })
})
