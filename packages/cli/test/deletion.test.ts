import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { type Env, lethe, newFolder, OPERATED, type Serving, serveOperated } from './lethe.ts'

const APP = OPERATED.LETHE_APP_KEY
let server: Serving
let env: Env
let folder: string

before(async () => {
  folder = newFolder()
  ;({ server, env } = await serveOperated({
    LETHE_DATA_DIR: path.join(folder, 'data'),
    LETHE_RATE_LIMIT: '0',
  }))
})
after(async () => {
  await server.stop()
})

const basic = `Basic ${btoa(`${APP}:${OPERATED.LETHE_MASTER_SECRET}`)}`

/** A new user with a tag, and an alias of its id. */
async function addUser(tag: string): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: basic }
  const made = await fetch(`${server.url}/client/v1/apps/${APP}/registrations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ platform: 'web' }),
  })
  const { registration_id: id } = (await made.json()) as { registration_id: string }
  await fetch(`${server.url}/v4/devices/${id}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ tags: { add: [tag] }, alias: `a_${id}` }),
  })
  return id
}

async function isLive(id: string): Promise<boolean> {
  return (await fetch(`${server.url}/v4/devices/${id}`, { headers: { authorization: basic } })).status === 200
}

const run = (...args: string[]) => lethe([...args, '--app', APP], env)
const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout)

test('the whole way, from the check to the verified manifests, as a person goes it', async () => {
  const [one, two, other] = [await addUser('gone'), await addUser('gone'), await addUser('kept')]
  const check = await run('audience', 'check', '--tag', 'gone')
  assert.match(check.stdout, /^Users {8}2 of 3 \(66\.7 %\)$/m)
  const fingerprint = /^Fingerprint {2}(\S+)$/m.exec(check.stdout)?.[1] ?? ''

  const planned = await run('deletion', 'plan', '--tag', 'gone', '--fingerprint', fingerprint)
  assert.equal(planned.code, 0, planned.stderr)
  assert.match(planned.stdout, /^Users {8}2 of 3 \(66\.7 %\)$/m)
  const line = /^ {2}lethe deletion confirm (\S+) --app genie --token (\S+) --count COUNT$/m.exec(
    planned.stdout,
  )
  const [, id = '', token = ''] = line ?? []
  assert.ok(id)

  const wrong = await run('deletion', 'confirm', id, '--token', token, '--count', '3', '--start-now')
  assert.deepEqual([wrong.code, wrong.stderr], [1, 'the count is not that of the plan (409, code 29014).\n'])
  const unsaid = await run('deletion', 'confirm', id, '--token', token)
  assert.deepEqual([unsaid.code, unsaid.stderr], [2, 'Give --count with the number of users on the list.\n'])
  assert.ok(await isLive(one))

  const confirmed = await run('deletion', 'confirm', id, '--token', token, '--count', '2', '--start-now')
  assert.equal(confirmed.code, 0, confirmed.stderr)
  const watched = await run('deletion', 'watch', id)
  assert.equal(watched.code, 0, watched.stderr)
  assert.match(watched.stdout, /^State {8}done at \d{4}-/m)
  assert.match(watched.stdout, /^Erased {7}2, signed for in \d manifests$/m)
  assert.deepEqual([await isLive(one), await isLive(two), await isLive(other)], [false, false, true])

  const out = path.join(folder, 'manifests')
  assert.equal((await run('deletion', 'manifests', id, '--out', out)).code, 0)
  const keys = path.join(folder, 'jwks.json')
  writeFileSync(keys, await (await fetch(`${server.url}/.well-known/jwks.json`)).text())
  const digests: string[] = []
  for (const file of readdirSync(out)) {
    const verified = await lethe(['receipt', 'verify', path.join(out, file), '--keys', keys, '--json'], env)
    assert.equal(verified.code, 0)
    digests.push(...JSON.parse(verified.stdout).claims.registration_id_digests.values)
  }
  assert.equal(new Set(digests).size, 2)
  const words = await lethe(
    ['receipt', 'verify', path.join(out, readdirSync(out)[0] ?? ''), '--keys', keys],
    env,
  )
  assert.match(words.stdout, /^Valid: (this user was|these 2 users were) erased\.$/m)

  const waited = await run('erasure', 'wait', '--registration-id', one)
  assert.deepEqual([waited.code, /^State {4}erased$/m.test(waited.stdout)], [0, true])
  const { erasures } = await json('erasure', 'list')
  assert.deepEqual(
    erasures.map(({ origin, deletion_id }: { origin: string; deletion_id: string }) => [origin, deletion_id]),
    [
      ['bulk', id],
      ['bulk', id],
    ],
  )
  const shown = await run('erasure', 'show', erasures[0].erasure_id)
  assert.match(shown.stdout, /^Receipt {2}signed; --json gives it$/m)
  assert.equal((await run('erasure', 'list', '--open')).stdout, 'No erasure is open.\n')
  assert.match((await run('deletion', 'list')).stdout, /done {7}2 users, 2 deleted$/m)
})

