import assert from 'node:assert/strict'
import { test } from 'node:test'
import webPush from 'web-push'
import { mintWebPushCredentials, parseWebPushCredentials } from './credentials.ts'

const subject = 'mailto:push@site.example'
const minted = mintWebPushCredentials(subject)

function reasonOf(input: unknown): string | undefined {
  const parsed = parseWebPushCredentials(input)
  return parsed.ok ? undefined : parsed.reason
}

test('keys that were minted here or by web-push are taken', () => {
  assert.deepEqual(parseWebPushCredentials(minted), { ok: true, value: minted })
  const theirs = { ...webPush.generateVAPIDKeys(), subject: 'https://site.example/contact' }
  assert.deepEqual(parseWebPushCredentials(theirs), { ok: true, value: theirs })
  assert.notEqual(mintWebPushCredentials(subject).privateKey, minted.privateKey)
})

test('keys that do not belong together are refused', () => {
  const { publicKey } = mintWebPushCredentials(subject)
  assert.match(reasonOf({ ...minted, publicKey }) ?? '', /does not belong/)
})

test('what is no key is refused, and the reason does not repeat it', () => {
  const short = minted.privateKey.slice(0, -4)
  assert.match(reasonOf({ ...minted, privateKey: short }) ?? '', /^privateKey is not base64url of 32 bytes$/)
  assert.match(reasonOf({ ...minted, publicKey: 7 }) ?? '', /^publicKey is not/)
  const zero = Buffer.alloc(32).toString('base64url')
  assert.match(reasonOf({ ...minted, privateKey: zero }) ?? '', /does not belong/)
  for (const input of [null, [], 'text']) assert.match(reasonOf(input) ?? '', /JSON object/)
})

test('a subject is an address at which somebody can be reached', () => {
  const withSubject = (text: unknown) => reasonOf({ ...minted, subject: text })
  for (const good of [subject, 'https://site.example', `https://site.example/${'x'.repeat(234)}`])
    assert.equal(withSubject(good), undefined)
  const bad = [
    '',
    'push@site.example',
    'mailto:',
    'mailto:a b@c',
    'http://site.example',
    'https://',
    undefined,
  ]
  for (const text of [...bad, `https://site.example/${'x'.repeat(235)}`])
    assert.match(withSubject(text) ?? '', /^subject is not/)
})
