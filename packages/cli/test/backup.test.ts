import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { type Env, lethe, newFolder, OPERATED, type Serving, serve } from './lethe.ts'

const headers = { 'content-type': 'application/json' }

function basic(): string {
  return `Basic ${Buffer.from(`${OPERATED.LETHE_APP_KEY}:${OPERATED.LETHE_MASTER_SECRET}`).toString('base64')}`
}

async function register({ url }: Serving): Promise<string> {
  const at = `${url}/client/v1/apps/genie/registrations`
  const answer = await fetch(at, { method: 'POST', headers, body: '{"platform":"web","tags":["one"]}' })
  return ((await answer.json()) as { registration_id: string }).registration_id
}

async function statusOf({ url }: Serving, id: string, method = 'GET'): Promise<number> {
  const answer = await fetch(`${url}/v4/devices/${id}`, { method, headers: { authorization: basic() } })
  return answer.status
}

async function erase(server: Serving, ids: readonly string[]): Promise<void> {
  for (const id of ids) assert.equal(await statusOf(server, id, 'DELETE'), 200)
  const env = { LETHE_URL: server.url, LETHE_OPERATOR_TOKEN: OPERATED.LETHE_OPERATOR_TOKEN }
  for (const id of ids) {
    const ended = await lethe(['erasure', 'wait', '--app', 'genie', '--registration-id', id], env)
    assert.equal(ended.code, 0, ended.stderr)
  }
}

async function backup(args: string[], env: Env, code = 0) {
  const ended = await lethe(['backup', ...args], env)
  assert.equal(ended.code, code, ended.stdout + ended.stderr)
  return ended
}

test('a backup of a server at work is put back, and whoever was erased since is erased again', async (t) => {
  const folder = newFolder()
  const data = path.join(folder, 'data')
  const place = { LETHE_DATA_DIR: data, LETHE_LEDGER: path.join(folder, 'ledger') }
  const env = { ...place, ...OPERATED }
  let server = await serve(env)
  t.after(() => server.child.kill('SIGKILL'))
  const users = []
  for (let count = 0; count < 6; count++) users.push(await register(server))
  const [stays = '', ...gone] = users

  const saved = path.join(folder, 'saved')
  const registering = Promise.all(Array.from({ length: 20 }, () => register(server)))
  const created = await backup(['create', saved, '--json'], place)
  await registering
  const manifest = JSON.parse(created.stdout)
  assert.deepEqual(
    [manifest.engine, manifest.bytes],
    ['sqlite', statSync(path.join(saved, manifest.file)).size],
  )
  assert.deepEqual(readdirSync(saved).sort(), ['lethe.sqlite', 'manifest.json'])
  for (const name of readdirSync(saved)) assert.equal(statSync(path.join(saved, name)).mode & 0o777, 0o600)
  const key = readFileSync(path.join(data, 'secret-key'), 'utf8').trim()
  for (const name of readdirSync(saved))
    assert.ok(!readFileSync(path.join(saved, name), 'latin1').includes(key), 'the key stays where it is')

  const later = await register(server)
  await erase(server, [...gone, later])
  const whileItWorks = await backup(['restore', saved, '--replace'], place, 1)
  assert.match(whileItWorks.stderr, /^Another Lethe works in \S+data: stop it first/)
  assert.equal(await server.stop(), 0)

  const taken = await backup(['restore', saved], place, 1)
  assert.match(taken.stderr, /^There is a database at \S+lethe\.sqlite: move it away, or say with --replace/)
  const restored = await backup(['restore', saved, '--replace'], place)
  assert.match(
    restored.stdout,
    /^The backup \S+saved is in place\.\n[\s\S]*The next start erases again [^\n]*\n$/,
  )
  server = await serve(env)
  assert.equal(await statusOf(server, stays), 200)
  for (const id of [...gone, later]) assert.equal(await statusOf(server, id), 400)
  assert.equal(await server.stop(), 0)
})

