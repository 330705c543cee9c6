// size: one suite, told once and run on both engines.
/** What the page of the demo asks its server: which app it is for, and a push of a visitor to itself. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startFakeWebPush } from '../../src/channels/web-push/fake-web-push.ts'
import { startTestApp } from '../support/app.ts'
import { forEachEngine, type OpenDatabase } from '../support/engines.ts'
import { until } from '../support/until.ts'

interface Visitor {
  readonly id: string
  readonly secret: string
  messages(): Record<string, unknown>[]
}

/** A server as it is after its first start, with an app of its own making and nothing set up. */
async function openWorld(t: TestContext, open: OpenDatabase) {
  const database = await open(t)
  const fake = await startFakeWebPush()
  t.after(() => fake.close())
  const app = await startTestApp(
    { appKey: undefined, masterSecret: undefined, demo: true, allowPrivateNetwork: true, rateLimit: 0 },
    { database, deps: { trustedCa: fake.ca } },
  )
  t.after(app.close)
  const { http } = app.app
  const appKey = app.firstStart.app?.appKey ?? ''
  const visit = async (key = appKey): Promise<Visitor> => {
    const facts = await http.inject(`/client/v1/apps/${key}`)
    const subscription = fake.subscribe(facts.json().vapid_public_key)
    const body = { platform: 'web', subscription: subscription.toJSON() }
    const made = await http.inject({ method: 'POST', url: `/client/v1/apps/${key}/registrations`, body })
    assert.equal(made.statusCode, 201, made.body)
    const { registration_id: id, device_secret: secret } = made.json()
    const messages = () => subscription.received.map(({ text }) => JSON.parse(text ?? ''))
    return { id, secret, messages }
  }
  /** Status, number of the error, and the id of the message. */
  const push = async (body: object, secret?: string) => {
    const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` }
    const answer = await http.inject({ method: 'POST', url: '/demo/push', headers, body })
    const { error, msg_id: msgId } = answer.json()
    return { status: answer.statusCode, code: error?.code, msgId, headers: answer.headers }
  }
  return { app, http, appKey, visit, push }
}

const HELLO = { title: 'Tea is ready', body: 'Come and get it' }

forEachEngine('the demo', (open) => {
  test('is for the first app, which can send Web Pushes as it is made', async (t) => {
    const { app, http, appKey } = await openWorld(t, open)
    const body = { name: 'Later', app_key: 'a-first-one-by-name' }
    const made = await http.inject({ method: 'POST', url: '/admin/v1/apps', headers: app.bearer, body })
    assert.equal(made.statusCode, 201, made.body)
    const answer = await http.inject('/demo/config.json')
    assert.deepEqual([answer.statusCode, answer.json()], [200, { appKey }])
    assert.match((await http.inject(`/client/v1/apps/${appKey}`)).json().vapid_public_key, /^[\w-]{87}$/)
  })

  test('pushes to the visitor who asks, and to nobody else', async (t) => {
    const { visit, push } = await openWorld(t, open)
    const alice = await visit()
    const bob = await visit()
    const url = 'https://shop.example/tea'
    const sent = await push({ ...HELLO, registration_id: alice.id, url }, alice.secret)
    assert.deepEqual([sent.status, sent.headers['access-control-allow-origin']], [200, undefined])
    await until('she has it', () => alice.messages().length === 1)
    const { v, msg_id, kind, title, body, ...rest } = alice.messages()[0] ?? {}
    assert.deepEqual([v, msg_id, kind, title, body], [1, sent.msgId, 'notification', HELLO.title, HELLO.body])
    assert.equal(rest['url'], url)

    await push({ ...HELLO, registration_id: alice.id }, alice.secret)
    await until('she has another', () => alice.messages().length === 2)
    assert.equal(alice.messages()[1]?.['url'], '/demo/')
    assert.deepEqual(bob.messages(), [])
  })

  test('refuses who is somebody else, is nobody, was deleted, or says nothing', async (t) => {
    const { app, http, appKey, visit, push } = await openWorld(t, open)
    const alice = await visit()
    const bob = await visit()
    const body = { name: 'Other', app_key: 'other' }
    await http.inject({ method: 'POST', url: '/admin/v1/apps', headers: app.bearer, body })
    const stranger = await visit('other')
    const cases: [object, string | undefined, number, number][] = [
      [{ ...HELLO, registration_id: alice.id }, bob.secret, 401, 21004],
      [{ ...HELLO, registration_id: alice.id }, undefined, 401, 27001],
      [{ ...HELLO, registration_id: stranger.id }, stranger.secret, 404, 20101],
      [{ ...HELLO, registration_id: `${alice.id},${bob.id}` }, alice.secret, 400, 21003],
      [{ ...HELLO, registration_id: '*' }, alice.secret, 400, 21003],
      [{ title: 'no body', registration_id: alice.id }, alice.secret, 400, 21002],
      [{ ...HELLO, registration_id: alice.id, to: 'all' }, alice.secret, 400, 21015],
      [{ ...HELLO, registration_id: alice.id, body: 'x'.repeat(4_001) }, alice.secret, 400, 21005],
    ]
    for (const [given, secret, status, code] of cases) {
      const answer = await push(given, secret)
      assert.deepEqual([answer.status, answer.code], [status, code], JSON.stringify(given).slice(0, 200))
    }
    const url = `/client/v1/apps/${appKey}/registrations/${alice.id}`
    const headers = { authorization: `Bearer ${alice.secret}` }
    assert.equal((await http.inject({ method: 'DELETE', url, headers })).statusCode, 200)
    const deleted = await push({ ...HELLO, registration_id: alice.id }, alice.secret)
    assert.deepEqual([deleted.status, deleted.code], [410, 20101])
    for (const one of [alice, bob, stranger]) assert.deepEqual(one.messages(), [])
  })
})
