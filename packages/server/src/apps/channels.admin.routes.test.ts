import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { APP_KEY, startTestApp, type TestApp } from '../../test/support/app.ts'
import { apnsKey, serviceAccount, webPushKeys } from '../../test/support/channel-keys.ts'

let t: TestApp
before(async () => {
  t = await startTestApp({ publicUrl: 'https://push.example.com' })
})
after(() => t.close())

async function call(line: string, payload?: object, headers: object = t.bearer) {
  const [method, path] = line.split(' ')
  const request = { method: method as 'GET', url: `/admin/v1/apps/${path}`, headers: { ...headers } }
  const response = await t.app.http.inject(payload ? { ...request, payload } : request)
  return { status: response.statusCode, body: response.json() }
}

/** An app of its own, with the key pair that it was made with. */
async function newApp(): Promise<{ channels: string; publicKey: string }> {
  const { body } = await call('POST ', { name: 'App' })
  const channels = `${body.app_key}/channels`
  const listed = await call(`GET ${channels}`)
  return { channels, publicKey: listed.body.channels[0].facts.public_key }
}

const time = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

test('every app has a key pair, whose subject is the address of the server', async () => {
  const { status, body } = await call(`GET ${APP_KEY}/channels`)
  const [{ changed_at, ...webPush }] = body.channels
  assert.match(changed_at, time)
  const { public_key } = webPush.facts
  assert.equal(Buffer.from(public_key, 'base64url').length, 65)
  const facts = { public_key, subject: 'https://push.example.com' }
  assert.deepEqual([status, body.channels.length], [200, 1])
  assert.deepEqual(webPush, { channel: 'web-push', revision: 1, facts })
  const { publicKey } = await newApp()
  assert.notEqual(publicKey, public_key)
})

test('a server without an https address gives a subject that can be changed', async () => {
  const local = await startTestApp()
  const { body } = await local.app.http
    .inject({ url: `/admin/v1/apps/${APP_KEY}/channels`, headers: { ...local.bearer } })
    .then((response) => ({ body: response.json() }))
  await local.close()
  assert.equal(body.channels[0].facts.subject, 'mailto:operator@example.com')
})

