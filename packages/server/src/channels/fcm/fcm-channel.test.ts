import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { until } from '../../../test/support/until.ts'
import type { RegistrationId, Token } from '../../kernel/personal.ts'
import type { Outcome, RenderInput } from '../channel.ts'
import { createOutbound } from '../outbound/create-outbound.ts'
import { parseFcmCredentials } from './credentials.ts'
import { type FakeBehaviour, startFakeFcm } from './fake-fcm.ts'
import { createFcmChannel } from './fcm-channel.ts'
import type { Rate } from './rate.ts'

const push: RenderInput = {
  msgId: 4711,
  platform: 'android',
  language: null,
  collapseId: 'c1',
  overriddenMsgId: null,
  push: {
    platforms: ['android'],
    content: { kind: 'notification', android: { alert: { title: 'Title', body: 'Body' } } },
    options: {
      timeToLiveSeconds: 60,
      bigPushMinutes: 0,
      languages: [],
      channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
      classification: 'operational',
    },
  },
}

interface Sending {
  readonly confirm?: () => Promise<boolean>
  readonly signal?: AbortSignal
}

/** `random`: the byte that all randomness consists of. */
async function start(t: TestContext, { rate, random = 0 }: { rate?: Rate; random?: number } = {}) {
  const clock = new FakeClock()
  const fake = await startFakeFcm({ clock })
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: fake.cert })
  const credentials = parseFcmCredentials(fake.serviceAccount())
  assert.ok(credentials.ok)
  const deps = { outbound, clock, random: { bytes: (count: number) => new Uint8Array(count).fill(random) } }
  const channel = createFcmChannel({ ...deps, ...(rate && { rate }) }, credentials.value)
  t.after(async () => {
    await channel.close()
    await outbound.close()
    await fake.close()
  })
  const rendered = channel.render(push)
  const send = (token: string, sending: Sending = {}): Promise<Outcome> =>
    channel.send({
      rendered,
      address: {
        token: token as Token,
        p256dh: null,
        auth: null,
        environment: null,
        registrationId: 'r1' as RegistrationId,
      },
      ttlSeconds: 60,
      expiresAtSeconds: 1_060,
      gate: {
        confirm: sending.confirm ?? (async () => true),
        holds: () => true,
        signal: sending.signal ?? new AbortController().signal,
      },
    })
  return { clock, fake, channel, send }
}

const retry = (reason: string, afterMs: number | null = null): Outcome => ({ kind: 'retry', afterMs, reason })

test('a push arrives at its token as it was rendered', async (t) => {
  const { fake, send } = await start(t)
  assert.deepEqual(await send('token-1'), { kind: 'accepted' })
  assert.deepEqual(fake.received('token-1'), [
    {
      token: 'token-1',
      android: { ttl: '60s', priority: 'HIGH', notification: { title: 'Title', body: 'Body', tag: 'c1' } },
      data: { lethe_msg_id: '4711', lethe: '{"v":1,"kind":"notification","tag":"c1"}' },
    },
  ])
})

test('a hundred at once share one access token, and each arrives once', async (t) => {
  const { fake, send } = await start(t)
  const tokens = Array.from({ length: 100 }, (_, index) => `token-${index}`)
  const outcomes = await Promise.all(tokens.map((token) => send(token)))
  assert.ok(outcomes.every(({ kind }) => kind === 'accepted'))
  assert.ok(tokens.every((token) => fake.received(token).length === 1))
  assert.equal(fake.counts.assertions, 1)
})