test('a backup that is damaged, incomplete or of something else changes nothing', async () => {
  const folder = newFolder()
  const place = { LETHE_DATA_DIR: path.join(folder, 'data') }
  await (await serve({ ...place, ...OPERATED })).stop()
  const saved = path.join(folder, 'saved')
  await backup(['create', saved], place)
  const before = readFileSync(path.join(folder, 'data', 'lethe.sqlite'))
  const copy = (name: string, change: (file: string) => void) => {
    const other = path.join(folder, name)
    cpSync(saved, other, { recursive: true })
    change(path.join(other, name === 'strange' ? 'manifest.json' : 'lethe.sqlite'))
    return other
  }
  const damaged = copy('damaged', (file) => {
    const bytes = readFileSync(file)
    bytes[5_000] = (bytes[5_000] ?? 0) ^ 1
    writeFileSync(file, bytes)
  })
  const incomplete = copy('incomplete', (file) => renameSync(file, `${file}.away`))
  const strange = copy('strange', (file) =>
    writeFileSync(file, readFileSync(file, 'utf8').replace('"lethe.sqlite"', '"../data/lethe.sqlite"')),
  )
  const newer = copy('newer', () => {})
  const manifest = path.join(newer, 'manifest.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('lethe-backup-1', 'lethe-backup-2'))
  const cases: [folder: string, sentence: RegExp][] = [
    [damaged, /^The backup \S+ is damaged: lethe\.sqlite is not what was written\. Take another one\.\n$/],
    [incomplete, /^The backup \S+ is not complete: lethe\.sqlite is missing\.\n$/],
    [strange, /^\S+ is not a backup of Lethe: it has no manifest\.json that fits\.\n$/],
    [newer, /^The backup \S+ is of a kind that this version does not know \(lethe-backup-2\)\.\n$/],
    [folder, /^\S+ is not a backup of Lethe/],
  ]
  for (const [at, sentence] of cases)
    assert.match((await backup(['restore', at, '--replace'], place, 1)).stderr, sentence)
  assert.deepEqual(readFileSync(path.join(folder, 'data', 'lethe.sqlite')), before)
  assert.match((await backup(['create', saved], place, 1)).stderr, /^\S+saved exists: give the backup a name/)
  const nowhere = { LETHE_DATA_DIR: path.join(folder, 'nowhere') }
  assert.match(
    (await backup(['create', path.join(folder, 'none')], nowhere, 1)).stderr,
    /^There is no database at/,
  )
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('none') || name.startsWith('nowhere')),
    [],
  )
})

test('a restore into an empty folder says what else belongs there', async () => {
  const folder = newFolder()
  const place = { LETHE_DATA_DIR: path.join(folder, 'data') }
  await (await serve({ ...place, ...OPERATED })).stop()
  const saved = path.join(folder, 'saved')
  await backup(['create', saved], place)
  const other = { LETHE_DATA_DIR: path.join(folder, 'other') }
  const { stdout } = await backup(['restore', saved], other)
  assert.match(stdout, /^There is no ledger at \S+other\/erasure-ledger: put it there, the newest there is/m)
  assert.match(stdout, /^There is no secret key at \S+other\/secret-key: put it there/m)
  const refused = await lethe(['serve'], { ...other, ...OPERATED, LETHE_PORT: '0' })
  assert.equal(refused.code, 1)
  for (const name of ['secret-key', 'erasure-ledger'])
    cpSync(path.join(folder, 'data', name), path.join(folder, 'other', name))
  assert.equal(await (await serve({ ...other, ...OPERATED })).stop(), 0)
})

test('PostgreSQL is backed up with its own programs, which get the password where nobody sees it', async () => {
  const folder = newFolder()
  const programs = path.join(folder, 'bin')
  const url = 'postgres://lethe:pass%40word@127.0.0.1:1/lethe'
  const saved = path.join(folder, 'saved')
  const missing = await backup(['create', saved, '--database-url', url], { PATH: programs }, 1)
  assert.match(missing.stderr, /^pg_dump is not there: install the client programs of PostgreSQL/)
  assert.equal(existsSync(`${saved}.unfinished`), false)

  // Stand-ins that write down how they were called.
  mkdirSync(programs)
  const called = path.join(folder, 'called')
  const script = [
    '#!/bin/sh',
    `printf '%s %s %s\\n' "\${0##*/}" "$PGPASSWORD" "$*" >> '${called}'`,
    'for one in "$@"; do case "$one" in --file=*) echo dumped > "\x24{one#--file=}"; esac; done',
    '',
  ].join('\n')
  for (const name of ['pg_dump', 'pg_restore']) {
    writeFileSync(path.join(programs, name), script)
    chmodSync(path.join(programs, name), 0o700)
  }
  const env = { PATH: programs, LETHE_DATABASE_URL: url, LETHE_DATA_DIR: path.join(folder, 'data') }
  const { engine } = JSON.parse((await backup(['create', saved, '--json'], env)).stdout)
  assert.equal(engine, 'postgres')
  await backup(['restore', saved], env)
  const address = 'postgres://lethe@127.0.0.1:1/lethe'
  assert.deepEqual(readFileSync(called, 'utf8').split('\n'), [
    `pg_dump pass@word --dbname=${address} --format=custom --no-owner --no-privileges --file=${saved}.unfinished/lethe.dump`,
    `pg_restore pass@word --dbname=${address} --no-owner --no-privileges --exit-on-error --single-transaction ${saved}/lethe.dump`,
    '',
  ])
  const other = await backup(['restore', saved], { LETHE_DATA_DIR: path.join(folder, 'data') }, 1)
  assert.match(
    other.stderr,
    /^The backup is of PostgreSQL, and the settings name SQLite: set LETHE_DATABASE_URL\.\n$/,
  )
})
