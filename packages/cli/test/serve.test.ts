import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, test } from 'node:test'
import { type Env, LETHE, lethe, newFolder, serve } from './lethe.ts'

describe('lethe serve', () => {
  test('tells the credentials at the first start only, and stops with 0', async () => {
    const env = { LETHE_DATA_DIR: path.join(newFolder(), 'data') }
    const first = await serve(env)
    const [appKey, secret, token] = ['App key', 'Master secret', 'Operator token'].map(
      (name) => new RegExp(`^${name} +([0-9a-f]+)$`, 'm').exec(first.output())?.[1],
    )
    const authorization = `Bearer ${token}`
    const listed = await fetch(`${first.url}/admin/v1/apps`, { headers: { authorization } })
    const { apps } = (await listed.json()) as { apps: { app_key: string }[] }
    assert.deepEqual(
      apps.map((app) => app.app_key),
      [appKey],
    )
    assert.match(first.output(), new RegExp(`SECRET=${secret}`))
    assert.equal(await first.stop(), 0)

    const second = await serve(env)
    assert.doesNotMatch(second.output(), /secret|token/i)
    assert.equal(await second.stop(), 0)
  })

  test('names the demo, and answers at it, where it is on', async () => {
    const isThere = existsSync(path.join(import.meta.dirname, '..', '..', 'web-sdk', 'demo'))
    const on = await serve({ LETHE_DATA_DIR: newFolder() })
    const url = /^Demo +(http:\S+)$/m.exec(on.output())?.[1]
    assert.equal(url, isThere ? `http://localhost:${new URL(on.url).port}/demo` : undefined)
    assert.equal((await fetch(`${on.url}/demo/config.json`)).status, 200)
    assert.equal(await on.stop(), 0)

    const off = await serve({ LETHE_DATA_DIR: newFolder(), LETHE_DEMO: 'false' })
    assert.doesNotMatch(off.output(), /demo/i)
    assert.equal((await fetch(`${off.url}/demo/config.json`)).status, 404)
    assert.equal(await off.stop(), 0)
  })

  test('keeps its files from others on the machine', async () => {
    const folder = path.join(newFolder(), 'data')
    const server = await serve({ LETHE_DATA_DIR: folder })
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    for (const file of readdirSync(folder))
      assert.equal(statSync(path.join(folder, file)).mode & 0o077, 0, file)
    assert.match(readFileSync(path.join(folder, 'secret-key'), 'utf8'), /^[0-9a-f]{64}\n$/)
    await server.stop()
  })

  test('a data folder serves one server, and a killed one leaves no lock', async () => {
    const env = { LETHE_DATA_DIR: newFolder() }
    const first = await serve(env)
    const second = await lethe(['serve'], { ...env, LETHE_PORT: '0' })
    assert.equal(second.code, 1)
    assert.match(second.stderr, /^Another Lethe works in [^\n]+\n$/)
    const killed = once(first.child, 'exit')
    first.child.kill('SIGKILL')
    await killed
    assert.equal(await (await serve(env)).stop(), 0)
  })

  test('another secret key stops the start', async () => {
    const folder = newFolder()
    await (await serve({ LETHE_DATA_DIR: folder })).stop()
    const ended = await lethe(['serve'], {
      LETHE_DATA_DIR: folder,
      LETHE_PORT: '0',
      LETHE_SECRET_KEY: '00'.repeat(32),
    })
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /^LETHE_SECRET_KEY is not the key that this database was made with[^\n]+\n$/)
  })

  test('what an operator can mend is one sentence without a stack', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const port = String((taken.address() as { port: number }).port)
    const folder = newFolder()
    const file = path.join(folder, 'file')
    writeFileSync(file, '')
    const cases: [Env, RegExp][] = [
      [{ LETHE_DATA_DIR: folder, LETHE_PORT: port }, /^Port \d+ on 127\.0\.0\.1 is in use/],
      [{ LETHE_DATA_DIR: file }, /^The data folder \S+ cannot be used/],
      [{ LETHE_DATA_DIR: folder, LETHE_HOST: '192.0.2.1' }, /^This machine has no address 192\.0\.2\.1/],
      [{ LETHE_PROT: '1' }, /^LETHE_PROT is not a setting of Lethe/],
      [
        { LETHE_DATABASE_URL: 'postgres://127.0.0.1:1/x', LETHE_SECRET_KEY: '00'.repeat(32) },
        /^PostgreSQL cannot be reached at LETHE_DATABASE_URL/,
      ],
    ]
    for (const [env, sentence] of cases) {
      const ended = await lethe(['serve'], { LETHE_PORT: '0', ...env })
      assert.equal(ended.code, 1)
      assert.match(ended.stderr, sentence)
      assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr)
    }
    taken.close()
  })

  test('flags are read, the operator token among them', async () => {
    const token = 'a-token-given-as-a-flag'
    const flags = ['--data-dir', newFolder(), '--operator-token', token]
    const server = await serve({ LETHE_OPERATOR_TOKEN: 'a-token-of-the-environment' }, flags)
    const listed = await lethe(['app', 'list', '--url', server.url, '--operator-token', token])
    assert.equal(listed.code, 0, listed.stderr)
    assert.equal(await server.stop(), 0)
  })

  test('help names every setting with its variable', async () => {
    const { code, stdout } = await lethe(['serve', '--help'])
    assert.equal(code, 0)
    for (const word of ['--data-dir', 'LETHE_DATA_DIR', 'LETHE_SECRET_KEY', '--transaction-lease'])
      assert.ok(stdout.includes(word), word)
    assert.ok(existsSync(LETHE))
  })
})

