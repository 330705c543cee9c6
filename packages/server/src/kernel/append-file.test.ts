import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { openAppendFile, readFrom, shareDevice } from './append-file.ts'

test('bytes are appended behind what stands, over every opening, for the owner alone', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-append-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const at = path.join(folder, 'new', 'file')
  const first = await openAppendFile(at)
  assert.equal(first.size, 0)
  await first.append(Buffer.from('one\n'))
  await first.append(Buffer.from('two\n'))
  await first.close()
  const second = await openAppendFile(at)
  assert.equal(second.size, 8)
  await second.append(Buffer.from('three\nhalf a li'))
  await second.truncate(14)
  await second.append(Buffer.from('four\n'))
  assert.equal(await textOf(second.read()), 'one\ntwo\nthree\nfour\n')
  await second.close()
  assert.equal(readFileSync(at, 'utf8'), 'one\ntwo\nthree\nfour\n')
  assert.equal(await textOf(readFrom(at)), 'one\ntwo\nthree\nfour\n')
  assert.equal(statSync(at).mode & 0o777, 0o600)
  assert.equal(statSync(path.dirname(at)).mode & 0o777, 0o700)
})

test('two files of a folder share a device, and none shares one with a file that is not there', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-append-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  assert.equal(shareDevice(folder, import.meta.filename) || shareDevice(folder, folder), true)
  assert.equal(shareDevice(folder, path.join(folder, 'nothing')), false)
})

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk).toString()
  return text
}
