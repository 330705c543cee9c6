import assert from 'node:assert/strict'
import { test } from 'node:test'
import webPush from 'web-push'
import { mintWebPushCredentials } from './credentials.ts'
import { judgeVapid } from './fake-vapid.ts'
import { VapidHeaders } from './vapid.ts'

const origin = 'https://push.example.net'
const hourMs = 3_600_000
const credentials = mintWebPushCredentials('mailto:push@site.example')

function world(startMs = 1_700_000_000_000) {
  const clock = { at: startMs, now: () => clock.at }
  return { clock, headers: new VapidHeaders(clock, credentials) }
}

function judged(authorization: string, nowMs: number, audience = origin) {
  return judgeVapid({ authorization, origin: audience, nowMs })
}

function refusal(authorization: string, nowMs: number, audience = origin): string | undefined {
  const judgement = judged(authorization, nowMs, audience)
  return judgement.ok ? undefined : judgement.reason
}

test('the fake push service takes the header of RFC 8292 section 2.4, and no other for its signature', () => {
  const [head, claims, signature] = [
    'eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9',
    'eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0',
    'i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA',
  ]
  const key = 'BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs'
  const exp = 1_453_523_768
  const header = `vapid t=${head}.${claims}.${signature}, k=${key}`
  const nowMs = exp * 1_000 - 1
  assert.deepEqual(judged(header, nowMs), { ok: true, publicKey: key, expiresAtSeconds: exp })
  assert.equal(refusal(header.replace('i3CY', 'i3CZ'), nowMs), 'InvalidSignature')
  assert.equal(refusal(header.replace(key, credentials.publicKey), nowMs), 'InvalidSignature')
  assert.equal(refusal(header, exp * 1_000), 'ExpiredProviderToken')
  assert.equal(refusal(header, nowMs - 24 * hourMs), 'BadExpiration')
  assert.equal(refusal(header, nowMs, 'https://other.example.net'), 'BadAudience')
  assert.equal(refusal('Bearer x', nowMs), 'MissingProviderToken')
})

test('the fake push service takes what web-push signs', () => {
  const { publicKey, privateKey, subject } = credentials
  const { Authorization } = webPush.getVapidHeaders(origin, subject, publicKey, privateKey, 'aes128gcm')
  assert.equal(refusal(Authorization, Date.now()), undefined)
})

test('what is signed here is for one origin, and for twelve hours', () => {
  const { clock, headers } = world()
  assert.deepEqual(judged(headers.of(origin), clock.at), {
    ok: true,
    publicKey: credentials.publicKey,
    expiresAtSeconds: clock.at / 1_000 + 12 * 3_600,
  })
  assert.equal(refusal(headers.of('https://other.example.net'), clock.at), 'BadAudience')
})

test('a token is used for six hours, and no longer', () => {
  const { clock, headers } = world()
  const first = headers.of(origin)
  clock.at += 6 * hourMs - 1
  assert.equal(headers.of(origin), first)
  clock.at += 1
  assert.notEqual(headers.of(origin), first)
})

test('a token of a future that a clock was set back from is not used', () => {
  const { clock, headers } = world()
  const first = headers.of(origin)
  clock.at -= 6 * hourMs
  assert.notEqual(headers.of(origin), first)
})

test('a refused token is replaced once, for all who were refused with it', () => {
  const { clock, headers } = world()
  const first = headers.of(origin)
  assert.equal(headers.renewed(origin, first), undefined)
  clock.at += 60_000
  const second = headers.renewed(origin, first)
  assert.ok(second !== undefined && second !== first)
  assert.equal(headers.renewed(origin, first), second)
  assert.equal(headers.renewed(origin, second), undefined)
})

test('five hundred origins are kept, and the one that was not used for longest goes first', () => {
  const { headers } = world()
  const [first, second] = [headers.of('https://p0.example'), headers.of('https://p1.example')]
  for (let count = 2; count < 500; count++) headers.of(`https://p${count}.example`)
  assert.equal(headers.of('https://p0.example'), first)
  headers.of('https://p500.example')
  assert.equal(headers.of('https://p0.example'), first)
  assert.notEqual(headers.of('https://p1.example'), second)
})
