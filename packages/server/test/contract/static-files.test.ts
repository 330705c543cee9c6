/** The files of the web SDK and of the demo over HTTP: which are handed out, with what headers, and that no other is. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { AppDeps } from '../../src/app.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { captureLog } from '../support/capture-log.ts'

const FILES = {
  'dist/lethe.js': 'var Lethe = {}',
  'dist/lethe.mjs': 'export {}',
  'dist/lethe-worker.js': 'self.x = 1',
  'dist/lethe.d.ts': 'export interface Lethe {}',
  'dist/lethe.js.map': '{"version":3}',
  'dist/.secret': 'hidden',
  'dist/deep/.git/config': 'hidden',
  'demo/index.html': '<!doctype html><title>Demo</title>',
  'demo/demo.css': 'body{}',
  'demo/worker.js': "importScripts('/sdk/lethe-worker.js')",
  'demo/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'outside.txt': 'not for everybody',
}

function makeFolder(
  t: Pick<TestContext, 'after'> | undefined,
  files: Record<string, string> = FILES,
): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-static-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  t?.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Over a real socket, and without the tidying up of paths that `fetch` does. */
function askerOf(port: number) {
  return (url: string, { method = 'GET', headers = {} } = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: url, method, headers }, async (response) => {
        const parts: Buffer[] = []
        for await (const part of response) parts.push(part)
        const text = Buffer.concat(parts).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
      sent.on('error', reject)
      sent.end()
    })
}

async function start(webSdkFolder: string, settings: AppDeps['settings'], more: Partial<AppDeps> = {}) {
  const app: TestApp = await startTestApp(settings, { deps: { webSdkFolder, ...more } })
  const port = Number(new URL(await app.app.http.listen({ host: '127.0.0.1', port: 0 })).port)
  return { app, ask: askerOf(port) }
}