test('apps are made, listed, shown, changed and get new secrets', async () => {
  const token = 'operator-token-of-the-tests'
  const server = await serve({ LETHE_DATA_DIR: newFolder(), LETHE_OPERATOR_TOKEN: token })
  const env = { LETHE_URL: server.url, LETHE_OPERATOR_TOKEN: token }
  const json = async (...args: string[]) => JSON.parse((await lethe([...args, '--json'], env)).stdout)
  const made = await json(
    'app',
    'create',
    'Lamp',
    '--app-key',
    'genie',
    '--master-secret',
    'sesame',
    '--origin',
    'https://a.example',
    'https://b.example',
  )
  assert.deepEqual([made.app_key, made.master_secret, made.settings.origins.length], ['genie', 'sesame', 2])
  assert.equal((await json('app', 'list')).apps.length, 2)
  assert.match((await lethe(['app', 'list'], env)).stdout, /^genie {2}Lamp$/m)
  const set = await json(
    'app',
    'set',
    'genie',
    '--name',
    'Ring',
    '--allow-address',
    '10.0.0.0/8',
    '--limit',
    'tag_bytes=50',
    '--no-origins',
  )
  assert.deepEqual(
    [set.name, set.settings.allowed_addresses, set.settings.origins, set.settings.limits.tag_bytes],
    ['Ring', ['10.0.0.0/8'], [], 50],
  )
  assert.match((await lethe(['app', 'show', 'genie'], env)).stdout, /^Allowed addresses {2}10\.0\.0\.0\/8$/m)
  assert.match((await json('app', 'rotate-secret', 'genie')).master_secret, /^[0-9a-f]{24}$/)

  const failures: [string[], Env, number, RegExp][] = [
    [['app', 'show', 'nobody'], env, 1, /^no app has this app key/],
    [['app', 'create', 'x', '--app-key', 'genie'], env, 1, /an app with this key exists/],
    [['app', 'list'], { ...env, LETHE_OPERATOR_TOKEN: 'wrong' }, 1, /^The operator token is wrong/],
    [['app', 'list'], { LETHE_URL: server.url }, 2, /^Set LETHE_OPERATOR_TOKEN/],
    [
      ['app', 'list', '--url', 'http://127.0.0.1:1'],
      env,
      1,
      /^No server answers at http:\/\/127\.0\.0\.1:1 \(/,
    ],
    [['app', 'list', '--url', 'nonsense'], env, 2, /^nonsense is not a URL/],
    [['app', 'set', 'genie'], env, 2, /^Say what to change/],
    [['app', 'set', 'genie', '--limit', 'x'], env, 2, /tags_per_device=200/],
    [['nonsense'], env, 2, /unknown command/],
  ]
  for (const [args, environment, code, sentence] of failures) {
    const ended = await lethe(args, environment)
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`)
    assert.match(ended.stderr, sentence)
  }
  assert.equal(await server.stop(), 0)
})