test('lists come from files, one on each line, whatever else is in them', async () => {
  const [one, two, kept] = [await addUser('file'), await addUser('file'), await addUser('file')]
  const ids = path.join(folder, 'ids.txt')
  writeFileSync(ids, `\uFEFF${one}\r\n\n  unknown \n${one}\n`)
  const planned = await json('deletion', 'plan', '--ids', ids)
  assert.deepEqual([planned.users, planned.lines, planned.source], [1, 3, 'registration_ids'])
  const aliases = await lethe(
    ['deletion', 'plan', '--aliases', '-', '--app', APP, '--json'],
    env,
    `a_${two}\na_nobody\n`,
  )
  const listed = JSON.parse(aliases.stdout)
  assert.deepEqual([listed.users, listed.source], [1, 'aliases'])
  for (const { deletion_id, confirmation_token } of [planned, listed]) {
    const args = ['--token', confirmation_token, '--count', '1', '--start-now']
    assert.equal((await run('deletion', 'confirm', deletion_id, ...args)).code, 0)
    assert.equal((await run('deletion', 'watch', deletion_id)).code, 0)
  }
  assert.deepEqual([await isLive(one), await isLive(two), await isLive(kept)], [false, false, true])

  writeFileSync(ids, `${kept}\nnot an id\n`)
  const wrong = await run('deletion', 'plan', '--ids', ids)
  assert.deepEqual(
    [wrong.code, wrong.stderr.split('\n').at(-2)],
    [2, `Line 2 of ${ids} is no registration id. Nothing was planned.`],
  )
  assert.equal((await json('deletion', 'list')).deletions[0].state, 'cancelled')
  assert.equal((await run('deletion', 'plan', '--ids', path.join(folder, 'missing'))).code, 2)
  assert.ok(await isLive(kept))
})

test('a confirmed deletion can be cancelled in its grace, and watch says so with its exit code', async () => {
  const user = await addUser('spared')
  const { deletion_id: id, confirmation_token: token } = await json('deletion', 'plan', '--tag', 'spared')
  const early = await run('deletion', 'watch', id)
  assert.deepEqual(
    [early.code, early.stderr],
    [1, 'It is not confirmed: lethe deletion confirm does that.\n'],
  )
  const confirmed = await json('deletion', 'confirm', id, '--token', token, '--count', '1', '--grace', '2h')
  assert.equal(Date.parse(confirmed.starts_at) - Date.parse(confirmed.confirmed_at), 7_200_000)
  const paused = await run('deletion', 'pause', id)
  assert.match(
    paused.stderr,
    /^the deletion is confirmed: it was confirmed, and has not begun \(409, code 29011\)\.$/m,
  )
  assert.equal((await run('deletion', 'cancel', id)).code, 0)
  const watched = await run('deletion', 'watch', id)
  assert.deepEqual([watched.code, /^State {8}cancelled at/m.test(watched.stdout)], [1, true])
  assert.ok(await isLive(user))
})

test('every user of the app needs its name, and nobody named is never everybody', async () => {
  const user = await addUser('last')
  const planned = await run('deletion', 'plan', '--all')
  assert.match(planned.stdout, /--count COUNT --app-name NAME$/m)
  assert.match(planned.stdout, /this deletes EVERY user of it: all \d+\.$/m)
  const [, id = '', token = ''] = /confirm (\S+) --app \S+ --token (\S+)/.exec(planned.stdout) ?? []
  const { users } = (await json('deletion', 'list')).deletions[0]
  const args = ['deletion', 'confirm', id, '--token', token, '--count', String(users)]
  const refused = await run(...args)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /give the name of the app as well/)
  assert.ok(await isLive(user))
  const nobody = await run('deletion', 'plan')
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /^Say who:/)
  const both = await run('deletion', 'plan', '--all', '--ids', '-')
  assert.equal(both.code, 2)
  const misspelt = await run('deletion', 'plan', '--tag-not', 'lost')
  assert.match(misspelt.stderr, /^to\.tag_not\[0\]: no user holds this tag/)
})
