import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunksOf, entry, HEADER, textOf } from '../../../test/support/ledger-text.ts'
import type { LedgerStorage } from './ledger.ts'
import type { LedgerLine } from './ledger-line.ts'
import { type MergedLedger, mergeLedgers } from './merge-ledgers.ts'
import { readLedger } from './read-ledger.ts'

const AGAIN: LedgerLine = { kind: 'again' }

/** An erasure that is not the one which `entry` puts at the position. */
function other(position: number): LedgerLine {
  return entry(position, { erasureId: `other-${position}` })
}

function memory(): LedgerStorage {
  let text = ''
  return {
    get size() {
      return text.length
    },
    read: () => chunksOf(text, 1_000),
    append: async (bytes) => {
      text += new TextDecoder().decode(bytes)
    },
    truncate: async (size) => {
      text = text.slice(0, size)
    },
  }
}

/** The result, and what stands in the new file, by position and erasure. */
async function merge(...texts: string[]): Promise<MergedLedger & { lines: string[] }> {
  const out = memory()
  const sources = texts.map((text, index) => ({ name: `file ${index + 1}`, chunks: chunksOf(text, 1_000) }))
  const result = await mergeLedgers({ sources, out, fileId: 'new' })
  const lines: string[] = []
  await readLedger(out.read(), ({ position, erasureId }) => {
    lines.push(`${position} ${erasureId.replace(/^0+/, '')}`)
  })
  return { ...result, lines }
}

test('what one of them lacks, another has', async () => {
  const { merged, lines } = await merge(
    textOf([HEADER, entry(1), entry(2), entry(3)]),
    textOf([HEADER, entry(1), entry(3), entry(4)]),
  )
  assert.deepEqual(lines, ['1 1', '2 2', '3 3', '4 4'])
  assert.deepEqual(merged.header, { ledgerId: 'a'.repeat(32), fileId: 'new' })
  assert.deepEqual([merged.gaps, merged.damage, merged.tornBytes], [[], undefined, 0])
})

test('what none of them has is a gap', async () => {
  const { merged } = await merge(textOf([HEADER, entry(1)]), textOf([HEADER, entry(1), entry(4)]))
  assert.deepEqual(merged.gaps, [{ from: 2, to: 3 }])
})

test('of a damaged one, what stands before the damage is taken; the torn end of another is left out', async () => {
  const damaged = textOf([HEADER, entry(1), entry(2), entry(3)])
    .split('\n')
    .toSpliced(2, 1)
    .join('\n')
  const torn = textOf([HEADER, entry(2), entry(3)]).slice(0, -10)
  const { sources, lines } = await merge(damaged, torn)
  assert.equal(sources[0]?.damage?.lineNumber, 3)
  assert.deepEqual(lines, ['1 1', '2 2'])
})

test('where positions began anew, the newest history keeps its positions and nothing of the older is lost', async () => {
  const newest = textOf([HEADER, entry(1), entry(2), AGAIN, entry(1), other(2), entry(3, { erasureId: 'x' })])
  const away = textOf([HEADER, entry(1), entry(2), entry(3)])
  for (const texts of [
    [newest, away],
    [away, newest],
  ]) {
    const { merged, lines } = await merge(...texts)
    const atEnd = ['1 1', '2 other-2', '3 x']
    assert.deepEqual(lines.slice(-3), atEnd)
    assert.deepEqual(lines.slice(0, -3).sort(), ['2 2', '3 3'])
    assert.deepEqual([merged.earlierCount, merged.lastPosition, merged.damage], [2, 3, undefined])
  }
})

test('a stretch that ends lower than the next one begins is not taken for one with it', async () => {
  const { merged, lines } = await merge(textOf([HEADER, entry(1), AGAIN, entry(2), entry(3)]))
  assert.deepEqual(lines, ['1 1', '2 2', '3 3'])
  assert.deepEqual([merged.earlierCount, merged.gaps], [1, [{ from: 1, to: 1 }]])
})

test('files that do not belong together are refused', async () => {
  const foreign = textOf([{ kind: 'header', header: { ledgerId: 'c', fileId: 'd' } }, entry(1)])
  await assert.rejects(merge(textOf([HEADER]), foreign), /^Error: file 1 and file 2 are ledgers of different/)
  await assert.rejects(merge(textOf([HEADER]), 'something else\n'), /^Error: file 2 is not a ledger/)
})
