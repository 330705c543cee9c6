/** What `lethe` commands do with the files of a server by themselves, whether it runs or not. */

import { mergeLedgers as joinLedgers, type MergedLedger } from './erasure/ledger/merge-ledgers.ts'
import { type LedgerFindings, readLedger } from './erasure/ledger/read-ledger.ts'
import { openAppendFile, readFrom } from './kernel/append-file.ts'
import { randomId, systemRandom } from './kernel/random.ts'

export type { LedgerFindings, MergedLedger }

/** Is told how many bytes were read since it was told last. */
type OnBytes = (byteCount: number) => void

/** Reads a ledger, which a server may be writing to meanwhile. @throws the error of a file that cannot be read. */
export function verifyLedger(file: string, onBytes: OnBytes): Promise<LedgerFindings> {
  return readLedger(counted(file, onBytes))
}

/**
 * Joins ledgers into `out`, a file that does not exist.
 * @throws Error with a sentence for the operator when they do not belong together, or the error of a file that cannot be read.
 */
export async function mergeLedgers(
  given: { readonly files: readonly string[]; readonly out: string },
  onBytes: OnBytes,
): Promise<MergedLedger> {
  const out = await openAppendFile(given.out)
  try {
    return await joinLedgers({
      sources: given.files.map((file) => ({ name: file, chunks: counted(file, onBytes) })),
      out,
      fileId: randomId(systemRandom),
    })
  } finally {
    await out.close()
  }
}

async function* counted(file: string, onBytes: OnBytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of readFrom(file)) {
    yield chunk
    onBytes(chunk.length)
  }
}
