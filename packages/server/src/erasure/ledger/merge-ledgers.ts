/**
 * Joins the ledgers of several nodes, or of one, into a new file: what one of them lacks, another may have. Where positions
 * began anew in one of them, or two give a position to different erasures, the history that began anew most often and reached
 * furthest keeps its positions; what only the others know stands before it, as it does in a file where positions began anew.
 */

import type { LedgerStorage } from './ledger.ts'
import { FIRST_CHAIN, type LedgerEntry, type LedgerLine, writeLine } from './ledger-line.ts'
import { type LedgerFindings, readLedger } from './read-ledger.ts'

export interface LedgerSource {
  /** For sentences. */
  readonly name: string
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface MergeInput {
  readonly sources: readonly LedgerSource[]
  /** An empty file. */
  readonly out: LedgerStorage
  /** A new one, for the new file. */
  readonly fileId: string
}

export interface MergedLedger {
  /** Of each source, in order. One that is damaged gave what stands before the damage. */
  readonly sources: readonly LedgerFindings[]
  /** Of the new file. */
  readonly merged: LedgerFindings
}

interface Contents {
  readonly findings: LedgerFindings
  /** Entries before positions began anew, each stretch in its own order. */
  readonly earlier: readonly (readonly LedgerEntry[])[]
  readonly current: readonly LedgerEntry[]
}

/** Lines that are written with one sync of the disk. */
const BATCH = 10_000

/** Holds all entries in memory. @throws Error with a sentence for the operator when a source is not of the same ledger. */
export async function mergeLedgers({ sources, out, fileId }: MergeInput): Promise<MergedLedger> {
  const contents: Contents[] = []
  for (const source of sources) contents.push(await contentsOf(source.chunks))
  const ledgerId = ledgerIdOf(sources, contents)
  const [base, ...others] = [...contents].sort(compareHistories)
  const current = new Map(base?.current.map((entry) => [entry.position, entry]))
  const earlier = contents.flatMap((one) => one.earlier)
  for (const other of others) {
    if (other.current.some((entry) => isTaken(current, entry))) earlier.push(other.current)
    else for (const entry of other.current) current.set(entry.position, entry)
  }
  const lines = linesOf(earlier, current)
  await write(out, [{ kind: 'header', header: { ledgerId, fileId } }, ...lines])
  return { sources: contents.map(({ findings }) => findings), merged: await readLedger(out.read()) }
}

async function contentsOf(chunks: AsyncIterable<Uint8Array>): Promise<Contents> {
  const stretches: LedgerEntry[][] = []
  let last = Number.POSITIVE_INFINITY
  let count = 0
  let lastStretchAt = 0
  const findings = await readLedger(chunks, (entry) => {
    if (entry.position <= last) {
      stretches.push([])
      lastStretchAt = count
    }
    last = entry.position
    count++
    stretches.at(-1)?.push(entry)
  })
  const hasCurrent = count > findings.earlierCount
  // A stretch that ends where positions began anew may be followed by a higher position.
  if (hasCurrent && lastStretchAt < findings.earlierCount) {
    const joined = stretches.pop() ?? []
    const at = findings.earlierCount - lastStretchAt
    stretches.push(joined.slice(0, at), joined.slice(at))
  }
  const current = hasCurrent ? (stretches.pop() ?? []) : []
  return { findings, earlier: stretches, current }
}

function ledgerIdOf(sources: readonly LedgerSource[], contents: readonly Contents[]): string {
  const ids = contents.map(({ findings }) => findings.header?.ledgerId)
  const strange = ids.indexOf(undefined)
  if (strange >= 0)
    throw new Error(`${sources[strange]?.name} is not a ledger, or its first line is damaged.`)
  const [first] = ids
  const other = ids.findIndex((id) => id !== first)
  if (first === undefined || other >= 0)
    throw new Error(`${sources[0]?.name} and ${sources[other]?.name} are ledgers of different databases.`)
  return first
}

/** The history that is followed comes first. */
function compareHistories(one: Contents, other: Contents): number {
  return other.earlier.length - one.earlier.length || other.findings.lastPosition - one.findings.lastPosition
}

function isTaken(current: ReadonlyMap<number, LedgerEntry>, { position, erasureId }: LedgerEntry): boolean {
  const holder = current.get(position)
  return holder !== undefined && holder.erasureId !== erasureId
}

function linesOf(
  earlier: readonly (readonly LedgerEntry[])[],
  current: ReadonlyMap<number, LedgerEntry>,
): LedgerLine[] {
  const written = new Set([...current.values()].map(({ erasureId }) => erasureId))
  const lines: LedgerLine[] = []
  for (const stretch of earlier) {
    const fresh = stretch.filter(({ erasureId }) => !written.has(erasureId))
    for (const entry of fresh) {
      lines.push({ kind: 'erased', entry })
      written.add(entry.erasureId)
    }
    if (fresh.length > 0) lines.push({ kind: 'again' })
  }
  const ordered = [...current.values()].sort((one, other) => one.position - other.position)
  for (const entry of ordered) lines.push({ kind: 'erased', entry })
  return lines
}

async function write(out: LedgerStorage, lines: readonly LedgerLine[]): Promise<void> {
  const encoder = new TextEncoder()
  let chain = FIRST_CHAIN
  for (let at = 0; at < lines.length; at += BATCH) {
    let text = ''
    for (const line of lines.slice(at, at + BATCH)) {
      const written = writeLine(line, chain)
      chain = written.chain
      text += written.text
    }
    await out.append(encoder.encode(text))
  }
}
