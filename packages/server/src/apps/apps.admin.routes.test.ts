import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { APP_KEY, startTestApp, type TestApp } from '../../test/support/app.ts'

let t: TestApp
before(async () => {
  t = await startTestApp()
})
after(() => t.close())

async function call(line: string, payload?: object, headers: object = t.bearer) {
  const [method, path] = line.split(' ')
  const request = { method: method as 'GET', url: `/admin/v1/apps${path}`, headers: { ...headers } }
  const response = await t.app.http.inject(payload ? { ...request, payload } : request)
  return { status: response.statusCode, body: response.json() }
}

const limits = {
  tags_per_device: 100,
  tags_per_app: 100_000,
  devices_per_tag: 100_000,
  aliases_per_app: 100_000,
  tag_bytes: 40,
  alias_bytes: 40,
  requests_per_second: 500,
}

test('an app is made with minted keys, and its secret is told only then', async () => {
  const { status, body } = await call('POST ', { name: 'Shop' })
  const { app_key, master_secret, created_at, ...rest } = body
  assert.equal(status, 201)
  assert.match(app_key, /^[0-9a-f]{24}$/)
  assert.match(master_secret, /^[0-9a-f]{24}$/)
  assert.match(created_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(rest, { name: 'Shop', settings: { allowed_addresses: [], origins: [], limits } })
  const shown = await call(`GET /${app_key}`)
  assert.deepEqual(shown, { status: 200, body: { app_key, created_at, ...rest } })
  const listed = await call('GET ')
  assert.deepEqual(
    listed.body.apps.map((app: { app_key: string }) => app.app_key),
    [APP_KEY, app_key],
  )
})

test('a configured key is used as it is, once', async () => {
  const input = { name: 'Lamp', app_key: 'genie', master_secret: 'sesame:open' }
  const made = await call('POST ', input)
  assert.deepEqual([made.status, made.body.app_key, made.body.master_secret], [201, 'genie', 'sesame:open'])
  const again = await call('POST ', { ...input, master_secret: 'other' })
  assert.deepEqual([again.status, again.body.error.code], [400, 21003])
  for (const app_key of ['group-x', 'a b', 'a:b', 'ä', 'a'.repeat(65)])
    assert.equal((await call('POST ', { name: 'n', app_key })).body.error.code, 21003, app_key)
})

test('a change touches what it names, and lists are replaced whole', async () => {
  const { body: made } = await call('POST ', {
    name: 'A',
    settings: { origins: ['https://a.example'], limits: { tag_bytes: 50 } },
  })
  const path = `/${made.app_key}`
  const renamed = await call(`PATCH ${path}`, { name: 'B' })
  const { master_secret: _, ...withoutSecret } = made
  assert.deepEqual(renamed.body, { ...withoutSecret, name: 'B' })
  const changed = await call(`PATCH ${path}`, {
    settings: {
      origins: ['https://b.example'],
      allowed_addresses: ['192.0.2.0/24'],
      limits: { alias_bytes: 60 },
    },
  })
  assert.deepEqual(changed.body.settings, {
    origins: ['https://b.example'],
    allowed_addresses: ['192.0.2.0/24'],
    limits: { ...limits, tag_bytes: 50, alias_bytes: 60 },
  })
  assert.deepEqual((await call(`GET ${path}`)).body, changed.body)
})

test('origins are those of sites, and of apps that are web views', async () => {
  const { body: made } = await call('POST ', { name: 'A' })
  const setting = (origins: string[]) => call(`PATCH /${made.app_key}`, { settings: { origins } })
  const origins = ['https://a.example', 'http://localhost:8080', 'capacitor://localhost']
  assert.deepEqual((await setting(origins)).body.settings.origins, origins)
  for (const origin of ['https://a.example/path', 'ftp://a.example', 'a.example', 'capacitor:'])
    assert.equal((await setting([origin])).status, 400, origin)
})

test('an app that does not exist is 404 for every operation', async () => {
  for (const line of ['GET /nobody', 'PATCH /nobody', 'POST /nobody/rotate-secret']) {
    const { status, body } = await call(line, line.startsWith('PATCH') ? { name: 'n' } : undefined)
    assert.deepEqual([status, body.error.code], [404, 21008], line)
  }
})

test('only an operator has access', async () => {
  const cases: [object, number][] = [
    [{}, 27001],
    [{ authorization: '' }, 27001],
    [{ authorization: 'Bearer wrong' }, 21004],
    [t.basic, 21004],
  ]
  for (const [headers, code] of cases) {
    const { status, body } = await call('GET ', undefined, headers)
    assert.deepEqual([status, body.error.code], [401, code], JSON.stringify(headers))
  }
})
