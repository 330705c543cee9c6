import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { until } from '../../../test/support/until.ts'
import { createOutbound } from '../outbound/create-outbound.ts'
import { AccessToken, type AccessTokenResult } from './access-token.ts'
import { parseFcmCredentials } from './credentials.ts'
import { startFakeFcm } from './fake-fcm.ts'

const MINUTE_MS = 60_000
/** What the fake gives, as Google does. */
const LIFE_MS = 3_599_000

async function start(t: TestContext) {
  const clock = new FakeClock()
  const fake = await startFakeFcm({ clock })
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: fake.cert })
  const parsed = parseFcmCredentials(fake.serviceAccount())
  assert.ok(parsed.ok)
  const accessToken = new AccessToken({ outbound, clock }, parsed.value)
  t.after(async () => {
    accessToken.close()
    await outbound.close()
    await fake.close()
  })
  const get = (signal = new AbortController().signal) => accessToken.get(signal)
  return { clock, fake, accessToken, get }
}

async function tokenOf(result: Promise<AccessTokenResult>): Promise<string> {
  const given = await result
  assert.ok(given.ok)
  return given.token
}

test('those who ask at the same time share one token, and it is kept', async (t) => {
  const { fake, get } = await start(t)
  const tokens = await Promise.all(Array.from({ length: 50 }, () => tokenOf(get())))
  assert.equal(new Set([...tokens, await tokenOf(get())]).size, 1)
  assert.equal(fake.counts.assertions, 1)
})

test('five minutes before its end a new one is asked for, and nobody waits for it', async (t) => {
  const { clock, fake, get } = await start(t)
  const first = await tokenOf(get())
  await clock.advance(LIFE_MS - 5 * MINUTE_MS - 1)
  assert.equal(await tokenOf(get()), first)
  assert.equal(fake.counts.assertions, 1)
  await clock.advance(1)
  assert.equal(await tokenOf(get()), first)
  await until('the new token', async () => (await tokenOf(get())) !== first)
  assert.equal(fake.counts.assertions, 2)
})

test('a token that is all but over is not given any more', async (t) => {
  const { clock, get } = await start(t)
  const first = await tokenOf(get())
  await clock.advance(LIFE_MS - 30_000)
  assert.notEqual(await tokenOf(get()), first)
})

test('a token that cannot be renewed serves to its end', async (t) => {
  const { clock, fake, get } = await start(t)
  const first = await tokenOf(get())
  fake.answerAssertions('refuse')
  await clock.advance(LIFE_MS - 30_001)
  assert.equal(await tokenOf(get()), first)
  await until('the refusal', () => fake.counts.assertions === 2)
  await clock.advance(1)
  assert.equal((await get()).ok, false)
})

test('after a failure nobody asks again for a second, then two, and so on to a minute', async (t) => {
  const { clock, fake, get } = await start(t)
  fake.answerAssertions('refuse')
  for (const delayMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    const asked = fake.counts.assertions
    assert.deepEqual(await get(), { ok: false, afterMs: delayMs, reason: 'invalid_grant' })
    await clock.advance(delayMs - 1)
    assert.deepEqual(await get(), { ok: false, afterMs: 1, reason: 'invalid_grant' })
    assert.equal(fake.counts.assertions, asked + 1)
    await clock.advance(1)
  }
  fake.answerAssertions('grant')
  await tokenOf(get())
})

test('a success ends the series of failures', async (t) => {
  const { clock, fake, accessToken, get } = await start(t)
  fake.answerAssertions('refuse')
  await get()
  await clock.advance(1_000)
  fake.answerAssertions('grant')
  accessToken.discard(await tokenOf(get()))
  fake.answerAssertions('refuse')
  assert.deepEqual(await get(), { ok: false, afterMs: 1_000, reason: 'invalid_grant' })
})

test('a discarded token is not given again, and an old one that is discarded late changes nothing', async (t) => {
  const { fake, accessToken, get } = await start(t)
  const first = await tokenOf(get())
  accessToken.discard(first)
  const second = await tokenOf(get())
  assert.notEqual(second, first)
  accessToken.discard(first)
  assert.equal(await tokenOf(get()), second)
  assert.equal(fake.counts.assertions, 2)
})

test('a token that is refused for good silences everybody for a minute', async (t) => {
  const { clock, fake, accessToken, get } = await start(t)
  accessToken.suspend(await tokenOf(get()), 'UNAUTHENTICATED')
  assert.deepEqual(await get(), { ok: false, afterMs: MINUTE_MS, reason: 'UNAUTHENTICATED' })
  assert.equal(fake.counts.assertions, 1)
  await clock.advance(MINUTE_MS)
  await tokenOf(get())
})

test('who does not want to wait any longer is let go, and the others get the token', async (t) => {
  const { clock, fake, get } = await start(t)
  fake.answerAssertions('hold')
  const given = new AbortController()
  const [impatient, patient] = [get(given.signal), get()]
  await until('the request', () => fake.counts.assertions === 1)
  given.abort()
  assert.deepEqual(await impatient, { ok: false, afterMs: 0, reason: 'ended' })
  await clock.advance(10_000)
  assert.deepEqual(await patient, { ok: false, afterMs: 1_000, reason: 'deadline' })
})

test('closing ends a request that is under way', async (t) => {
  const { fake, accessToken, get } = await start(t)
  fake.answerAssertions('hold')
  const asked = get()
  await until('the request', () => fake.counts.assertions === 1)
  accessToken.close()
  assert.equal((await asked).ok, false)
})

test('a server that is not there is a failure like any other', async (t) => {
  const { fake, get } = await start(t)
  await fake.close()
  assert.deepEqual(await get(), { ok: false, afterMs: 1_000, reason: 'unreachable' })
})
