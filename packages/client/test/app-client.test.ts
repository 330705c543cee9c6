/** An app with a real server: opened, killed, opened again, removed, and its user deleted at every one of these times. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { appKey, basicAuth, type ServerProcess, startServer } from '../../../tools/server-process.ts'
import { LetheError } from '../src/index.ts'
import { Phone } from './support/phone.ts'

let server: ServerProcess
before(async () => {
  server = await startServer({ environment: { LETHE_RATE_LIMIT: '0' } })
})
after(() => server.stop())

function newPhone(): Phone {
  return new Phone({ url: server.url, appKey })
}

async function asCustomer(method: string, path: string, body?: object) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: basicAuth, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function holders(tag: string): Promise<unknown> {
  const { body } = await asCustomer('GET', `/v4/tags_count?tags=${tag}&platform=android`)
  return (body['tagsCount'] as Record<string, number>)[tag]
}

async function rejectsWith(reason: string, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => error instanceof LetheError && error.reason === reason)
}

test('an app that is opened, killed and opened again is the same user', async () => {
  const phone = newPhone()
  const id = await phone.open().start()
  assert.match(id, /^[\w-]{22,}$/)
  assert.equal(await phone.open().start(), id)
  assert.deepEqual(phone.heard, ['registered', 'registered'])
  assert.deepEqual(phone.calls, ['POST registrations', `PUT registrations/${id}`])
})

test('a registration whose answer is lost is repeated, and makes no second user', async () => {
  const phone = newPhone()
  phone.loseAnswer = () => true
  await rejectsWith('network', phone.open().start())
  phone.loseAnswer = undefined
  const id = await phone.open().start()
  assert.equal(phone.calls.filter((call) => call === 'POST registrations').length, 2)
  const { body } = await asCustomer('POST', '/v4/devices/token/registration_id', {
    platform: 'android',
    tokens: [phone.token],
  })
  assert.deepEqual(body, { results: [{ token: phone.token, registration_id: id, is_new: false, code: 0 }] })
})

test('tags and alias are changed and read', async () => {
  const phone = newPhone()
  const app = phone.open()
  await app.start()
  assert.equal(await app.addTags(['tea', 'milk']), 'sent')
  assert.equal(await app.deleteTags(['milk']), 'sent')
  assert.equal(await app.setAlias('wendy'), 'sent')
  assert.deepEqual([await app.getAllTags(), await app.getAlias()], [['tea'], 'wendy'])
  await app.setTags(['coffee', 'cake'])
  assert.deepEqual((await app.getAllTags()).sort(), ['cake', 'coffee'])
  await app.cleanTags()
  await app.deleteAlias()
  assert.deepEqual([await app.getAllTags(), await app.getAlias()], [[], ''])
})

test('what was changed offline is kept, and sent in its order with the next start', async () => {
  const phone = newPhone()
  const app = phone.open()
  const id = await app.start()
  phone.isOffline = true
  assert.equal(await app.addTags(['offline', 'second']), 'kept')
  assert.equal(await app.deleteTags(['second']), 'kept')
  assert.equal(await phone.open().start(), id)
  phone.isOffline = false
  const again = phone.open()
  assert.equal(await again.start(), id)
  assert.deepEqual(await again.getAllTags(), ['offline'])
})

test('a change that the server refuses is thrown, and holds up nothing', async () => {
  const phone = newPhone()
  const app = phone.open()
  await app.start()
  await rejectsWith('refused', app.addTags(['x'.repeat(41)]))
  phone.isOffline = true
  assert.equal(await app.addTags(['y'.repeat(41)]), 'kept')
  assert.equal(await app.addTags(['good']), 'kept')
  phone.isOffline = false
  await app.setAlias('after')
  assert.deepEqual(await app.getAllTags(), ['good'])
  assert.deepEqual(phone.heard, ['registered', 'refused'])
})

test('a deleted user comes back by opening the app: as a new one, with nothing of the old', async () => {
  const phone = newPhone()
  const app = phone.open()
  const id = await app.start()
  await app.addTags(['old_tag'])
  await app.setAlias('old_alias')
  assert.equal((await asCustomer('DELETE', `/v4/devices/${id}`)).status, 200)

  const again = phone.open()
  const newId = await again.start()
  assert.notEqual(newId, id)
  assert.deepEqual([await again.getAllTags(), await again.getAlias()], [[], ''])
  assert.deepEqual(phone.heard, ['registered', 'deleted', 'registered'])
  assert.equal((await asCustomer('GET', `/v4/devices/${newId}`)).status, 200)
  assert.equal((await asCustomer('GET', `/v4/devices/${id}`)).status, 400)
})

test('tags that were kept offline die with the user who was deleted meanwhile', async () => {
  const phone = newPhone()
  const app = phone.open()
  const id = await app.start()
  phone.isOffline = true
  assert.equal(await app.addTags(['revenant']), 'kept')
  assert.equal(await app.setAlias('revenant'), 'kept')
  assert.equal((await asCustomer('DELETE', `/v4/devices/${id}`)).status, 200)
  phone.isOffline = false

  const again = phone.open()
  await again.start()
  assert.deepEqual([await again.getAllTags(), await again.getAlias()], [[], ''])
  assert.equal(await holders('revenant'), 0)
  assert.deepEqual((await asCustomer('GET', '/v4/aliases/revenant')).body['registration_ids'] ?? [], [])
})

test('a running app that hears of the deletion forgets everything, and registers with the next start only', async () => {
  const phone = newPhone()
  const app = phone.open()
  const id = await app.start()
  phone.isOffline = true
  await app.addTags(['held'])
  phone.isOffline = false
  await asCustomer('DELETE', `/v4/devices/${id}`)
  await rejectsWith('deleted', app.addTags(['late']))
  assert.equal(phone.stored.size, 0)
  assert.equal(app.registrationId, '')
  await rejectsWith('unavailable', app.addTags(['later']))
  assert.deepEqual(phone.heard, ['registered', 'deleted'])
  assert.notEqual(await app.start(), id)
  assert.deepEqual(await app.getAllTags(), [])
})

test('a user deletes itself, and the next start makes a new one', async () => {
  const phone = newPhone()
  const app = phone.open()
  const id = await app.start()
  await app.deleteUser()
  assert.equal(phone.stored.size, 0)
  assert.equal((await asCustomer('GET', `/v4/devices/${id}`)).status, 400)
  assert.notEqual(await phone.open().start(), id)
})

test('an app that is installed again is a new user', async () => {
  const phone = newPhone()
  const id = await phone.open().start()
  phone.reinstall()
  assert.notEqual(await phone.open().start(), id)
})

test('an app without a network starts with what it knows, and not at all the first time', async () => {
  const phone = newPhone()
  phone.isOffline = true
  await rejectsWith('network', phone.open().start())
  phone.isOffline = false
  const id = await phone.open().start()
  phone.isOffline = true
  assert.equal(await phone.open().start(), id)
})

test('an id that the server never knew is dropped', async () => {
  const phone = newPhone()
  await phone.open().start()
  const [key = ''] = phone.stored.keys()
  const self = { registrationId: 'never-heard-of', deviceSecret: 'x' }
  phone.stored.set(key, JSON.stringify({ self, waiting: [{ tags: { add: ['foreign'] } }] }))
  const app = phone.open()
  assert.notEqual(await app.start(), 'never-heard-of')
  assert.deepEqual(await app.getAllTags(), [])
})

test('messages come over the own socket, and the deletion closes it', async () => {
  const phone = newPhone()
  const app = phone.open()
  const id = await app.start()
  const message = new Promise<unknown>((resolve) => app.on('message', ({ message }) => resolve(message)))
  const deleted = new Promise<void>((resolve) => app.on('deleted', () => resolve()))
  app.connect()
  const pushed = await asCustomer('POST', '/v4/push', {
    to: { registration_id: [id] },
    body: { platform: 'all', notification: { alert: 'Hello' } },
  })
  assert.equal(pushed.status, 200)
  const { msg_id, body } = (await message) as { msg_id: string; body: string }
  assert.deepEqual([msg_id, body], [pushed.body['msg_id'], 'Hello'])
  await asCustomer('DELETE', `/v4/devices/${id}`)
  await deleted
  assert.equal(phone.stored.size, 0)
})
