import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  ackSeconds,
  clientFrameBytesMax,
  closeCodes,
  helloSeconds,
  receivedIdsMax,
} from '@lethe/protocol/socket.ts'

const guide = readFileSync(new URL('../../../../docs/guides/socket.md', import.meta.url), 'utf8')

/** Given by the protocol's library and by the browser, and not by us. */
const CODES_OF_OTHERS = [1006, 1009]

test('the guide explains every code with which a socket is closed, and no other', () => {
  const explained = [...guide.matchAll(/^\| `(\d{4})` +\|/gm)].map(([, code]) => Number(code))
  assert.deepEqual(explained.sort(), [...Object.values(closeCodes), ...CODES_OF_OTHERS].sort())
})

test('the guide gives the limits that hold', () => {
  assert.ok(guide.includes(`within ${helloSeconds} seconds`))
  assert.ok(guide.includes(`within ${ackSeconds} seconds`))
  assert.ok(guide.includes(`at most ${receivedIdsMax}:`))
  assert.ok(guide.includes(`at most ${clientFrameBytesMax} bytes`))
})
