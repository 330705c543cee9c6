import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import {
  AudienceBody,
  aliasesPerAudienceMax,
  registrationIdsPerAudienceMax,
  tagsPerAudienceMax,
} from './audience.schemas.ts'

const check = (body: unknown) => Value.Check(AudienceBody, body)
const names = (count: number) => Array.from({ length: count }, (_, number) => `n${number}`)

test('an audience is all, or an object of the documented keys', () => {
  assert.ok(check('all'))
  assert.ok(check({ tag: ['a'], tag_and: ['b'], tag_not: ['c'], alias: ['d'], registration_id: ['e'] }))
  assert.ok(check({ seg: { id: '1' }, live_activity_id: '2' }))
  assert.ok(check({ tag: [] }))
  for (const body of [
    'ALL',
    '',
    'web',
    ['all'],
    1,
    true,
    { tag: 'a' },
    { tag: [1] },
    { seg: [] },
    { alias: 'a' },
  ])
    assert.equal(check(body), false, JSON.stringify(body))
})

test('a key that is not declared is refused, wherever it stands', () => {
  for (const body of [
    { tags: ['a'] },
    { tag: ['a'], tagnot: ['b'] },
    { TAG: ['a'] },
    { seg: { id: '1', x: 1 } },
  ])
    assert.equal(check(body), false, JSON.stringify(body))
})

test('lists are as long as their limits, and not one longer', () => {
  for (const [key, max] of Object.entries({
    tag: tagsPerAudienceMax,
    tag_and: tagsPerAudienceMax,
    tag_not: tagsPerAudienceMax,
    alias: aliasesPerAudienceMax,
    registration_id: registrationIdsPerAudienceMax,
  })) {
    assert.ok(check({ [key]: names(max) }), key)
    assert.equal(check({ [key]: names(max + 1) }), false, key)
  }
})

test('a registration id is one id, never a list or a wildcard', () => {
  for (const id of ['', 'a,b', '*', 'a b', 'a'.repeat(65)])
    assert.equal(check({ registration_id: [id] }), false, id)
})

/** A schema and those inside it. */
function walk(schema: unknown): Record<string, unknown>[] {
  if (typeof schema !== 'object' || schema === null) return []
  const node = schema as Record<string, unknown>
  return [...('type' in node || 'anyOf' in node ? [node] : []), ...Object.values(node).flatMap(walk)]
}

test('every field says what it is, every object is closed, and none knows null', () => {
  const nodes = walk(AudienceBody)
  assert.ok(nodes.length > 10)
  for (const node of nodes) {
    assert.match(String(node['description']), /\.$/)
    assert.notEqual(node['type'], 'null')
    if (node['type'] === 'object') assert.equal(node['additionalProperties'], false)
  }
})
