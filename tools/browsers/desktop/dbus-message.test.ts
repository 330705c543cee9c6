import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DbusMessage, DbusReader, parseMessage, writeBody, writeMessage } from './dbus-message.ts'

const { signature, body } = writeBody(['browser', 7, true, ['default', 'Öffnen']])
const call: DbusMessage = {
  kind: 'call',
  serial: 3,
  path: '/org/freedesktop/Notifications',
  interface: 'org.freedesktop.Notifications',
  member: 'Notify',
  destination: 'org.freedesktop.Notifications',
  signature,
  body,
}

test('a message is read as it was written, also where another follows', () => {
  const answer: DbusMessage = {
    kind: 'return',
    serial: 4,
    replySerial: 3,
    sender: ':1.0',
    body: Buffer.alloc(0),
  }
  const bytes = Buffer.concat([writeMessage(call), writeMessage(answer)])
  const first = parseMessage(bytes)
  assert.deepEqual(first?.message, call)
  assert.deepEqual(parseMessage(bytes.subarray(first?.length))?.message, answer)
})

test('values are aligned, and read in their order', () => {
  assert.equal(signature, 'subas')
  const reader = new DbusReader(body)
  assert.equal(reader.text(), 'browser')
  assert.equal(reader.uint32(), 7)
  assert.equal(reader.uint32(), 1)
  assert.deepEqual(reader.texts(), ['default', 'Öffnen'])
  assert.ok(reader.isAtEnd)
})

test('a message that is not whole is waited for', () => {
  const bytes = writeMessage(call)
  for (let length = 0; length < bytes.length; length += 1)
    assert.equal(parseMessage(bytes.subarray(0, length)), undefined)
})
