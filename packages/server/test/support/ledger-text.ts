/** Ledgers as text, for tests that need no server. */

import {
  FIRST_CHAIN,
  type LedgerEntry,
  type LedgerLine,
  writeLine,
} from '../../src/erasure/ledger/ledger-line.ts'

export const HEADER: LedgerLine = {
  kind: 'header',
  header: { ledgerId: 'a'.repeat(32), fileId: 'b'.repeat(32) },
}

export function entry(position: number, given: Partial<LedgerEntry> = {}): LedgerLine {
  const digest = `${position}`.padStart(43, 'd')
  return {
    kind: 'erased',
    entry: {
      position,
      erasureId: `${position}`.padStart(32, '0'),
      appKey: 'aladdin:~',
      idDigest: digest,
      tokenDigest: null,
      requestDigest: digest,
      keyVersion: 2,
      origin: 'device',
      acceptedAt: 1_700_000_000_000,
      ...given,
    },
  }
}

export function textOf(lines: readonly LedgerLine[]): string {
  let chain = FIRST_CHAIN
  return lines
    .map((line) => {
      const written = writeLine(line, chain)
      chain = written.chain
      return written.text
    })
    .join('')
}

/** In chunks of this many bytes. */
export async function* chunksOf(text: string, bytes = 7): AsyncGenerator<Uint8Array> {
  const all = new TextEncoder().encode(text)
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes)
}
