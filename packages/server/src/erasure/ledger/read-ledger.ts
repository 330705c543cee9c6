/** Reads a ledger from beginning to end and says what stands in it, and whether it is whole. */

import { FIRST_CHAIN, type LedgerEntry, type LedgerHeader, parseLine } from './ledger-line.ts'

export interface LedgerFindings {
  /** Absent: not even the first line is there. */
  readonly header?: LedgerHeader
  readonly entryCount: number
  /** Of the last entry; 0 when there is none since positions began last. */
  readonly lastPosition: number
  readonly lastErasureId: string | null
  /** Entries before positions began last: they stand in an order of their own. */
  readonly earlierCount: number
  /** Positions that were left out between two entries, since positions began last. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
  /** What the next line is chained to. */
  readonly chain: string
  /** Bytes of whole lines. */
  readonly soundBytes: number
  /** Bytes behind the last line feed: a line that was being written when the machine or the process stopped. */
  readonly tornBytes: number
  /** The first line that is not as it was written. Nothing behind it was read. */
  readonly damage?: { readonly lineNumber: number; readonly reason: string }
}

/** Lists of gaps end here. */
const GAPS_MAX = 100

/** `onEntry` gets each entry in order, and how many came before it. */
export async function readLedger(
  chunks: AsyncIterable<Uint8Array>,
  onEntry: (entry: LedgerEntry, index: number) => Promise<void> | void = () => {},
): Promise<LedgerFindings> {
  const reading = new Reading()
  let rest = ''
  for await (const chunk of chunks) {
    // One character for each byte: all that is written is ASCII, and lengths stay what they are.
    const lines = (
      rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    ).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const entry = reading.take(line)
      if (entry) await onEntry(entry, reading.entryCount - 1)
      if (reading.damage) return reading.findings(0)
    }
  }
  return reading.findings(rest.length)
}

class Reading {
  entryCount = 0
  damage: LedgerFindings['damage']
  readonly #gaps: { from: number; to: number }[] = []
  #header: LedgerHeader | undefined
  #lineNumber = 0
  #lastPosition = 0
  #lastErasureId: string | null = null
  #earlierCount = 0
  #chain = FIRST_CHAIN
  #soundBytes = 0

  /** The entry of this line, if it is one. */
  take(text: string): LedgerEntry | undefined {
    this.#lineNumber++
    const parsed = parseLine(text, this.#chain)
    if (typeof parsed === 'string') return this.#fail(parsed)
    const { line } = parsed
    if ((line.kind === 'header') !== (this.#lineNumber === 1)) {
      return this.#fail(line.kind === 'header' ? 'a second beginning' : 'it should be the beginning')
    }
    if (line.kind === 'erased' && line.entry.position <= this.#lastPosition)
      return this.#fail('its position was there before')
    this.#chain = parsed.chain
    this.#soundBytes += text.length + 1
    if (line.kind === 'header') this.#header = line.header
    if (line.kind === 'again') this.#begin()
    return line.kind === 'erased' ? this.#count(line.entry) : undefined
  }

  findings(tornBytes: number): LedgerFindings {
    return {
      ...(this.#header ? { header: this.#header } : {}),
      entryCount: this.entryCount,
      lastPosition: this.#lastPosition,
      lastErasureId: this.#lastErasureId,
      earlierCount: this.#earlierCount,
      gaps: this.#gaps,
      chain: this.#chain,
      soundBytes: this.#soundBytes,
      tornBytes,
      ...(this.damage ? { damage: this.damage } : {}),
    }
  }

  #count(entry: LedgerEntry): LedgerEntry {
    const expected = this.#lastPosition + 1
    if (entry.position > expected && this.#gaps.length < GAPS_MAX)
      this.#gaps.push({ from: expected, to: entry.position - 1 })
    this.#lastPosition = entry.position
    this.#lastErasureId = entry.erasureId
    this.entryCount++
    return entry
  }

  #begin(): void {
    this.#earlierCount = this.entryCount
    this.#lastPosition = 0
    this.#lastErasureId = null
    this.#gaps.length = 0
  }

  #fail(reason: string): undefined {
    this.damage = { lineNumber: this.#lineNumber, reason }
    return undefined
  }
}
