import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { type Env, lethe, newFolder, OPERATED, type Serving, serveOperated } from './lethe.ts'

const APP = OPERATED.LETHE_APP_KEY
let server: Serving
let env: Env

before(async () => {
  ;({ server, env } = await serveOperated())
  for (const tag of ['news', 'news', 'sport']) {
    const json = { 'content-type': 'application/json' }
    const made = await fetch(`${server.url}/client/v1/apps/${APP}/registrations`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ platform: 'web' }),
    })
    const { registration_id } = (await made.json()) as { registration_id: string }
    await fetch(`${server.url}/v4/devices/${registration_id}`, {
      method: 'POST',
      headers: { ...json, authorization: `Basic ${btoa(`${APP}:${OPERATED.LETHE_MASTER_SECRET}`)}` },
      body: JSON.stringify({ tags: { add: [tag] } }),
    })
  }
})
after(async () => {
  await server.stop()
})

const check = (...args: string[]) => lethe(['audience', 'check', '--app', APP, ...args], env)

test('tells people and programs who fits an audience', async () => {
  const { code, stdout } = await check('--tag', 'news', 'unheard_of')
  assert.equal(code, 0)
  assert.match(stdout, /^Users {8}2 of 3 \(66\.7 %\)$/m)
  assert.match(stdout, /^No user holds the tag unheard_of: is it misspelt\?$/m)
  assert.match(stdout, /^Reachable {4}0: none$/m)
  assert.match(stdout, /^ {2}[0-9a-f]{32} {2}web; no alias; tags news; not reachable$/m)
  const json = JSON.parse((await check('--all', '--json')).stdout)
  assert.deepEqual([json.users, json.share, json.sample.length], [3, 1, 3])
})

test('takes the audience of a push from a file', async () => {
  const file = path.join(newFolder(), 'push.json')
  for (const held of ['{"tag_not":["news"]}', '{"to":{"tag":["sport"]},"body":{"platform":"all"}}']) {
    writeFileSync(file, held)
    assert.equal(JSON.parse((await check('--audience', file, '--json')).stdout).users, 1)
  }
})

test('nothing said is never everybody', async () => {
  const { code, stderr } = await check()
  assert.deepEqual([code, stderr], [2, 'Say who: --tag, --alias, --registration-id, --audience or --all.\n'])
  const both = await check('--all', '--tag', 'news')
  assert.equal(both.code, 2)
  const file = path.join(newFolder(), 'audience.json')
  for (const [held, expected] of [
    ['{}', 1],
    ['{"tag":[]}', 1],
    ['[]', 2],
    ['x', 2],
  ] as const) {
    writeFileSync(file, held)
    assert.equal((await check('--audience', file)).code, expected, held)
  }
})
