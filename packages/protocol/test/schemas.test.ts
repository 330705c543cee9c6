import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import * as admin from '../src/admin.schemas.ts'
import * as alias from '../src/alias.schemas.ts'
import * as client from '../src/client.schemas.ts'
import * as device from '../src/device.schemas.ts'
import * as erasure from '../src/erasure.schemas.ts'
import { ErrorBody } from '../src/errors.ts'
import { type AppLimits, appLimitsDefault } from '../src/limits.ts'
import * as receipt from '../src/receipt.ts'
import * as tag from '../src/tag.schemas.ts'

type Node = { readonly [key: string]: unknown }

const rooms = { admin, alias, client, device, erasure, receipt, tag, errors: { ErrorBody } }

/** Every exported schema with the name that it has in the reference. */
const schemas = Object.entries(rooms).flatMap(([room, exports]) =>
  Object.entries(exports as Node)
    .filter(([, value]) => isSchema(value))
    .map(([name, schema]) => ({ name: `${room}.${name}`, schema: schema as TSchema })),
)

function isSchema(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && ('type' in value || 'anyOf' in value)
}

/** The schema itself and every schema inside it, each with its path. */
function walk(path: string, node: Node): { path: string; node: Node }[] {
  const lists = [node['anyOf']].filter(Array.isArray).flat() as Node[]
  const maps = [node['properties'], node['patternProperties']]
    .filter(isObject)
    .flatMap((map) => Object.entries(map))
  const items = isObject(node['items']) ? [node['items']] : []
  return [
    { path, node },
    ...lists.flatMap((member, index) => walk(`${path}|${index}`, member)),
    ...maps.flatMap(([key, member]) => walk(`${path}.${key}`, member as Node)),
    ...items.flatMap((member) => walk(`${path}[]`, member)),
  ]
}

