import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseApnsCredentials } from './credentials.ts'

const pem = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

const right = { key: pem('P-256'), keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ', topic: 'com.example.app' }

test('a key, its id, a team and a topic are credentials, with an endpoint if one is given', () => {
  assert.deepEqual(parseApnsCredentials({ ...right, other: 1 }), { ok: true, value: right })
  const endpoint = 'https://127.0.0.1:4443'
  assert.deepEqual(parseApnsCredentials({ ...right, endpoint: `${endpoint}/` }), {
    ok: true,
    value: { ...right, endpoint },
  })
})

const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const wrong: [name: string, values: unknown[]][] = [
  ['key', [undefined, 7, '', 'PEM', pem('P-384'), rsa.privateKey, rsa.publicKey]],
  ['keyId', [undefined, 'ABC123DEF', 'ABC123DEFGH', 'abc123defg', 'ABC123DEF\n']],
  ['teamId', [undefined, 'DEF123GHI', 'DEF-123-GH', 1234567890]],
  ['topic', [undefined, '', 'com example', 'com.example\r\n', 'a'.repeat(256)]],
  [
    'endpoint',
    [null, '', 'http://127.0.0.1', 'https://127.0.0.1/path', 'https://127.0.0.1/?a=1', 'https://a:b@host'],
  ],
]
for (const [name, values] of wrong)
  test(`a wrong ${name} is refused by name, and not repeated`, () => {
    for (const value of values) {
      const parsed = parseApnsCredentials({ ...right, [name]: value })
      assert.ok(!parsed.ok)
      assert.match(parsed.reason, new RegExp(`^${name} is not `))
      if (typeof value === 'string' && value.length > 3) assert.ok(!parsed.reason.includes(value))
    }
  })

test('what is no object is refused', () => {
  for (const input of [undefined, null, 'text', [right]]) assert.equal(parseApnsCredentials(input).ok, false)
})
