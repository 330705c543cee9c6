import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openConnection } from './connection.ts'
import { copyDatabase } from './copy-database.ts'

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-copy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the copy is of one moment, however much is written meanwhile', async (t) => {
  const folder = newFolder(t)
  const [from, to] = [path.join(folder, 'from.sqlite'), path.join(folder, 'to.sqlite')]
  const writer = openConnection(from, { readonly: false })
  t.after(() => writer.close())
  writer.exec('create table app (bytes blob)')
  const insert = writer.prepare('insert into app (bytes) values (zeroblob(?))')
  // More than the pages that are copied in one go.
  for (let count = 0; count < 12; count++) insert.run(5_000_000)
  const shares: number[] = []
  await copyDatabase({ from, to }, (share) => {
    shares.push(share)
    insert.run(100)
  })
  assert.ok(shares.length >= 3, `${shares}`)
  assert.deepEqual(shares, [...shares].sort())
  const copy = openConnection(to, { readonly: true })
  t.after(() => copy.close())
  assert.deepEqual(copy.prepare('select count(*) as rows from app').get(), { rows: 12 })
})

test('a file without tables is not copied', async (t) => {
  const folder = newFolder(t)
  const from = path.join(folder, 'from.sqlite')
  openConnection(from, { readonly: false }).close()
  await assert.rejects(
    copyDatabase({ from, to: path.join(folder, 'to') }, () => {}),
    /^Error: There are no tables/,
  )
})
