import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PushOptions } from '@lethe/protocol/push.ts'
import type { RenderInput } from '../channel.ts'
import { PLAINTEXT_BYTES_MAX } from './encryption.ts'
import { plaintextFor, refusalOfSize, renderWebPush, topicFor } from './payload.ts'

function inputOf(
  body: string,
  more: Partial<RenderInput> = {},
  options: Partial<PushOptions> = {},
): RenderInput {
  return {
    msgId: 4711,
    platform: 'web',
    push: {
      platforms: ['web'],
      content: { kind: 'notification', web: { alert: { body }, buttons: [] } },
      options: {
        timeToLiveSeconds: 60,
        bigPushMinutes: 0,
        languages: [{ language: 'de', content: 'Hallo' }],
        channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
        classification: 'operational',
        ...options,
      },
    },
    language: null,
    collapseId: '4711',
    overriddenMsgId: null,
    ...more,
  }
}

const TOKEN = 'A'.repeat(22)

function shown(input: RenderInput): unknown {
  return JSON.parse(Buffer.from(renderWebPush(input).message).toString())
}

test('a push becomes the message for the browser, in the language of the user', () => {
  const common = { v: 1, msg_id: '4711', tag: '4711', kind: 'notification' }
  assert.deepEqual(shown(inputOf('Hello')), { ...common, body: 'Hello' })
  assert.deepEqual(shown(inputOf('Hello', { language: 'de-CH' })), { ...common, body: 'Hallo' })
})

test('each user gets the message with a token of its own, in memory of its own', () => {
  const rendered = renderWebPush(inputOf('Hällo "}'))
  for (const token of [TOKEN, TOKEN.replace('A', 'B')]) {
    const plaintext = plaintextFor(rendered, token)
    const read = JSON.parse(Buffer.from(plaintext).toString())
    assert.deepEqual(read, { ...(shown(inputOf('Hällo "}')) as object), event_token: token })
    assert.equal(plaintext.buffer.byteLength, plaintext.byteLength)
  }
})

test('a message of 3954 bytes is taken, which its token fills up, and one more byte is too large', () => {
  const empty = renderWebPush(inputOf('x')).message.length - 1
  const ofBytes = (bytes: number) => renderWebPush(inputOf('x'.repeat(bytes - empty)))
  assert.equal(refusalOfSize(ofBytes(3_954)), undefined)
  assert.equal(plaintextFor(ofBytes(3_954), TOKEN).length, PLAINTEXT_BYTES_MAX)
  assert.deepEqual(refusalOfSize(ofBytes(3_955)), {
    ok: false,
    error: 'contentTooLarge',
    message: 'the message for browsers: 3955 bytes of at most 3954',
  })
})

test('bytes are counted as UTF-8', () => {
  assert.ok(refusalOfSize(renderWebPush(inputOf('ä'.repeat(2_000)))))
})

test('what cannot wait is urgent', () => {
  const urgency = (options: Partial<PushOptions>) => renderWebPush(inputOf('Hello', {}, options)).urgency
  assert.equal(urgency({}), 'normal')
  assert.equal(urgency({ classification: 'system' }), 'high')
  assert.equal(urgency({ timeToLiveSeconds: 0 }), 'high')
})

test('a topic is made of the collapse id, whatever that is, and fits the header', () => {
  const topic = (collapseId: string) => renderWebPush(inputOf('Hello', { collapseId })).topic
  assert.match(topic('ü'.repeat(500)), /^[\w-]{32}$/)
  assert.equal(topic('a'), topic('a'))
  assert.notEqual(topic('a'), topic('b'))
})

test('a push goes under its topic, at Google only where it overrides another', () => {
  const plain = renderWebPush(inputOf('Hello'))
  const override = renderWebPush(inputOf('Hello', { overriddenMsgId: 4710 }))
  assert.equal(topicFor(plain, 'firefox'), plain.topic)
  assert.equal(topicFor(plain, 'chrome'), undefined)
  assert.equal(topicFor(override, 'chrome'), override.topic)
})