describe('the files of the server', () => {
  const folder = makeFolder(undefined)
  let app: TestApp
  let ask: ReturnType<typeof askerOf>

  before(async () => {
    const started = await start(folder, { demo: true })
    app = started.app
    ask = started.ask
  })
  after(async () => {
    await app.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const pathUnknown = async (url: string, method = 'GET') => {
    const { status, headers, text } = await ask(url, { method })
    assert.equal(status, 404, url)
    assert.equal(headers['content-type'], 'application/json; charset=utf-8', url)
    assert.equal(headers['cache-control'], 'no-store', url)
    if (method === 'GET') assert.equal(JSON.parse(text).error.code, 21001, url)
  }

  test('those of the SDK may be loaded by pages of every origin', async () => {
    const cases = [
      ['lethe.js', 'text/javascript; charset=utf-8', 'public, max-age=3600'],
      ['lethe.mjs', 'text/javascript; charset=utf-8', 'public, max-age=3600'],
      ['lethe-worker.js', 'text/javascript; charset=utf-8', 'no-cache'],
      ['lethe.d.ts', 'text/plain; charset=utf-8', 'public, max-age=3600'],
      ['lethe.js.map', 'application/json; charset=utf-8', 'public, max-age=3600'],
    ] as const
    for (const [name, type, cacheControl] of cases) {
      const { status, headers, text } = await ask(`/sdk/${name}?v=1`)
      assert.deepEqual([status, text], [200, FILES[`dist/${name}`]])
      assert.equal(headers['content-type'], type)
      assert.equal(headers['content-length'], String(text.length))
      assert.equal(headers['cache-control'], cacheControl)
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.equal(headers['cross-origin-resource-policy'], 'cross-origin')
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(String(headers['etag']), /^W?\/?"[^"]+"$/)
    }
  })

  test('one that a browser has already is not sent again', async () => {
    const first = await ask('/sdk/lethe.js')
    const headers = { 'if-none-match': String(first.headers['etag']) }
    const second = await ask('/sdk/lethe.js', { headers })
    assert.deepEqual([second.status, second.text], [304, ''])
    assert.equal(second.headers['cache-control'], 'public, max-age=3600')
    assert.equal(second.headers['access-control-allow-origin'], '*')
    assert.equal((await ask('/sdk/lethe.js', { headers: { 'if-none-match': '"other"' } })).status, 200)
  })

  test('HEAD tells the same without the file, and other methods are refused', async () => {
    const { status, headers, text } = await ask('/sdk/lethe.js', { method: 'HEAD' })
    assert.deepEqual([status, headers['content-length'], text], [200, '14', ''])
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      for (const url of ['/sdk/lethe.js', '/demo/demo.css', '/demo/']) {
        const refused = await ask(url, { method })
        assert.deepEqual([refused.status, refused.headers['allow']], [405, 'GET, HEAD'], `${method} ${url}`)
      }
    }
  })

  test('there is no other: no folder, nothing hidden, nothing outside', async () => {
    const paths = [
      '/sdk',
      '/sdk/',
      '/sdk/deep',
      '/sdk/deep/',
      '/sdk/nothing.js',
      '/sdk/.secret',
      '/sdk/%2esecret',
      '/sdk/deep/.git/config',
      '/sdk/../outside.txt',
      '/sdk/..%2foutside.txt',
      '/sdk/%2e%2e/outside.txt',
      '/sdk/..%5coutside.txt',
      '/sdk/deep/../../outside.txt',
      '/sdk/./lethe.js',
      '/sdk//lethe.js',
      '/sdk/%00',
      '/sdk/lethe.js%00.txt',
      '/sdk/LETHE.JS',
      '/sdk/lethe.js/',
      '/sdk/lethe.js/x',
      `/sdk/${'x'.repeat(5_000)}`,
      '/demo/nothing',
      '/demo/../outside.txt',
      '/demo/..',
      '/sdkx/lethe.js',
    ]
    for (const url of paths) await pathUnknown(url)
    await pathUnknown('/sdk/nothing.js', 'HEAD')
  })

  test('the demo is a page of its own with a strict policy', async () => {
    for (const host of ['127.0.0.1:1', 'localhost:1']) {
      const { status, headers, text } = await ask('/demo/', { headers: { host } })
      assert.deepEqual([status, text], [200, FILES['demo/index.html']])
      assert.equal(headers['content-type'], 'text/html; charset=utf-8')
      assert.equal(headers['cache-control'], 'no-cache')
      assert.equal(headers['access-control-allow-origin'], undefined)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /^default-src 'none'; script-src 'self'; /)
      assert.doesNotMatch(policy, /unsafe|\*|http/)
    }
    const worker = await ask('/demo/worker.js')
    assert.equal(worker.headers['content-type'], 'text/javascript; charset=utf-8')
    assert.match(String(worker.headers['content-security-policy']), /script-src 'self'/)
    assert.equal((await ask('/demo/icon.svg')).headers['content-type'], 'image/svg+xml')
    assert.equal((await ask('/demo/demo.css')).headers['content-type'], 'text/css; charset=utf-8')
  })

  test('without its slash the demo leads to itself, wherever a proxy has put it', async () => {
    const plain = await ask('/demo')
    assert.deepEqual([plain.status, plain.headers['location']], [308, 'demo/'])
    assert.equal((await ask('/demo?a=1')).headers['location'], 'demo/?a=1')
    assert.equal((await ask('/demo/?a=1')).status, 200)
    assert.deepEqual([(await ask('/demo/', { method: 'HEAD' })).status], [200])
  })
})

test('where the SDK is not built, the server works, logs it once, and says what to run', async (t) => {
  const { log, lines } = captureLog()
  const { app, ask } = await start(makeFolder(t, { x: '' }), { demo: true }, { log })
  t.after(() => app.close())
  const { status, text } = await ask('/sdk/lethe.js')
  assert.deepEqual([status, JSON.parse(text).error.code], [404, 21001])
  assert.match(JSON.parse(text).error.message, /npm run build:sdk/)
  assert.match(JSON.parse((await ask('/demo/')).text).error.message, /the demo is not part/)
  assert.equal((await ask('/healthz')).status, 200)
  const warnings = lines.filter(({ event }) => event === 'http.folder-missing')
  assert.deepEqual(
    warnings.map(({ fields }) => fields['path']),
    ['/sdk', '/demo'],
  )
})

test('where the demo is off, neither its page nor what it asks is there', async (t) => {
  const { app, ask } = await start(makeFolder(t), {})
  t.after(() => app.close())
  for (const url of ['/demo', '/demo/', '/demo/demo.css', '/demo/config.json'])
    assert.equal((await ask(url)).status, 404, url)
  assert.equal((await ask('/demo/push', { method: 'POST' })).status, 404)
  assert.equal((await ask('/sdk/lethe.js')).status, 200)
})

test('a file that a link leads to is the file', async (t) => {
  const folder = makeFolder(t)
  symlinkSync(path.join(folder, 'dist', 'lethe.js'), path.join(folder, 'dist', 'lethe-1.0.js'))
  const { app, ask } = await start(folder, {})
  t.after(() => app.close())
  assert.equal((await ask('/sdk/lethe-1.0.js')).text, FILES['dist/lethe.js'])
})
