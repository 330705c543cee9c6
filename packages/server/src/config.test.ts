import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings, type Settings, settingTable } from './config.ts'

function read(env: Record<string, string>, flags: Record<string, string> = {}): Settings {
  const settings = readSettings({ env, flags })
  assert.ok(settings.ok, settings.ok ? '' : settings.reason)
  return settings.value
}

function refusal(env: Record<string, string>, flags: Record<string, string> = {}): string {
  const settings = readSettings({ env, flags })
  assert.ok(!settings.ok)
  return settings.reason
}

test('without anything the defaults stand', () => {
  assert.deepEqual(read({}), {
    host: '127.0.0.1',
    port: 7300,
    dataDir: './data',
    trustedProxies: [],
    allowPrivateNetwork: false,
    demo: true,
    auditDays: 365,
    logLevel: 'warn',
    transactionLeaseMs: 10_000,
  })
})

test('a flag wins over a variable, and an empty variable is none', () => {
  assert.equal(read({ LETHE_PORT: '1' }, { port: '2' }).port, 2)
  assert.equal(read({ LETHE_PORT: '' }).port, 7300)
  assert.equal(read({ LETHE_APP_KEY: '', LETHE_MASTER_SECRET: '' }).appKey, undefined)
})

test('an unknown variable stops the start; those of the CLI and of tests do not', () => {
  assert.match(refusal({ LETHE_PROT: '1' }), /^LETHE_PROT is not a setting of Lethe/)
  read({ LETHE_URL: 'x', LETHE_TEST_ANYTHING: 'x', OTHER: 'x' })
})

test('a wrong value is told with the name under which it was given, and never repeated', () => {
  assert.equal(refusal({ LETHE_PORT: '70000' }), 'LETHE_PORT must be a whole number from 0 to 65535.')
  assert.equal(refusal({}, { port: 'x' }), '--port must be a whole number from 0 to 65535.')
  for (const [name, value] of [
    ['HOST', 'a b'],
    ['DATABASE_URL', 'mysql://x'],
    ['OPERATOR_TOKEN', 'short'],
    ['SECRET_KEY', 'f'.repeat(63)],
    ['PUBLIC_URL', 'example:443'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['RATE_LIMIT', '-1'],
    ['ALLOW_PRIVATE_NETWORK', 'yes'],
    ['LOG_LEVEL', 'loud'],
    ['TRANSACTION_LEASE', '99'],
  ] as const) {
    const sentence = refusal({ [`LETHE_${name}`]: value })
    assert.match(sentence, new RegExp(`^LETHE_${name} must be .*\\.$`))
    assert.ok(!sentence.includes(value), sentence)
  }
})

test('app key and secret come together, and PostgreSQL needs the secret key', () => {
  assert.match(refusal({ LETHE_APP_KEY: 'a' }), /go together/)
  assert.match(refusal({ LETHE_MASTER_SECRET: 'a' }), /go together/)
  assert.match(refusal({ LETHE_DATABASE_URL: 'postgres://localhost/x' }), /LETHE_SECRET_KEY is required/)
  const both = read({ LETHE_APP_KEY: 'aladdin', LETHE_MASTER_SECRET: 'open:sesame' })
  assert.deepEqual([both.appKey, both.masterSecret], ['aladdin', 'open:sesame'])
})

test('the secret key is read as hex and as base64', () => {
  const bytes = new Uint8Array(32).fill(0xab)
  for (const text of [
    'ab'.repeat(32),
    Buffer.from(bytes).toString('base64'),
    Buffer.from(bytes).toString('base64url'),
  ])
    assert.deepEqual(read({ LETHE_SECRET_KEY: text }).secretKey, bytes)
})

test('proxies and the public address are brought into one form', () => {
  assert.deepEqual(read({ LETHE_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8,' }).trustedProxies, [
    'loopback',
    '10.0.0.0/8',
  ])
  assert.equal(read({ LETHE_PUBLIC_URL: 'https://push.example.com/' }).publicUrl, 'https://push.example.com')
})

test('the private network is allowed by true alone', () => {
  assert.equal(read({ LETHE_ALLOW_PRIVATE_NETWORK: 'true' }).allowPrivateNetwork, true)
  assert.equal(read({ LETHE_ALLOW_PRIVATE_NETWORK: 'false' }).allowPrivateNetwork, false)
})

test('every setting has a flag and a variable of one name, and says what it is for', () => {
  for (const { flag, env, description } of Object.values(settingTable)) {
    assert.equal(env, `LETHE_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`)
    assert.match(description, /\.$/)
  }
})

test('the demo is on where only people at this machine reach the server, or where it is asked for', () => {
  const cases: [Record<string, string>, boolean][] = [
    [{ HOST: 'localhost' }, true],
    [{ HOST: '127.1.2.3' }, true],
    [{ HOST: '::1' }, true],
    [{ HOST: '0.0.0.0' }, false],
    [{ HOST: '::' }, false],
    [{ HOST: '192.0.2.1' }, false],
    [{ HOST: 'push.example.com' }, false],
    [{ PUBLIC_URL: 'https://push.example.com' }, false],
    [{ TRUSTED_PROXIES: 'loopback' }, false],
    [{ DEMO: 'false' }, false],
    [{ DEMO: 'true', HOST: '0.0.0.0', PUBLIC_URL: 'https://push.example.com' }, true],
  ]
  for (const [given, isOn] of cases) {
    const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [`LETHE_${name}`, value]))
    assert.equal(read(env).demo, isOn, JSON.stringify(given))
  }
  assert.match(refusal({ LETHE_DEMO: 'yes' }), /^LETHE_DEMO must be true or false\.$/)
})
