import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseFcmCredentials } from './credentials.ts'

const pem = (bits: number) =>
  generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey

const privateKey = pem(2048)
const file = {
  type: 'service_account',
  project_id: 'example-project-1',
  private_key_id: '0123456789abcdef',
  private_key: privateKey,
  client_email: 'firebase-adminsdk@example-project-1.iam.gserviceaccount.com',
  client_id: '1234567890',
  auth_uri: 'https://accounts.google.com/o/oauth2/auth',
  token_uri: 'https://oauth2.googleapis.com/token',
  universe_domain: 'googleapis.com',
}

test('a key file as the Firebase console gives it is taken, and keys that are not needed are ignored', () => {
  assert.deepEqual(parseFcmCredentials(file), {
    ok: true,
    value: {
      projectId: 'example-project-1',
      clientEmail: 'firebase-adminsdk@example-project-1.iam.gserviceaccount.com',
      privateKey,
      tokenUri: 'https://oauth2.googleapis.com/token',
      endpoint: 'https://fcm.googleapis.com',
    },
  })
})

test('an endpoint stands in place of that of FCM', () => {
  const parsed = parseFcmCredentials({ ...file, endpoint: 'https://127.0.0.1:7443' })
  assert.equal(parsed.ok && parsed.value.endpoint, 'https://127.0.0.1:7443')
})

const elliptic = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey

const wrong: [key: string, values: unknown[]][] = [
  ['type', [undefined, 'authorized_user']],
  ['project_id', [undefined, '', 'a/b', '../..', 7]],
  ['client_email', [undefined, '', 'nobody']],
  ['private_key', [undefined, '', 'no key', pem(1024), elliptic]],
  ['token_uri', [undefined, 'http://oauth2.googleapis.com/token', 'https://u:p@example.com/', 'token']],
  ['endpoint', ['', null, 'http://example.com', 'https://example.com/v1', 'https://example.com/?a']],
]

for (const [key, values] of wrong) {
  test(`a wrong ${key} is refused, and the reason names it and no value`, () => {
    for (const value of values) {
      const parsed = parseFcmCredentials({ ...file, [key]: value })
      assert.equal(parsed.ok, false, String(value))
      assert.match(parsed.ok ? '' : parsed.reason, new RegExp(`^${key} is not`))
    }
  })
}

test('what is no object is refused', () => {
  for (const input of [undefined, null, 'text', 7, [file]])
    assert.equal(parseFcmCredentials(input).ok, false, typeof input)
})
