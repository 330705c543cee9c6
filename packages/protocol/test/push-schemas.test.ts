import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { errors } from '../src/errors.ts'
import type { Judged } from '../src/fault.ts'
import { parseBatch, parsePush } from '../src/parse-push.ts'
import * as push from '../src/push.schemas.ts'
import { batchSamples, pushSamples } from './push-samples.ts'

type Node = { readonly [key: string]: unknown }

/** Whom a push goes to has a schema of its own; here it may be anything. */
const PushBody = push.pushBody(Type.Unknown({ description: 'Whom it goes to.' }))
const pushCheck = Compile(PushBody)
const batchCheck = Compile(push.BatchPushBody)
const requests: [string, Node][] = [
  ['PushBody', node(PushBody)],
  ['BatchPushBody', node(push.BatchPushBody)],
  ['WithdrawPushParams', node(push.WithdrawPushParams)],
]
const answers: [string, Node][] = [
  ['PushAnswer', node(push.PushAnswer)],
  ['ValidatePushAnswer', node(push.ValidatePushAnswer)],
  ['BatchPushAnswer', node(push.BatchPushAnswer)],
  ['WithdrawPushAnswer', node(push.WithdrawPushAnswer)],
]

/** A schema as the plain JSON Schema that it is. */
function node(schema: TSchema): Node {
  return schema as unknown as Node
}

/** The schema itself and every schema inside it, each with its path. */
function walk(path: string, node: Node): { path: string; node: Node }[] {
  const members = (Array.isArray(node['anyOf']) ? node['anyOf'] : []) as Node[]
  const maps = [node['properties'], node['patternProperties']].flatMap((map) => Object.entries(map ?? {}))
  const items = node['items'] === undefined ? [] : [node['items'] as Node]
  return [
    { path, node },
    ...members.flatMap((member, index) => walk(`${path}|${index}`, member)),
    ...maps.flatMap(([key, member]) => walk(`${path}.${key}`, member as Node)),
    ...items.flatMap((member) => walk(`${path}[]`, member)),
  ]
}

/** As a request arrives: JSON, in which null means "not given". */
function received(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(received)
  if (typeof value !== 'object' || value === null) return value
  const given = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(given.map(([key, inner]) => [key, received(inner)]))
}

function codeOf(parsed: Judged<unknown>): number {
  return parsed.ok ? 0 : errors[parsed.error].code
}

test('every schema and every field says in words what it is', () => {
  for (const { path, node } of [...requests, ...answers].flatMap(([name, schema]) => walk(name, schema))) {
    const description = node['description']
    if (/\|\d+$/.test(path) && description === undefined) continue
    assert.ok(typeof description === 'string' && description.endsWith('.'), path)
  }
})

test('every object of a request refuses keys that it does not declare, and none knows null', () => {
  for (const { path, node } of requests.flatMap(([name, schema]) => walk(name, schema))) {
    if (node['type'] === 'object' && !path.endsWith('Params'))
      assert.equal(node['additionalProperties'], false, path)
    assert.notEqual(node['type'], 'null', path)
  }
})

test('only what belongs to developers has keys of their own', () => {
  const open = requests
    .flatMap(([name, schema]) => walk(name, schema))
    .filter(({ node }) => node['patternProperties'] !== undefined)
    .map(({ path }) => path.replace(/^.*\.(?=[^.]+$)/, '').replace(/\|\d+$/, ''))
  assert.deepEqual([...new Set(open)].toSorted(), [
    'attributes',
    'content-state',
    'custom_args',
    'extras',
    'inbox',
    'msg_content',
    'multi_language',
    'voip',
  ])
})

for (const { name, code, body } of pushSamples) {
  test(`a push of ${name} is ${code === 0 ? 'accepted' : `refused with ${code}`}`, () => {
    const value = received(JSON.parse(JSON.stringify(body, undefined, 2)))
    assert.ok(pushCheck.Check(value), JSON.stringify(pushCheck.Errors(value)))
    assert.equal(codeOf(parsePush(value as push.PushEnvelope)), code)
  })
}

for (const { name, code, body } of batchSamples) {
  test(`a batch of ${name} is accepted`, () => {
    const value = received(body)
    assert.ok(batchCheck.Check(value), JSON.stringify(batchCheck.Errors(value)))
    const parsed = parseBatch(value as push.BatchPushBody)
    assert.ok(parsed.ok)
    for (const item of parsed.value) assert.equal(codeOf(item.push), code)
  })
}

