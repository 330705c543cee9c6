import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientFrameBytesMax, receivedIdsMax } from './socket.ts'
import { type ClientFrame, parseClientFrame } from './socket-client-frame.ts'

const hello = { type: 'hello', registration_id: 'r-1', device_secret: 's' }

function parsed(frame: unknown): ClientFrame | undefined {
  const result = parseClientFrame(JSON.stringify(frame))
  return result.ok ? result.value : undefined
}

test('a hello says who it is, and what the client has', () => {
  const parts = { type: 'hello', registrationId: 'r-1', deviceSecret: 's' }
  assert.deepEqual(parsed(hello), { ...parts, received: [] })
  assert.deepEqual(parsed({ ...hello, received: ['1', '9007199254740991'] }), {
    ...parts,
    received: [1, Number.MAX_SAFE_INTEGER],
  })
})

test('an ack and an event name their message', () => {
  assert.deepEqual(parsed({ type: 'ack', msg_id: '7' }), { type: 'ack', msgId: 7 })
  for (const event of ['shown', 'clicked'] as const)
    assert.deepEqual(parsed({ type: 'event', msg_id: '7', event }), { type: 'event', msgId: 7, event })
})

test('whatever is not exactly a frame is refused', () => {
  for (const frame of [
    null,
    1,
    'hello',
    [],
    {},
    { type: 'bye' },
    { ...hello, extra: 1 },
    { ...hello, type: 'HELLO' },
    { ...hello, registration_id: 'a,b' },
    { ...hello, registration_id: '' },
    { ...hello, registration_id: 'x'.repeat(65) },
    { ...hello, device_secret: '' },
    { ...hello, device_secret: 'x'.repeat(129) },
    { ...hello, device_secret: undefined },
    { ...hello, received: null },
    { ...hello, received: [1] },
    { ...hello, received: ['9007199254740992'] },
    { type: 'ack' },
    { type: 'ack', msg_id: 7 },
    { type: 'ack', msg_id: '07' },
    { type: 'ack', msg_id: '9007199254740992' },
    { type: 'ack', msg_id: '7', event: 'shown' },
    { type: 'event', msg_id: '7' },
    { type: 'event', msg_id: '7', event: 'delivered' },
    { type: 'event', msg_id: '9007199254740992', event: 'shown' },
  ])
    assert.equal(parsed(frame), undefined, JSON.stringify(frame))
  for (const text of ['', '{', 'null', '\u0000'])
    assert.equal(parseClientFrame(text).ok, false, JSON.stringify(text))
})

test('the longest hello fits into a frame, and no longer one is taken', () => {
  const ids = (count: number) => Array<string>(count).fill(String(Number.MAX_SAFE_INTEGER))
  const longest = {
    type: 'hello',
    registration_id: 'x'.repeat(64),
    device_secret: 'x'.repeat(128),
    received: ids(receivedIdsMax),
  }
  assert.ok(parsed(longest))
  assert.ok(JSON.stringify(longest, null, 2).length < clientFrameBytesMax)
  assert.equal(parsed({ ...longest, received: ids(receivedIdsMax + 1) }), undefined)
})

test('any text is refused with a phrase that repeats nothing of it, or read as it was meant', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .record(
        {
          type: fc.constantFrom('hello', 'ack', 'event'),
          registration_id: fc.string({ maxLength: 66 }),
          device_secret: fc.string({ maxLength: 130 }),
          received: fc.array(fc.oneof(fc.nat().map(String), fc.nat()), { maxLength: 52 }),
          msg_id: fc.oneof(fc.nat().map(String), fc.string()),
          event: fc.constantFrom('shown', 'clicked', 'delivered'),
        },
        { requiredKeys: ['type'] },
      )
      .map((frame) => JSON.stringify(frame)),
  )
  fc.assert(
    fc.property(text, (frame) => {
      const result = parseClientFrame(frame)
      if (!result.ok) return assert.ok(Buffer.byteLength(result.reason) <= 123)
      const { value } = result
      const ids = value.type === 'hello' ? value.received : [value.msgId]
      assert.ok(ids.every((id) => Number.isSafeInteger(id) && id > 0))
      assert.equal((JSON.parse(frame) as { type: string }).type, value.type)
    }),
  )
})
