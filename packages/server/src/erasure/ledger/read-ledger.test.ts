import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunksOf, entry, HEADER, textOf } from '../../../test/support/ledger-text.ts'
import { FIRST_CHAIN, type LedgerLine, parseLine, writeLine } from './ledger-line.ts'
import { readLedger } from './read-ledger.ts'

test('every line reads back as it was written', () => {
  let chain = FIRST_CHAIN
  for (const line of [
    HEADER,
    entry(1, { tokenDigest: 't'.repeat(43), requestDigest: null }),
    { kind: 'again' },
  ]) {
    const written = writeLine(line as LedgerLine, chain)
    assert.deepEqual(parseLine(written.text.trimEnd(), chain), { line, chain: written.chain })
    chain = written.chain
  }
})

test('a whole ledger tells where it ends and what was left out', async () => {
  const text = textOf([HEADER, entry(1), entry(2), entry(5)])
  const seen: number[] = []
  const findings = await readLedger(chunksOf(text), ({ position }) => {
    seen.push(position)
  })
  assert.deepEqual(seen, [1, 2, 5])
  assert.deepEqual([findings.entryCount, findings.lastPosition, findings.earlierCount], [3, 5, 0])
  assert.deepEqual(findings.gaps, [{ from: 3, to: 4 }])
  assert.deepEqual([findings.soundBytes, findings.tornBytes, findings.damage], [text.length, 0, undefined])
  assert.equal(findings.lastErasureId, '5'.padStart(32, '0'))
})

test('positions begin anew where it says so', async () => {
  const findings = await readLedger(
    chunksOf(textOf([HEADER, entry(1), entry(2), { kind: 'again' }, entry(1, { erasureId: 'other' })])),
  )
  assert.deepEqual([findings.earlierCount, findings.entryCount, findings.lastPosition], [2, 3, 1])
  assert.equal(findings.damage, undefined)
})

test('cut anywhere, it is whole up to the last line feed', async () => {
  const text = textOf([HEADER, entry(1), entry(2)])
  for (let length = 0; length < text.length; length++) {
    const findings = await readLedger(chunksOf(text.slice(0, length), 64))
    const whole = text.slice(0, length).lastIndexOf('\n') + 1
    assert.equal(findings.damage, undefined)
    assert.deepEqual([findings.soundBytes, findings.tornBytes], [whole, length - whole])
    assert.equal(findings.entryCount, Math.max(0, text.slice(0, whole).split('\n').length - 2))
  }
})

test('no byte can be another without being noticed', async () => {
  const text = textOf([HEADER, entry(1), entry(2)])
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'x' ? 'y' : 'x'
    const changed = text.slice(0, at) + other + text.slice(at + 1)
    const findings = await readLedger(chunksOf(changed, 64))
    const isLastLineFeed = at === text.length - 1
    assert.equal(findings.damage !== undefined || findings.tornBytes > 0, true, `byte ${at}`)
    if (!isLastLineFeed) assert.ok(findings.damage, `byte ${at}`)
  }
})

test('no line can be missing, twice, or somewhere else', async () => {
  const lines = textOf([HEADER, entry(1), entry(2), entry(3), entry(4)])
    .split('\n')
    .slice(0, -1)
  const damagedAt = async (changed: readonly string[]) =>
    (await readLedger(chunksOf(`${changed.join('\n')}\n`, 64))).damage?.lineNumber
  const [header = '', one = '', two = '', three = '', four = ''] = lines
  assert.equal(await damagedAt(lines), undefined)
  assert.equal(await damagedAt([header, one, three, four]), 3)
  assert.equal(await damagedAt([header, one, one, two, three, four]), 3)
  assert.equal(await damagedAt([header, one, three, two, four]), 3)
  assert.equal(await damagedAt([one, two]), 1)
  assert.equal(await damagedAt([header, header]), 2)
})
