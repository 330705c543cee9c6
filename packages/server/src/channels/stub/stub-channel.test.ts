import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseToken } from '@lethe/protocol/tokens.ts'
import type { RegistrationId, Token } from '../../kernel/personal.ts'
import type { RenderInput } from '../channel.ts'
import { createStubChannel, type StubChannel } from './stub-channel.ts'

const renderInput: RenderInput = {
  msgId: 1,
  platform: 'android',
  push: {
    platforms: ['android'],
    content: { kind: 'message', content: 'Hello' },
    options: {
      timeToLiveSeconds: 60,
      bigPushMinutes: 0,
      languages: [],
      channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
      classification: 'operational',
    },
  },
  language: null,
  collapseId: '1',
  overriddenMsgId: null,
}

function sendTo(channel: StubChannel, token: string, gate: { opens?: boolean; signal?: AbortSignal } = {}) {
  return channel.send({
    rendered: channel.render(renderInput),
    address: {
      token: token as Token,
      p256dh: null,
      auth: null,
      environment: null,
      registrationId: 'r1' as RegistrationId,
    },
    ttlSeconds: 60,
    expiresAtSeconds: 61,
    gate: {
      confirm: async () => gate.opens ?? true,
      holds: () => true,
      signal: gate.signal ?? new AbortController().signal,
    },
  })
}

const plainToken = 'x'.repeat(32)

function channelWith(sendsKeptMax?: number): StubChannel {
  return createStubChannel({ clock: { now: () => 7 }, ...(sendsKeptMax !== undefined && { sendsKeptMax }) })
}

test('everything is accepted, whatever its size', async () => {
  const channel = channelWith()
  assert.equal(channel.refusalOf(channel.render(renderInput)), undefined)
  assert.deepEqual(await sendTo(channel, plainToken), { kind: 'accepted' })
})

test('a token asks for its outcome, as one of Android and as an endpoint of the web', async () => {
  const channel = channelWith()
  for (const kind of ['gone', 'retry', 'rejected'] as const) {
    const token = `stub-${kind}-`.padEnd(32, 'x')
    assert.ok(parseToken('android', token).ok)
    assert.equal((await sendTo(channel, token)).kind, kind)
    assert.equal((await sendTo(channel, `https://push.example/${token}`)).kind, kind)
  }
  for (const token of ['x-stub-gone-x', 'stub-other-x', 'https://push.example/stub-gone-x/y'])
    assert.equal((await sendTo(channel, token)).kind, 'accepted', token)
})

test('a test says what becomes of a token', async () => {
  const channel = channelWith()
  const outcome = { kind: 'gone', sinceMs: 5, reason: 'told' } as const
  channel.outcomes.set(plainToken, outcome)
  assert.deepEqual(await sendTo(channel, plainToken), outcome)
})

test('the gate is asked like before any request, and the deadline is kept', async () => {
  const channel = channelWith(10)
  assert.deepEqual(await sendTo(channel, plainToken, { opens: false }), { kind: 'dropped' })
  const late = await sendTo(channel, plainToken, { signal: AbortSignal.abort() })
  assert.deepEqual(late, { kind: 'retry', afterMs: null, reason: 'deadline' })
  assert.deepEqual(channel.sends, [])
})

test('the last sends are kept where that is asked for, and none otherwise', async () => {
  const [keeping, forgetting] = [channelWith(2), channelWith()]
  for (const token of ['a', 'b', 'c']) {
    await sendTo(keeping, token)
    await sendTo(forgetting, token)
  }
  assert.deepEqual(keeping.sends, [
    { rendered: renderInput, token: 'b', ttlSeconds: 60, outcome: { kind: 'accepted' }, sentAt: 7 },
    { rendered: renderInput, token: 'c', ttlSeconds: 60, outcome: { kind: 'accepted' }, sentAt: 7 },
  ])
  assert.deepEqual(forgetting.sends, [])
})