const errors: [behaviour: FakeBehaviour & { kind: 'error' }, outcome: Outcome][] = [
  [
    { kind: 'error', code: 'UNREGISTERED' },
    { kind: 'gone', sinceMs: null, reason: 'UNREGISTERED' },
  ],
  [
    { kind: 'error', code: 'INVALID_ARGUMENT' },
    { kind: 'rejected', reason: 'INVALID_ARGUMENT' },
  ],
  [
    { kind: 'error', code: 'SENDER_ID_MISMATCH' },
    { kind: 'rejected', reason: 'SENDER_ID_MISMATCH' },
  ],
  [
    { kind: 'error', code: 'THIRD_PARTY_AUTH_ERROR' },
    { kind: 'rejected', reason: 'THIRD_PARTY_AUTH_ERROR' },
  ],
  [{ kind: 'error', code: 'QUOTA_EXCEEDED', retryAfterSeconds: 17 }, retry('QUOTA_EXCEEDED', 17_000)],
  [{ kind: 'error', code: 'QUOTA_EXCEEDED' }, retry('QUOTA_EXCEEDED', 60_000)],
  [{ kind: 'error', code: 'UNAVAILABLE', retryAfterSeconds: 30 }, retry('UNAVAILABLE', 30_000)],
  [{ kind: 'error', code: 'UNAVAILABLE' }, retry('UNAVAILABLE')],
  [{ kind: 'error', code: 'INTERNAL' }, retry('INTERNAL')],
  [{ kind: 'error', code: 'PERMISSION_DENIED' }, retry('PERMISSION_DENIED')],
  [{ kind: 'error', code: 'NOT_FOUND' }, retry('NOT_FOUND')],
]

for (const [behaviour, outcome] of errors) {
  const { code, retryAfterSeconds } = behaviour
  test(`${code}${retryAfterSeconds ? ' with Retry-After' : ''}: ${outcome.kind}`, async (t) => {
    const { fake, send } = await start(t)
    fake.behave('token-1', behaviour)
    assert.deepEqual(await send('token-1'), outcome)
    assert.equal(fake.counts.requests, 1)
  })
}

test('a malformed token is gone', async (t) => {
  const { send } = await start(t)
  assert.deepEqual(await send('no token'), { kind: 'gone', sinceMs: null, reason: 'INVALID_ARGUMENT' })
})

test('what the gate refuses is dropped, and no request for it leaves', async (t) => {
  const { fake, send } = await start(t)
  assert.deepEqual(await send('token-1', { confirm: async () => false }), { kind: 'dropped' })
  assert.equal(fake.counts.requests, 0)
})

test('a refused access token is made anew once, and the gate is asked again', async (t) => {
  const { fake, send } = await start(t)
  await send('token-1')
  fake.revokeAccessTokens()
  let asked = 0
  const confirm = async () => {
    asked += 1
    return true
  }
  assert.deepEqual(await send('token-1', { confirm }), { kind: 'accepted' })
  assert.equal(asked, 2)
  assert.equal(fake.counts.assertions, 2)
  assert.equal(fake.received('token-1').length, 2)
})

test('a gate that closes while the access token is made anew keeps the second request back', async (t) => {
  const { fake, send } = await start(t)
  await send('token-1')
  fake.revokeAccessTokens()
  const answers = [true, false]
  assert.deepEqual(await send('token-1', { confirm: async () => answers.shift() ?? false }), {
    kind: 'dropped',
  })
  assert.equal(fake.counts.requests, 2)
  assert.equal(fake.received('token-1').length, 1)
})

test('an access token that is refused again is retried later, and for a minute nothing is asked', async (t) => {
  const { clock, fake, send } = await start(t)
  fake.behave('token-1', { kind: 'error', code: 'UNAUTHENTICATED' })
  assert.deepEqual(await send('token-1'), retry('UNAUTHENTICATED'))
  const counts = { assertions: 2, requests: 2, accepted: 0 }
  assert.deepEqual(fake.counts, counts)
  assert.deepEqual(await send('token-2'), retry('UNAUTHENTICATED', 60_000))
  assert.deepEqual(fake.counts, counts)
  await clock.advance(60_000)
  assert.deepEqual(await send('token-2'), { kind: 'accepted' })
})

test('without an access token nothing is sent', async (t) => {
  const { fake, send } = await start(t)
  fake.answerAssertions('refuse')
  assert.deepEqual(await send('token-1'), retry('invalid_grant', 1_000))
  assert.equal(fake.counts.requests, 0)
})

test('an exhausted quota pauses the project: others are given back at once until it is over', async (t) => {
  const { clock, fake, send } = await start(t)
  fake.behave('token-1', { kind: 'error', code: 'QUOTA_EXCEEDED', retryAfterSeconds: 17 })
  await send('token-1')
  await clock.advance(16_999)
  assert.deepEqual(await send('token-2'), retry('QUOTA_EXCEEDED', 1))
  assert.equal(fake.counts.requests, 1)
  await clock.advance(1)
  assert.deepEqual(await send('token-2'), { kind: 'accepted' })
})

