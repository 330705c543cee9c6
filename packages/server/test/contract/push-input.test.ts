// What a misspelt key of a push is answered with: the schemas of the protocol through the server's own check.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchPushBody, pushBody } from '@lethe/protocol/push.schemas.ts'
import { Type } from 'typebox'
import { batchSamples, pushSamples } from '../../../protocol/test/push-samples.ts'
import { cleanInput, compileCheck } from '../../src/http/check-input.ts'

type Members = Record<string, unknown>

const checkPush = compileCheck(pushBody(Type.Unknown()), 'body')
const checkBatch = compileCheck(BatchPushBody, 'body')
const samples = [
  ...pushSamples.map((sample) => ({ ...sample, check: checkPush })),
  ...batchSamples.map((sample) => ({ ...sample, check: checkBatch })),
]
/** Objects whose keys are the developer's, and the audience, which has a schema of its own. */
const free = ['to', 'custom_args', 'extras', 'inbox', 'msg_content', 'voip', 'attributes', 'content-state']

/** A sample as the server sees it, and every object in it whose keys are ours. */
function received(body: object) {
  const value = structuredClone(body)
  assert.equal(cleanInput(value), undefined)
  return { value, objects: closedObjects(value) }
}

function closedObjects(value: unknown, key = ''): Members[] {
  if (typeof value !== 'object' || value === null || free.includes(key)) return []
  const inner = Object.entries(value).flatMap(([name, one]) => closedObjects(one, name))
  return Array.isArray(value) || key === 'multi_language' ? inner : [value as Members, ...inner]
}

test('every sample passes its schema', () => {
  for (const { name, body, check } of samples) assert.equal(check(received(body).value), undefined, name)
})

test('a key too many is 21015 wherever it stands, and is named', () => {
  for (const { name, body, check } of samples) {
    for (const [index] of received(body).objects.entries()) {
      const { value, objects } = received(body)
      Object.assign(objects[index] ?? {}, { platfrom: 'ios' })
      const fault = check(value)
      assert.equal(fault?.error, 'parameterUnknown', name)
      assert.match(fault?.message ?? '', /^unknown parameter "platfrom"/)
    }
  }
})

test('a misspelt key is 21015 wherever it stands: it is never taken for one that is not there', () => {
  for (const { name, body, check } of samples) {
    for (const [index, object] of received(body).objects.entries()) {
      for (const key of Object.keys(object)) {
        const { value, objects } = received(body)
        const misspelt = objects[index] ?? {}
        misspelt[`${key}x`] = misspelt[key]
        delete misspelt[key]
        const fault = check(value)
        assert.equal(fault?.error, 'parameterUnknown', `${name}: ${key}: ${fault?.message}`)
      }
    }
  }
})
