import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesField, fixed64Field, numberField, parseProtobuf, readVarint, textOf } from './protobuf.ts'

test('what is written is read again, in the bytes of the format', () => {
  const inner = bytesField(1, 'key')
  const bytes = Buffer.concat([
    numberField(1, 150),
    fixed64Field(2, 7n),
    bytesField(3, 'é'),
    bytesField(3, inner),
  ])
  // 08 96 01 is the example of the format's own page.
  assert.equal(bytes.subarray(0, 3).toString('hex'), '089601')
  const fields = parseProtobuf(bytes)
  assert.deepEqual(fields.get(1), [150n])
  assert.deepEqual(fields.get(2), [7n])
  assert.equal(textOf(fields, 3), 'é')
  assert.deepEqual(fields.get(3)?.[1], inner)
  assert.equal(textOf(fields, 9), '')
})

test('a number that is not whole is waited for, and refused where nothing more comes', () => {
  assert.equal(readVarint(Buffer.from([0x96]), 0), undefined)
  assert.deepEqual(readVarint(Buffer.from([0xff, 0x96, 0x01]), 1), { value: 150n, end: 3 })
  assert.throws(() => parseProtobuf(Buffer.from([0x08, 0x96])), RangeError)
})
