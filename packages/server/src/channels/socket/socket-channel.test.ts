import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Push } from '@lethe/protocol/push.ts'
import type { RegistrationId, Token } from '../../kernel/personal.ts'
import type { Gate, RenderInput } from '../channel.ts'
import { createSocketChannel, type SocketChannelDeps } from './socket-channel.ts'

const push: Push = {
  platforms: ['web', 'hmos'],
  content: {
    kind: 'notification',
    web: { alert: { title: 'Hello', body: 'World' }, buttons: [] },
    hmos: { alert: { title: 'Hello', body: 'World' }, category: 'MARKETING' },
  },
  options: {
    timeToLiveSeconds: 60,
    bigPushMinutes: 0,
    languages: [{ language: 'de', title: 'Hallo' }],
    channelOrder: { android: 'socketFirst', web: 'socketFirst' },
    classification: 'operational',
  },
}
const renderInput: RenderInput = {
  msgId: 7,
  platform: 'web',
  push,
  language: null,
  collapseId: 'c1',
  overriddenMsgId: null,
}

type Hub = SocketChannelDeps['hub']

/** What was asked of the hub and of the gate, in its order. */
function sendTo({ hub, gate = {} }: { hub: Partial<Hub>; gate?: Partial<Gate> }) {
  const asked: string[] = []
  const channel = createSocketChannel(
    {
      hub: {
        isConnected: hub.isConnected ?? (() => true),
        deliver: (user, message, signal) => {
          asked.push(`deliver ${message.msgId} to ${user.registrationId} of ${user.appKey}`)
          return hub.deliver?.(user, message, signal) ?? Promise.resolve('acked')
        },
      },
    },
    { appKey: 'app' },
  )
  const outcome = channel.send({
    rendered: channel.render(renderInput),
    address: {
      token: '' as Token,
      p256dh: null,
      auth: null,
      environment: null,
      registrationId: 'alice' as RegistrationId,
    },
    ttlSeconds: 60,
    expiresAtSeconds: 61,
    gate: {
      signal: new AbortController().signal,
      holds: () => true,
      ...gate,
      confirm: async () => {
        asked.push('confirm')
        return gate.confirm?.() ?? true
      },
    },
  })
  return { channel, outcome, asked }
}

test('a frame is what the platform gets, in the language of the user', () => {
  const { channel } = sendTo({ hub: {} })
  const rendered = (more: Partial<RenderInput>) =>
    JSON.parse((channel.render({ ...renderInput, ...more }) as { frame: string }).frame)
  const message = { v: 1, msg_id: '7', tag: 'c1', kind: 'notification', title: 'Hello', body: 'World' }
  assert.deepEqual(rendered({}), { type: 'message', message })
  assert.deepEqual(rendered({ language: 'de' }), { type: 'message', message: { ...message, title: 'Hallo' } })
  assert.deepEqual(rendered({ platform: 'hmos' }), {
    type: 'message',
    message: { ...message, category: 'MARKETING' },
  })
  assert.equal(channel.refusalOf(channel.render(renderInput)), undefined)
})

test('what the client acknowledges is taken', async () => {
  const { outcome, asked } = sendTo({ hub: {} })
  assert.deepEqual(await outcome, { kind: 'accepted' })
  assert.deepEqual(asked, ['confirm', 'deliver 7 to alice of app'])
})

test('who is not connected costs no look, and is tried again', async () => {
  const offline = { kind: 'retry', afterMs: null, reason: 'offline' }
  const away = sendTo({ hub: { isConnected: () => false } })
  assert.deepEqual([await away.outcome, away.asked], [offline, []])
  const left = sendTo({ hub: { deliver: async () => 'notConnected' } })
  assert.deepEqual(await left.outcome, offline)
})

test('nothing is written when the gate refuses, or when the deadline is over', async () => {
  const refused = sendTo({ hub: {}, gate: { confirm: async () => false } })
  assert.deepEqual([await refused.outcome, refused.asked], [{ kind: 'dropped' }, ['confirm']])
  const lapsed = sendTo({ hub: {}, gate: { holds: () => false } })
  assert.deepEqual([await lapsed.outcome, lapsed.asked], [{ kind: 'dropped' }, ['confirm']])
  const late = sendTo({ hub: {}, gate: { signal: AbortSignal.abort() } })
  assert.deepEqual(
    [await late.outcome, late.asked],
    [{ kind: 'retry', afterMs: null, reason: 'deadline' }, ['confirm']],
  )
})

test('what is not acknowledged is tried again, for the reason that it has', async () => {
  const { outcome } = sendTo({ hub: { deliver: async () => 'unacked' } })
  assert.deepEqual(await outcome, { kind: 'retry', afterMs: null, reason: 'unacknowledged' })
  const deadline = new AbortController()
  const late = sendTo({
    hub: {
      deliver: async () => {
        deadline.abort()
        return 'unacked'
      },
    },
    gate: { signal: deadline.signal },
  })
  assert.deepEqual(await late.outcome, { kind: 'retry', afterMs: null, reason: 'deadline' })
})