test('channels are set and listed in order, and no secret comes out', async () => {
  const { channels, publicKey } = await newApp()
  const set: [string, object, object][] = [
    ['stub', {}, {}],
    ['apns', apnsKey(), { key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ', topic: 'com.example.app' }],
    [
      'fcm',
      serviceAccount(),
      {
        project_id: 'example-project-1',
        client_email: 'lethe@example-project-1.iam.gserviceaccount.com',
        endpoint: 'https://fcm.googleapis.com',
      },
    ],
  ]
  const answers = []
  for (const [channel, body, facts] of set) {
    const answer = await call(`PUT ${channels}/${channel}`, body)
    assert.match(answer.body.changed_at, time)
    assert.deepEqual(answer, {
      status: 200,
      body: { channel, revision: 1, changed_at: answer.body.changed_at, facts },
    })
    answers.unshift(answer.body)
  }
  const listed = await call(`GET ${channels}`)
  assert.equal(listed.body.channels[0].facts.public_key, publicKey)
  assert.deepEqual(listed.body.channels.slice(1), answers)
  const again = await call(`PUT ${channels}/stub`, {})
  assert.equal(again.body.revision, 2)
})

test('a key pair of Web Push is imported whole, and a new subject keeps it', async () => {
  const { channels, publicKey } = await newApp()
  const subject = 'mailto:somebody@example.com'
  const changed = await call(`PUT ${channels}/web-push`, { subject })
  assert.deepEqual(changed.body.facts, { public_key: publicKey, subject })
  const { private_key, ...facts } = webPushKeys()
  const imported = await call(`PUT ${channels}/web-push`, { private_key, ...facts })
  assert.deepEqual(imported.body.facts, facts)
  const half = await call(`PUT ${channels}/web-push`, { public_key: publicKey })
  assert.deepEqual([half.status, half.body.error.code], [400, 21003])
  assert.deepEqual((await call(`GET ${channels}`)).body.channels[0].facts, facts)
})

test('the key pair of Web Push is removed only when that is confirmed, and a new one is made when it is set', async () => {
  const { channels, publicKey } = await newApp()
  const refused = await call(`DELETE ${channels}/web-push`)
  assert.equal(refused.status, 400)
  assert.equal(refused.body.error.code, 21003)
  assert.match(refused.body.error.message, /^confirm: nobody who subscribed .* say confirm=true/)
  const wrong = await call(`DELETE ${channels}/web-push?confirm=yes`)
  assert.deepEqual([wrong.status, wrong.body.error.code], [400, 21003])
  assert.deepEqual(await call(`DELETE ${channels}/web-push?confirm=true`), {
    status: 200,
    body: { success: true },
  })
  assert.deepEqual((await call(`GET ${channels}`)).body, { channels: [] })
  const made = await call(`PUT ${channels}/web-push`, {})
  assert.equal(Buffer.from(made.body.facts.public_key, 'base64url').length, 65)
  assert.notEqual(made.body.facts.public_key, publicKey)
})

test('other channels are removed without more ado, and once', async () => {
  const { channels } = await newApp()
  await call(`PUT ${channels}/stub`, {})
  assert.equal((await call(`DELETE ${channels}/stub`)).status, 200)
  const again = await call(`DELETE ${channels}/stub`)
  assert.deepEqual(again.body, { error: { code: 21003, message: 'channel: stub is not set' } })
  const unknown = await call(`DELETE ${channels}/pigeon`)
  assert.deepEqual(unknown.body, {
    error: { code: 21003, message: 'channel: must be one of web-push, fcm, apns, stub' },
  })
})

test('what is wrong is named, never repeated, and nothing is changed', async () => {
  const { channels } = await newApp()
  const account = serviceAccount()
  const { key, ...rest } = apnsKey()
  const cases: [channel: string, body: object, code: number, message: RegExp][] = [
    ['fcm', { ...account, private_key: 'WRONG' }, 21003, /private_key/],
    ['fcm', { ...account, type: 'WRONG' }, 21003, /type/],
    ['fcm', { type: account['type'] ?? '' }, 21002, /^project_id is required/],
    ['fcm', { ...account, private_key: 1 }, 21016, /^private_key: /],
    ['apns', rest, 21002, /^key is required/],
    ['apns', { ...rest, key: account.private_key }, 21003, /key/],
    ['apns', { ...rest, key, key_id: 'WRONG' }, 21003, /^key_id is not/],
    ['apns', { ...rest, key, topik: 'WRONG' }, 21015, /"topik"/],
    ['web-push', { ...webPushKeys(), subject: 'WRONG' }, 21003, /subject/],
    ['web-push', { ...webPushKeys(), private_key: webPushKeys().private_key }, 21003, /^public_key does not/],
    ['stub', { anything: 1 }, 21015, /"anything"/],
  ]
  for (const [channel, body, code, message] of cases) {
    const answer = await call(`PUT ${channels}/${channel}`, body)
    assert.deepEqual([answer.status, answer.body.error.code], [400, code], JSON.stringify(answer.body))
    assert.match(answer.body.error.message, message)
    assert.doesNotMatch(answer.body.error.message, /WRONG|BEGIN/)
  }
  const listed = await call(`GET ${channels}`)
  assert.deepEqual(
    listed.body.channels.map(({ channel, revision }: Record<string, unknown>) => [channel, revision]),
    [['web-push', 1]],
  )
})

const everyCall: [line: string, body?: object][] = [
  ['GET channels'],
  ['PUT channels/web-push', {}],
  ['PUT channels/fcm', serviceAccount()],
  ['PUT channels/apns', apnsKey()],
  ['PUT channels/stub', {}],
  ['DELETE channels/stub'],
]

test('an app that does not exist is 404 for every operation', async () => {
  for (const [line, payload] of everyCall) {
    const { status, body } = await call(line.replace(' ', ' nobody/'), payload)
    assert.deepEqual([status, body.error.code], [404, 21008], line)
  }
})

test('the secret of an app has no access, nor has nobody', async () => {
  for (const [line, payload] of everyCall) {
    const path = line.replace(' ', ` ${APP_KEY}/`)
    const app = await call(path, payload, t.basic)
    assert.deepEqual([app.status, app.body.error.code], [401, 21004], line)
    const nobody = await call(path, payload, {})
    assert.deepEqual([nobody.status, nobody.body.error.code], [401, 27001], line)
  }
})
