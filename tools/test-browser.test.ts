import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

test('without the browsers it fails, and says how to get them', () => {
  const { status, stderr } = spawnSync(process.execPath, ['tools/run.mjs', 'tools/test-browser.ts'], {
    cwd: path.join(import.meta.dirname, '..'),
    env: { PATH: '' },
    encoding: 'utf8',
  })
  assert.equal(status, 1)
  assert.equal(
    stderr,
    'Missing: firefox, chromium. On Debian: apt-get install --no-install-recommends firefox-esr chromium\n',
  )
})