test('sends come back spread over ten seconds after a pause', async (t) => {
  const { fake, send } = await start(t, { random: 0xff })
  fake.behave('token-1', { kind: 'error', code: 'QUOTA_EXCEEDED' })
  assert.deepEqual(await send('token-1'), retry('QUOTA_EXCEEDED', 70_000))
})

test('a failure of the service pauses nobody else', async (t) => {
  const { fake, send } = await start(t)
  fake.behave('token-1', { kind: 'error', code: 'UNAVAILABLE', retryAfterSeconds: 30 })
  await send('token-1')
  assert.deepEqual(await send('token-2'), { kind: 'accepted' })
})

test('beyond the rate a send waits its turn, and the gate is asked when it has come', async (t) => {
  const { clock, fake, send } = await start(t, { rate: { messagesPerMinute: 61, burst: 1 } })
  await send('token-1')
  let isAsked = false
  const confirm = async () => {
    isAsked = true
    return true
  }
  const waiting = send('token-2', { confirm })
  await until('the send waits', () => clock.nextMs === 1_000)
  await clock.advance(999)
  assert.equal(isAsked, false)
  await clock.advance(1)
  assert.deepEqual(await waiting, { kind: 'accepted' })
  assert.equal(isAsked, true)
  assert.equal(fake.counts.accepted, 2)
})

test('a send that waits for its turn while the project is paused is given back', async (t) => {
  const { clock, fake, send } = await start(t, { rate: { messagesPerMinute: 62, burst: 2 } })
  fake.behave('token-1', { kind: 'hold' })
  fake.behave('token-2', { kind: 'error', code: 'QUOTA_EXCEEDED' })
  const held = new AbortController()
  const first = send('token-1', { signal: held.signal })
  await until('the first is under way', () => fake.counts.requests === 1)
  const second = send('token-2')
  const third = send('token-3')
  await second
  await until('the third waits', () => clock.nextMs !== undefined)
  await clock.advance(1_000)
  assert.deepEqual(await third, retry('QUOTA_EXCEEDED', 59_000))
  held.abort()
  await first
})

test('at its deadline a send is given back at once, wherever it is', async (t) => {
  const { clock, fake, send } = await start(t, { rate: { messagesPerMinute: 61, burst: 1 } })
  const ended = new AbortController()
  const [signal, { signal: over }] = [AbortSignal.abort(), ended]
  assert.equal((await send('token-1', { signal })).kind, 'retry')
  await clock.advance(60_000)
  fake.behave('token-1', { kind: 'hold' })
  const answerless = send('token-1', { signal: over })
  await until('the request', () => fake.counts.requests === 1)
  const turnless = send('token-2', { signal: over })
  await until('the send waits', () => clock.nextMs !== undefined)
  ended.abort()
  assert.deepEqual(await answerless, retry('deadline'))
  assert.deepEqual(await turnless, retry('ended'))
  assert.equal(fake.counts.requests, 1)
})

test('closing gives back what is under way, and what comes later', async (t) => {
  const { channel, fake, send } = await start(t)
  fake.behave('token-1', { kind: 'hold' })
  const underWay = send('token-1')
  await until('the request', () => fake.counts.requests === 1)
  await channel.close()
  assert.equal((await underWay).kind, 'retry')
  assert.equal((await send('token-2')).kind, 'retry')
  assert.equal(fake.counts.accepted, 0)
})

test('a slow answer is an answer', async (t) => {
  const { fake, send } = await start(t)
  fake.behave('token-1', { kind: 'delay', ms: 50 })
  assert.deepEqual(await send('token-1'), { kind: 'accepted' })
})

test('an FCM that is not there is tried again', async (t) => {
  const { fake, send } = await start(t)
  await send('token-1')
  await fake.close()
  assert.equal((await send('token-1')).kind, 'retry')
})

test('a push that FCM would not take is told before it is sent', async (t) => {
  const { channel } = await start(t)
  const { options } = push.push
  const content = { kind: 'message', content: 'a', extras: { from: 'b' } } as const
  const rendered = channel.render({ ...push, push: { platforms: ['android'], content, options } })
  assert.equal(channel.refusalOf(rendered)?.error, 'parameterInvalid')
  assert.equal(channel.refusalOf(channel.render(push)), undefined)
})
