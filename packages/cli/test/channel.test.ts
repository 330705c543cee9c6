import assert from 'node:assert/strict'
import { createECDH, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { type Env, lethe, newFolder, type Serving, serveOperated } from './lethe.ts'

const folder = newFolder()
const encoding = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const
const apnsKey = generateKeyPairSync('ec', { namedCurve: 'P-256', ...encoding }).privateKey
const serviceAccount = JSON.stringify({
  type: 'service_account',
  project_id: 'example-project-1',
  private_key: generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding }).privateKey,
  client_email: 'lethe@example-project-1.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
})
const apns = ['--key-id', 'ABC123DEFG', '--team-id', 'DEF123GHIJ', '--topic', 'com.example.app']

function fileWith(name: string, text: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}

let server: Serving
let env: Env
before(async () => {
  ;({ server, env } = await serveOperated({ LETHE_DATA_DIR: path.join(folder, 'data') }))
})
after(async () => assert.equal(await server.stop(), 0))

async function json(args: string[], input = '') {
  const ended = await lethe(['channel', ...args, '--json'], env, input)
  assert.equal(ended.code, 0, ended.stderr)
  return JSON.parse(ended.stdout)
}

test('credentials are set from files and from standard input, listed, and removed', async () => {
  const fcm = await json([
    'set',
    'genie',
    'fcm',
    '--service-account',
    fileWith('account.json', serviceAccount),
  ])
  assert.deepEqual([fcm.channel, fcm.facts.project_id], ['fcm', 'example-project-1'])
  const piped = await json(['set', 'genie', 'fcm', '--service-account', '-'], serviceAccount)
  assert.equal(piped.revision, 2)
  const endpoint = 'https://127.0.0.1:9'
  const key = fileWith('key.p8', apnsKey)
  const faked = await json(['set', 'genie', 'apns', '--key', key, ...apns, '--endpoint', endpoint])
  assert.deepEqual(faked.facts, {
    key_id: 'ABC123DEFG',
    team_id: 'DEF123GHIJ',
    topic: 'com.example.app',
    endpoint,
  })
  const shown = await lethe(['channel', 'list', 'genie'], env)
  assert.match(shown.stdout, /^web-push, revision 1, set \S+\n {2}public_key {4}\S{87}\n/)
  assert.match(shown.stdout, /^ {2}project_id {4}example-project-1$/m)
  assert.match(shown.stdout, /^ {2}topic {9}com\.example\.app$/m)
  assert.doesNotMatch(shown.stdout, /PRIVATE/)
  assert.deepEqual(await json(['remove', 'genie', 'fcm']), { success: true })
  const { channels } = await json(['list', 'genie'])
  assert.deepEqual(
    channels.map(({ channel }: { channel: string }) => channel),
    ['web-push', 'apns'],
  )
})

test('the key pair of Web Push is imported, keeps its keys under a new subject, and goes when that is confirmed', async () => {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys('base64url')
  const privateKey = Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url')
  const keys = ['--public-key', publicKey, `--private-key=${privateKey}`]
  await json(['set', 'genie', 'web-push', ...keys, '--subject', 'mailto:one@example.com'])
  const changed = await json(['set', 'genie', 'web-push', '--subject', 'mailto:two@example.com'])
  assert.deepEqual(changed.facts, { public_key: publicKey, subject: 'mailto:two@example.com' })
  const unconfirmed = await lethe(['channel', 'remove', 'genie', 'web-push'], env)
  assert.equal(unconfirmed.code, 2)
  assert.match(unconfirmed.stderr, /^Nobody who subscribed .* give --confirm if that is meant\.\n$/)
  const removed = await lethe(['channel', 'remove', 'genie', 'web-push', '--confirm'], env)
  assert.deepEqual([removed.code, removed.stdout], [0, 'Removed web-push.\n'])
})

test('the stub needs nothing, and an app without channels says so', async () => {
  const made = await lethe(['app', 'create', 'Bare', '--app-key', 'bare'], env)
  assert.equal(made.code, 0, made.stderr)
  assert.deepEqual((await json(['set', 'bare', 'stub'])).facts, {})
  await json(['remove', 'bare', 'stub'])
  await json(['remove', 'bare', 'web-push', '--confirm'])
  assert.equal((await lethe(['channel', 'list', 'bare'], env)).stdout, 'No channel is set.\n')
})

test('what is called wrongly, cannot be read or is refused is one sentence', async () => {
  const key = fileWith('other.p8', apnsKey)
  const nonsense = fileWith('nonsense.json', '[]')
  const cases: [args: string[], code: number, sentence: RegExp][] = [
    [['set', 'genie', 'fcm'], 2, /^fcm needs --service-account\.\n$/],
    [['set', 'genie', 'fcm', '--service-account', '/nowhere'], 2, /^The file \/nowhere cannot be read\.\n$/],
    [
      ['set', 'genie', 'fcm', '--service-account', nonsense],
      2,
      /^The file \S+ is not the JSON file of a service account\.\n$/,
    ],
    [['set', 'genie', 'apns', '--key', key, '--key-id', 'ABC123DEFG'], 2, /^apns needs --team-id\.\n$/],
    [['set', 'genie', 'apns', '--key', nonsense, ...apns], 1, /^key\b[^\n]*\(400, code 21003\)\.\n$/],
    [['set', 'genie', 'stub', '--topic', 'x'], 2, /^--topic is not for stub\.\n$/],
    [['set', 'nobody', 'stub'], 1, /^no app has this app key \(404, code 21008\)\.\n$/],
    [['remove', 'genie', 'stub'], 1, /^channel: stub is not set \(400, code 21003\)\.\n$/],
    [['set', 'genie', 'pigeon'], 2, /Allowed choices are web-push, fcm, apns, stub/],
  ]
  for (const [args, code, sentence] of cases) {
    const ended = await lethe(['channel', ...args], env)
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`)
    assert.match(ended.stderr, sentence)
  }
})

test('the help shows what each channel takes', async () => {
  const { code, stdout } = await lethe(['channel', 'set', '--help'])
  assert.equal(code, 0)
  for (const words of ['FCM:', '--service-account <file>', 'APNs:', 'lethe channel set APP apns --key'])
    assert.ok(stdout.includes(words), words)
})