function isObject(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

test('every schema and every field says in words what it is', () => {
  assert.ok(schemas.length > 40)
  for (const { path, node } of schemas.flatMap(({ name, schema }) => walk(name, schema as Node))) {
    const isPartOfUnion = /\|\d+$/.test(path)
    const description = node['description']
    if (isPartOfUnion && description === undefined) continue
    assert.ok(typeof description === 'string' && description.endsWith('.'), path)
  }
})

test('every object in a request body refuses keys that it does not declare', () => {
  for (const { name, schema } of schemas.filter(
    ({ name }) => name.endsWith('Body') && !name.startsWith('errors.'),
  )) {
    for (const { path, node } of walk(name, schema as Node)) {
      if (node['type'] === 'object') assert.equal(node['additionalProperties'], false, path)
    }
  }
})

test('no request schema knows null', () => {
  const requests = schemas.filter(
    ({ name }) => /(?:Body|Params|Query)$/.test(name) && !name.startsWith('errors.'),
  )
  for (const { path, node } of requests.flatMap(({ name, schema }) => walk(name, schema as Node))) {
    assert.notEqual(node['type'], 'null', path)
  }
})

test('path parameters have no patterns: their routes answer for them', () => {
  for (const { name, schema } of schemas.filter(({ name }) => name.endsWith('Params'))) {
    for (const { path, node } of walk(name, schema as Node)) assert.equal(node['pattern'], undefined, path)
  }
})

test('a user is set by adding and removing tags, by the empty string, by an alias or by nothing', () => {
  const check = (body: unknown) => Value.Check(device.SetDeviceBody, body)
  assert.ok(check({ tags: { add: ['a'], remove: ['b'] }, alias: 'c' }))
  assert.ok(check({ tags: '' }))
  assert.ok(check({ alias: '' }))
  assert.ok(check({ tags: {} }))
  assert.ok(check({}))
  assert.equal(check({ tags: 'a' }), false)
  assert.equal(check({ tags: ['a'] }), false)
  assert.equal(check({ tags: { set: ['a'] } }), false)
  assert.equal(check({ tags: { add: ['a', 1] } }), false)
  assert.equal(check({ mobile: '1' }), false)
})

test('a hundred tags can be added in one call and a hundred and one cannot', () => {
  const tags = Array.from({ length: 101 }, (_, number) => `t${number}`)
  assert.ok(Value.Check(device.SetDeviceBody, { tags: { add: tags.slice(0, 100) } }))
  assert.equal(Value.Check(device.SetDeviceBody, { tags: { add: tags } }), false)
})

test('lists of registration ids hold ids only, up to their limit', () => {
  const ids = Array.from({ length: 1001 }, (_, number) => `id${number}`)
  const status = (registration_ids: unknown) => Value.Check(device.DeviceStatusBody, { registration_ids })
  assert.ok(status(ids.slice(0, 1000)))
  assert.equal(status(ids), false)
  assert.equal(status([]), false)
  assert.equal(status(['a,b']), false)
  const setTag = (change: unknown) => Value.Check(tag.SetTagBody, { registration_ids: change })
  assert.ok(setTag({ add: ids.slice(0, 1000), remove: ids.slice(0, 1000) }))
  assert.equal(setTag({ add: ids }), false)
  assert.equal(setTag({ remove: ['*'] }), false)
})

test('tokens of two platforms can be registered, 500 at a time', () => {
  const tokens = Array.from({ length: 501 }, (_, number) => `${number}`)
  const check = (body: unknown) => Value.Check(device.RegisterTokensBody, body)
  assert.ok(check({ platform: 'ios', tokens: tokens.slice(0, 500), apns_production: false }))
  assert.equal(check({ platform: 'ios', tokens }), false)
  assert.equal(check({ platform: 'web', tokens: ['1'] }), false)
})

test('the documented answers are answers', () => {
  assert.ok(Value.Check(device.DeviceAnswer, { tags: [], alias: '' }))
  assert.ok(Value.Check(device.DeleteDeviceAnswer, { success: true }))
  assert.equal(Value.Check(device.DeleteDeviceAnswer, { success: false }), false)
  assert.ok(Value.Check(device.DeviceStatusAnswer, [{ regid: 'a', online: true }]))
  assert.ok(
    Value.Check(device.DeviceStatusAnswer, [
      { regid: 'a', online: false, last_online_time: '2026-03-20 10:00:00' },
    ]),
  )
  assert.ok(Value.Check(tag.TagsCountAnswer, { tagsCount: { 中文: 2, 'a.b': 0 } }))
  assert.ok(Value.Check(tag.TagOfDeviceAnswer, { result: true }))
  assert.ok(Value.Check(alias.AliasAnswer, { registration_ids: [] }))
})

test('a browser registers with what its subscription serialises to', () => {
  const subscription = {
    endpoint: 'https://push.example/1',
    expirationTime: 1,
    keys: { p256dh: 'BA', auth: 'AA' },
  }
  const check = (body: unknown) => Value.Check(client.RegistrationBody, body)
  assert.ok(check({ platform: 'web', subscription, language: 'de', tags: ['a'], alias: 'b' }))
  assert.ok(check({ platform: 'android', token: 'a', os: 'Android 16' }))
  assert.equal(check({ token: 'a' }), false)
  assert.equal(check({ platform: 'web', subscription, registration_id: 'a' }), false)
})

test('a fact has at most a hundred characters and no control characters', () => {
  const check = (os: string) => Value.Check(client.ClientDeviceBody, { os })
  assert.ok(check('a'.repeat(100)))
  assert.ok(check(''))
  assert.equal(check('a'.repeat(101)), false)
  assert.equal(check('a\0b'), false)
  assert.equal(check('a\nb'), false)
})

test('app keys of any printable kind can be configured, but none that Basic authentication could not carry', () => {
  const check = (app_key: string) => Value.Check(admin.CreateAppBody, { name: 'Shop', app_key })
  assert.ok(check('aladdin'))
  assert.ok(check('0123456789abcdef01234567'))
  for (const key of ['', 'a:b', 'a b', 'group-a', 'ä', 'a'.repeat(65)]) assert.equal(check(key), false, key)
})

test('settings name their unknown keys and bad origins, and change in parts', () => {
  const check = (settings: unknown) => Value.Check(admin.ChangeAppBody, { settings })
  assert.ok(check({}))
  assert.ok(
    check({ limits: { tags_per_device: 200 }, origins: ['https://shop.example', 'http://localhost:8080'] }),
  )
  assert.ok(check({ limits: { requests_per_second: 0 }, allowed_addresses: ['10.0.0.0/8', '::1'] }))
  assert.equal(check({ limits: { tags_per_device: 0 } }), false)
  assert.equal(check({ limits: { tagsPerDevice: 1 } }), false)
  assert.equal(check({ origins: ['https://shop.example/'] }), false)
  assert.ok(check({ origins: ['*'] }))
  assert.equal(check({ origins: ['https://*.example'] }), false)
})

test('the limits on the wire are the limits inside, in other letters', () => {
  const inside = (word: string) => word.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const words = Object.keys(admin.AppLimitsAnswer.properties).map(inside)
  assert.deepEqual(words.toSorted(), Object.keys(appLimitsDefault satisfies AppLimits).toSorted())
})

test('an open erasure has neither counts nor receipt, a closed one has both', () => {
  const open = {
    erasure_id: 'e1',
    state: 'accepted',
    hidden_at: '2026-03-20T10:00:00.000Z',
    removed_at: null,
    erased_at: null,
    attempts: 0,
    removed: null,
    receipt: null,
  }
  const closed = {
    ...open,
    state: 'erased',
    removed_at: '2026-03-20T10:00:01.000Z',
    erased_at: '2026-03-20T10:00:02.000Z',
    attempts: 1,
    removed: { devices: 1, device_tags: 3 },
    receipt: 'a.b.c',
  }
  assert.ok(Value.Check(erasure.ErasureAnswer, open))
  assert.ok(Value.Check(erasure.ErasureAnswer, closed))
  assert.equal(Value.Check(erasure.ErasureAnswer, { ...open, state: 'gone' }), false)
})

test('a receipt cannot say that rows are left, nor carry a registration id', () => {
  const claims = {
    iss: 'https://push.example',
    jti: 'e1',
    iat: 1_774_000_000,
    app_key: 'aladdin',
    registration_id_digest: { alg: 'HMAC-SHA-256', key_version: 1, value: 'AA' },
    hidden_at: '2026-03-20T10:00:00.000Z',
    removed_at: '2026-03-20T10:00:01.000Z',
    erased_at: '2026-03-20T10:00:02.000Z',
    removed: { devices: 1 },
    columns: { devices: ['language', 'time_zone'] },
    verified: { tables: ['devices', 'device_tags'], rows_left: 0 },
    remains: [{ what: 'a keyed digest of the id', until: 'the app is deleted', personal: false }],
    told: [],
  } satisfies receipt.ReceiptClaims
  assert.ok(Value.Check(receipt.ReceiptClaims, claims))
  assert.equal(
    Value.Check(receipt.ReceiptClaims, { ...claims, verified: { tables: [], rows_left: 1 } }),
    false,
  )
  assert.equal(Value.Check(receipt.ReceiptClaims, { ...claims, registration_id: 'abc123' }), false)
})
