import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { after, test } from 'node:test'
import { writeTypes } from './sdk-types.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'lethe-sdk-types-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const tsc = path.join(import.meta.dirname, '../node_modules/typescript/bin/tsc')

/** What the compiler says about a site's own code, in a folder that has nothing but the package's declarations. */
function said(code: string): string {
  writeFileSync(path.join(folder, 'site.ts'), code)
  const flags = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--lib',
    'es2024,dom',
  ]
  try {
    execFileSync(process.execPath, [tsc, ...flags, '--types', '', path.join(folder, 'site.ts')])
    return ''
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout)
  }
}

test('a site in TypeScript gets types that need no other package', () => {
  execFileSync(process.execPath, [tsc, '-b', path.join(import.meta.dirname, '../packages/web-sdk')])
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  assert.ok(writeTypes(path.join(folder, 'types')) > 5)
  const site = (body: string) => `
    import { init, LetheError } from './types/index.js'
    const lethe = await init({ appKey: 'a', on: { message: ({ message, shown }) => { console.log(message.msg_id); shown() } } })
    ${body}`
  assert.equal(
    said(site('const tags: string[] = await lethe.getAllTags(); new LetheError("deleted", "x").reason')),
    '',
  )
  assert.match(said(site('lethe.addTags("one")')), /error TS2345/)
  assert.match(said(site('lethe.on("no-event", () => {})')), /error TS2345/)
})