test('an accepted push is plain JSON: nothing is lost when it is stored', () => {
  for (const { body } of pushSamples) {
    const parsed = parsePush(received(body) as push.PushEnvelope)
    if (parsed.ok) assert.deepEqual(JSON.parse(JSON.stringify(parsed.value)), parsed.value)
  }
})

/** Every object of `value` whose keys are ours, by its path. */
function closedObjects(schema: Node, value: unknown): Record<string, unknown>[] {
  const variants = (Array.isArray(schema['anyOf']) ? schema['anyOf'] : [schema]) as Node[]
  return variants.flatMap((variant) => {
    if (variant['type'] === 'array' && Array.isArray(value))
      return value.flatMap((one) => closedObjects(variant['items'] as Node, one))
    if (variant['type'] !== 'object' || typeof value !== 'object' || value === null) return []
    const { properties, patternProperties } = variant as {
      properties?: Record<string, Node>
      patternProperties?: Record<string, Node>
    }
    const inner = Object.entries(value).flatMap(([key, one]) =>
      closedObjects(properties?.[key] ?? Object.values(patternProperties ?? {})[0] ?? {}, one),
    )
    return properties === undefined ? inner : [value as Record<string, unknown>, ...inner]
  })
}

const misspell = fc.oneof(
  fc.nat().map((at) => (key: string) => key.slice(0, at % key.length) + key.slice((at % key.length) + 1)),
  fc.nat().map((at) => (key: string) => `${key.slice(0, at % key.length)}x${key.slice(at % key.length)}`),
  fc.constantFrom(
    (key: string) => key.toUpperCase(),
    (key: string) => `${key}s`,
    (key: string) => `${key} `,
    (key: string) => key.replaceAll('_', '-'),
    (key: string) => key.replaceAll('-', '_'),
  ),
)

test('a misspelt key anywhere is refused as an unknown key, whether it replaces the right one or joins it', () => {
  const samples = [
    ...pushSamples.map(({ body }) => ({ check: pushCheck, schema: node(PushBody), body })),
    ...batchSamples.map(({ body }) => ({ check: batchCheck, schema: node(push.BatchPushBody), body })),
  ]
  const misspellings = fc.record({
    sample: fc.constantFrom(...samples),
    objectAt: fc.nat(),
    keyAt: fc.nat(),
    wrongly: misspell,
    replaces: fc.boolean(),
  })
  fc.assert(
    fc.property(misspellings, ({ sample, objectAt, keyAt, wrongly, replaces }) => {
      const { check, schema, body } = sample
      const value = received(body)
      const objects = closedObjects(schema, value).filter((one) => Object.keys(one).length > 0)
      const object = objects[objectAt % objects.length] ?? {}
      const key = Object.keys(object)[keyAt % Object.keys(object).length] ?? ''
      const wrong = wrongly(key)
      fc.pre(!(wrong in object))
      object[wrong] = object[key]
      if (replaces) delete object[key]
      assert.equal(check.Check(value), false, wrong)
      const unknown = check
        .Errors(value)
        .filter(({ keyword }) => keyword === 'additionalProperties')
        .flatMap(({ params }) => (params as { additionalProperties: string[] }).additionalProperties)
      assert.ok(unknown.includes(wrong), wrong)
    }),
    { numRuns: 1000 },
  )
})

test('a push has a body and a platform', () => {
  assert.equal(pushCheck.Check({ to: 'all' }), false)
  assert.equal(pushCheck.Check({ to: 'all', body: { notification: { alert: 'a' } } }), false)
})

