import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Env, lethe, type Serving, serveOperated } from './lethe.ts'

let server: Serving
let env: Env
before(async () => {
  ;({ server, env } = await serveOperated())
})
after(async () => assert.equal(await server.stop(), 0))

test('the audit log is printed for people and for programs, a page at a time', async () => {
  assert.equal((await lethe(['audit', 'list'], env)).stdout, 'The audit log is empty.\n')
  await lethe(['app', 'set', 'genie', '--limit', 'tag_bytes=60'], env)
  await lethe(['channel', 'set', 'genie', 'stub'], env)
  const printed = await lethe(['audit', 'list'], env)
  assert.equal(printed.code, 0, printed.stderr)
  const at = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'
  assert.match(
    printed.stdout,
    new RegExp(
      `^${at} {2}operator \\(loopback\\) {4}channel\\.set {9}genie stub revision=1\n` +
        `${at} {2}operator \\(loopback\\) {4}app\\.changed {9}genie limits tag_bytes=60\n$`,
    ),
  )
  const page = JSON.parse((await lethe(['audit', 'list', '--limit', '1', '--json'], env)).stdout)
  assert.deepEqual(
    page.entries.map(({ action }: { action: string }) => action),
    ['channel.set'],
  )
  const rest = await lethe(['audit', 'list', '--before', page.next], env)
  assert.match(rest.stdout, /app\.changed/)
  const filtered = await lethe(['audit', 'list', '--action', 'app.changed'], env)
  assert.equal(filtered.stdout, rest.stdout)
})

test('what is called wrongly is one sentence', async () => {
  const wrong = await lethe(['audit', 'list', '--limit', 'many'], env)
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^limit\b[^\n]*\(400, code 21003\)\.\n$/)
  assert.equal((await lethe(['audit', 'list', '--action', 'nothing'], env)).code, 2)
})
