import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, test } from 'node:test'
import { lethe, newFolder, OPERATED, serve } from './lethe.ts'

const folder = newFolder()
const ledger = path.join(folder, 'ledger')
const env = { LETHE_DATA_DIR: path.join(folder, 'data'), LETHE_LEDGER: ledger, ...OPERATED }

before(async () => {
  const server = await serve(env)
  const app = `${server.url}/client/v1/apps/genie/registrations`
  const headers = { 'content-type': 'application/json' }
  for (let count = 0; count < 3; count++) {
    const registered = await fetch(app, { method: 'POST', headers, body: '{"platform":"web"}' })
    const { registration_id, device_secret } = (await registered.json()) as Record<string, string>
    const authorization = `Bearer ${device_secret}`
    await fetch(`${app}/${registration_id}`, { method: 'DELETE', headers: { authorization } })
  }
  while (readFileSync(ledger, 'latin1').split('\n').length < 5)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await server.stop(), 0)
})

function copy(name: string): string {
  const file = path.join(folder, name)
  copyFileSync(ledger, file)
  return file
}

async function json(args: string[], code: number) {
  const ended = await lethe(['ledger', ...args, '--json'])
  assert.equal(ended.code, code, ended.stderr)
  return JSON.parse(ended.stdout)
}

test('a whole ledger is whole, and nobody else may read it', async () => {
  const ended = await lethe(['ledger', 'verify', ledger])
  assert.equal(ended.code, 0, ended.stderr)
  assert.match(
    ended.stdout,
    /^\S+ledger: whole\n {2}Ledger {4}\w+\n {2}File {6}\w+\n {2}Erasures {2}3, up to position 3\n$/,
  )
  assert.equal(statSync(ledger).mode & 0o777, 0o600)
})

test('damage and a torn end are found', async () => {
  const damaged = copy('damaged')
  writeFileSync(damaged, readFileSync(damaged, 'latin1').replace('\t2\t', '\t7\t'))
  const ended = await lethe(['ledger', 'verify', ledger, damaged])
  assert.equal(ended.code, 1)
  assert.match(ended.stdout, /damaged: not whole\n[\s\S]*at line 3: its checksum does not fit\. Nothing/)
  const torn = copy('torn')
  truncateSync(torn, statSync(torn).size - 1)
  const { files } = await json(['verify', torn], 0)
  assert.deepEqual([files[0].erasures, files[0].torn_bytes > 0, files[0].damage], [2, true, null])
})

test('ledgers are joined into one that the server starts with', async () => {
  const shorter = copy('shorter')
  truncateSync(shorter, readFileSync(shorter, 'latin1').split('\n').slice(0, 2).join('\n').length + 1)
  const out = path.join(folder, 'joined')
  const { merged, files } = await json(['merge', shorter, ledger, '--out', out], 0)
  assert.deepEqual([merged.whole, merged.erasures, files[0].erasures], [true, 3, 1])
  assert.equal(statSync(out).mode & 0o777, 0o600)
  const refused = await lethe(['serve'], { ...env, LETHE_PORT: '0', LETHE_LEDGER: shorter })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /is shorter than the database: it ends at position 1 and should reach 3\./)
  assert.equal(await (await serve({ ...env, LETHE_LEDGER: out })).stop(), 0)
})

test('what is called wrongly or does not belong together is one sentence', async () => {
  const strange = path.join(folder, 'strange')
  writeFileSync(strange, 'no ledger\n')
  const out = path.join(folder, 'nothing')
  const cases: [args: string[], code: number, sentence: RegExp][] = [
    [['verify'], 2, /missing required argument 'files'/],
    [['verify', out], 2, /^The file \S+nothing cannot be read\.\n$/],
    [['merge', ledger], 2, /required option '--out <file>' not specified/],
    [
      ['merge', ledger, '--out', strange],
      2,
      /^\S+strange exists: give the new ledger a name that is free\.\n$/,
    ],
    [
      ['merge', ledger, strange, '--out', out],
      1,
      /^\S+strange is not a ledger, or its first line is damaged\.\n$/,
    ],
  ]
  for (const [args, code, sentence] of cases) {
    const ended = await lethe(['ledger', ...args])
    assert.deepEqual([ended.code, ended.stdout], [code, ''], ended.stderr)
    assert.match(ended.stderr, sentence)
  }
  assert.equal(existsSync(out), false)
})