test('limits of schemas hold on both sides', () => {
  const check = (body: object) => pushCheck.Check({ to: 'all', body: { platform: 'all', ...body } })
  const options = (value: object) => check({ options: value })
  const block = (platform: string, value: object) => check({ notification: { [platform]: value } })
  const button = { id: 'a', text: 'b' }
  const cases: [string, (value: never) => boolean, unknown[], unknown[]][] = [
    ['time_to_live', (time_to_live) => options({ time_to_live }), [0, 1_296_000], [-1, 1_296_001, 0.5, '60']],
    [
      'override_msg_id',
      (override_msg_id) => options({ override_msg_id }),
      [1, 2 ** 53 - 1],
      [0, 2 ** 53, '1'],
    ],
    ['classification', (classification) => options({ classification }), [0, 1], [-1, 2]],
    ['web_buttons', (count: never) => options({ web_buttons: Array(count).fill(button) }), [0, 1, 2], [3]],
    [
      'button',
      (web_button) => options({ web_buttons: [web_button] }),
      [button],
      [{ id: '', text: 'b' }, { id: 'a' }],
    ],
    ['priority', (priority) => block('android', { priority }), [-2, 2], [-3, 3]],
    ['style', (style) => block('android', { style }), [0, 3], [-1, 4]],
    ['badge_add_num', (badge_add_num) => block('android', { badge_add_num }), [0, 99], [-1, 100]],
    ['badge_set_num', (badge_set_num) => block('hmos', { badge_set_num }), [0, 99], [-1, 100]],
    [
      'display_foreground',
      (display_foreground) => block('android', { display_foreground }),
      ['0', '1'],
      [1, '2'],
    ],
    [
      'badge',
      (badge) => block('ios', { badge }),
      [0, 99, '', '5', '+99', '-1'],
      [-1, 100, '+100', '1+', 'a'],
    ],
    ['interruption', (level) => block('ios', { 'interruption-level': level }), ['passive'], ['loud']],
    ['volume', (volume) => block('ios', { sound: { volume } }), [0, 1], [-0.1, 1.1]],
    ['hmos style', (style) => block('hmos', { style }), [0, 3], [1, 2]],
    ['push_type', (push_type) => block('hmos', { push_type }), [0, 2, 10], [1]],
    ['inbox_content', (count: never) => block('hmos', { inbox_content: Array(count).fill('a') }), [3], [4]],
    ['url', (url) => block('web', { url }), ['https://a.example'], [undefined, 1]],
  ]
  for (const [name, accepts, good, bad] of cases) {
    for (const value of good) assert.ok(accepts(value as never), `${name} ${value}`)
    for (const value of bad) assert.equal(accepts(value as never), false, `${name} ${value}`)
  }
})

test('ids and names of a push have at most 128 characters', () => {
  const check = (fields: object) => pushCheck.Check({ to: 'all', body: { platform: 'all' }, ...fields })
  for (const field of ['from', 'request_id']) {
    assert.ok(check({ [field]: 'a'.repeat(128) }), field)
    assert.equal(check({ [field]: 'a'.repeat(129) }), false, field)
  }
})

test('a batch has 1 to 500 pushes', () => {
  const items = Array.from({ length: 501 }, (_, number) => ({ target: `r${number}`, platform: 'all' }))
  assert.ok(batchCheck.Check({ requests: items.slice(0, 500) }))
  assert.equal(batchCheck.Check({ requests: items }), false)
  assert.equal(batchCheck.Check({ requests: [] }), false)
})

test('a message id is a text in answers to one push and a number in answers to a batch', () => {
  assert.ok(Value.Check(push.PushAnswer, { request_id: '12345678', msg_id: '1828256757' }))
  assert.ok(Value.Check(push.PushAnswer, { msg_id: '1' }))
  assert.equal(Value.Check(push.PushAnswer, { msg_id: 1 }), false)
  assert.ok(Value.Check(push.ValidatePushAnswer, { msg_id: '0' }))
  assert.equal(Value.Check(push.ValidatePushAnswer, { msg_id: '1' }), false)
  assert.ok(Value.Check(push.WithdrawPushAnswer, { request_id: '', msg_id: '1180003' }))
  const batch = (result: object) => Value.Check(push.BatchPushAnswer, { results: { r1: result } })
  assert.ok(batch({ target: 'r1', success: true, msg_id: 1 }))
  assert.ok(batch({ target: 'r1', success: false, error: { code: 23008, message: 'too many requests' } }))
  assert.equal(batch({ target: 'r1', success: true, msg_id: '1' }), false)
  assert.equal(batch({ target: 'r1', success: false, msg_id: 1 }), false)
  const rate_limit_info = { rate_limit_occurred: true, message: 'some were refused' }
  assert.ok(Value.Check(push.BatchPushAnswer, { results: {}, rate_limit_info }))
})
