/**
 * Opens the ledger at the start of a node and settles who is right, the ledger or the database:
 *
 *   database as far as the ledger, or further   what is missing in the file is written to it as the node works
 *   database older than the ledger              what it has lost is erased again, before anybody is served
 *   ledger shorter than the database, damaged, lost, of another database   the start stops
 */

import type { AppDirectory } from '../../apps/find-app.ts'
import type { Log } from '../../kernel/log.ts'
import { type Random, randomId } from '../../kernel/random.ts'
import type { Read } from '../../schema.ts'
import { type Comparison, compareLedger } from './compare-ledger.ts'
import {
  beginLedger,
  type LedgerFileRow,
  raiseLedgerPosition,
  readErasuresAt,
  readLastErased,
  readLedgerFiles,
  readLedgerState,
  reportLedgerFile,
} from './ledger.store.ts'
import { AT_WORK_MS, type Ledger, type LedgerDeps, NodeLedger } from './ledger.ts'
import { FIRST_CHAIN, type LedgerHeader, writeLine } from './ledger-line.ts'
import { type LedgerFindings, readLedger } from './read-ledger.ts'
import { replayLedger } from './replay-ledger.ts'

export interface OpenLedgerDeps extends LedgerDeps {
  readonly apps: AppDirectory
  readonly random: Random
  readonly log: Log
  /** Where the file is, for sentences. */
  readonly place: string
  /** The operator's word that the ledger is lost: the place of the database that the refusal named. */
  readonly lostAt: number | undefined
  /** What the operator should know anyway. */
  readonly warnings: readonly string[]
  /** Resolves once nobody is served: erasures are about to be replayed. */
  readonly onReplay: (erasureCount: number) => Promise<void>
}

/** Between two looks for another node. */
const POLL_MS = 200

type State = Awaited<ReturnType<typeof readLedgerState>>

/** @throws Error with a sentence for the operator when this node must not work with this ledger. */
export async function openLedger(deps: OpenLedgerDeps): Promise<Ledger> {
  const { database, storage, place, log } = deps
  const findings = await readLedger(storage.read())
  if (findings.damage) throw new Error(damaged(place, findings.damage))
  if (findings.tornBytes > 0) {
    log.warn({ byteCount: findings.tornBytes }, 'ledger.torn-line-cut')
    await storage.truncate(findings.soundBytes)
  }
  const state = await readLedgerState(database.read)
  const files = await readLedgerFiles(database.read)
  const { header } = findings
  if (!header) return begin(deps, state, files)
  return goOn(deps, { ...findings, header }, { ...state, files })
}

/** There is no file. */
async function begin(
  deps: OpenLedgerDeps,
  state: State,
  files: readonly LedgerFileRow[],
): Promise<NodeLedger> {
  const { database, random, storage } = deps
  const isNew = files.length === 0
  const isToldLost = deps.lostAt === state.position
  if (!isNew && !isToldLost && !(await isAnyAtWork(deps, files)))
    throw new Error(lost(deps.place, state.position))
  const ledgerId = await database.write(beginLedger, state.ledgerId ?? randomId(random))
  const header = { ledgerId, fileId: randomId(random) }
  const { text, chain } = writeLine({ kind: 'header', header }, FIRST_CHAIN)
  await storage.append(new TextEncoder().encode(text))
  await database.write(reportLedgerFile, { fileId: header.fileId, position: 0 })
  return new NodeLedger(deps, { fileId: header.fileId, chain, lastPosition: 0, warnings: deps.warnings })
}

type Whole = LedgerFindings & { readonly header: LedgerHeader }

async function goOn(
  deps: OpenLedgerDeps,
  findings: Whole,
  state: State & { files: readonly LedgerFileRow[] },
): Promise<NodeLedger> {
  const { database, place } = deps
  const { header, lastPosition, chain } = findings
  const registered = state.files.find(({ fileId }) => fileId === header.fileId)
  if (state.ledgerId !== null && state.ledgerId !== header.ledgerId) throw new Error(foreign(place))
  if (registered && lastPosition < registered.position)
    throw new Error(shorter(place, { has: lastPosition, should: registered.position }))
  if (!registered && state.files.length > 0 && !(await isAnyAtWork(deps, state.files))) {
    const erased = await readLastErased(database.read)
    if (lastPosition < erased) throw new Error(shorter(place, { has: lastPosition, should: erased }))
  }
  const isSame = registered !== undefined && (await holdsLast(database.read, findings, state))
  const comparison = isSame
    ? NOTHING
    : await compareLedger(database.read, deps.storage.read(), findings.earlierCount)
  const warnings = isSame ? [] : await settle(deps, findings, comparison)
  // A file that was joined from incomplete ones: what the database has of the rest is written behind it, with everything else.
  const isToBeginAgain = comparison.hasDiverged || findings.gaps.length > 0
  await database.write(beginLedger, header.ledgerId)
  const ledger = new NodeLedger(deps, {
    fileId: header.fileId,
    chain,
    lastPosition,
    warnings: [...deps.warnings, ...warnings],
  })
  // Told first: a start after a crash in between finds a file that is further than was told, never one that is shorter.
  await database.write(reportLedgerFile, {
    fileId: header.fileId,
    position: isToBeginAgain ? 0 : lastPosition,
  })
  if (isToBeginAgain) await ledger.beginAgain()
  return ledger
}

const NOTHING: Comparison = { missing: [], unplaced: [], hasDiverged: false }

/** Whether the database has the last erasure of the ledger, at its place: then it has all before it. */
async function holdsLast(read: Read, findings: Whole, { position }: State): Promise<boolean> {
  const { lastPosition, lastErasureId, earlierCount } = findings
  if (lastErasureId === null) return earlierCount === 0
  if (position < lastPosition) return false
  return (await readErasuresAt(read, [lastPosition])).get(lastPosition) === lastErasureId
}

/** Erases again what is missing. Answers what the operator should know. */
async function settle(deps: OpenLedgerDeps, findings: Whole, comparison: Comparison): Promise<string[]> {
  const { database, log } = deps
  const { missing, unplaced, hasDiverged } = comparison
  if (missing.length > 0 && missing.length === findings.entryCount) await checkApps(deps, missing)
  if (!hasDiverged) await database.write(raiseLedgerPosition, findings.lastPosition)
  if (missing.length + unplaced.length === 0) return []
  await deps.onReplay(missing.length)
  const lost: Comparison = hasDiverged
    ? { ...comparison, missing: missing.map(({ entry }) => ({ entry, position: null })), unplaced: [] }
    : comparison
  const { erasureCount, deviceCount, unknownApps } = await replayLedger(deps, lost)
  log.warn({ erasureCount, deviceCount, unknownAppCount: unknownApps.size }, 'ledger.replayed')
  const leftOut = [...unknownApps.values()].reduce((sum, count) => sum + count, 0)
  return leftOut === 0 ? [] : [appsMissing(leftOut, unknownApps.size)]
}

/** Nothing of the ledger is in this database: it is refused unless they have an app in common. */
async function checkApps({ apps, place }: OpenLedgerDeps, missing: Comparison['missing']): Promise<void> {
  for (const appKey of new Set(missing.map(({ entry }) => entry.appKey))) if (await apps.find(appKey)) return
  throw new Error(strange(place))
}

/**
 * Whether a node tells that it is at work, whose ledger has been compared with this database. What was told before does not
 * count: it may have been this node itself, or stand in a backup.
 */
async function isAnyAtWork(
  { database, clock }: OpenLedgerDeps,
  before: readonly LedgerFileRow[],
): Promise<boolean> {
  // Where one process has the database for itself, nobody else is at work.
  if (database.engine === 'sqlite') return false
  const toldBefore = new Map(before.map(({ fileId, seenAt }) => [fileId, seenAt]))
  const until = clock.monotonic() + AT_WORK_MS
  while (clock.monotonic() < until) {
    await clock.sleep(POLL_MS)
    const files = await readLedgerFiles(database.read)
    if (files.some(({ fileId, seenAt }) => seenAt > (toldBefore.get(fileId) ?? 0))) return true
  }
  return false
}

function damaged(
  place: string,
  { lineNumber, reason }: { readonly lineNumber: number; readonly reason: string },
): string {
  return (
    `The ledger ${place} is damaged at line ${lineNumber} (${reason}). Put back an intact copy of it, or, with other nodes, join ` +
    'theirs with `lethe ledger merge`. As long as the database was not restored from a backup, the file may instead be moved away and ' +
    'the start repeated: it then says how to begin a new one.'
  )
}

function lost(place: string, position: number): string {
  return (
    `There is no ledger at ${place}, but this database has one: without it a restored database would bring erased users back. ` +
    'Put the file back, or say with LETHE_LEDGER where it is. A new node of several starts once another one is at work. If the ' +
    'ledger is lost for good and this database was not restored from a backup, start once with ' +
    `--ledger-lost ${position}: a new one is written from the database.`
  )
}

function shorter(place: string, { has, should }: { has: number; should: number }): string {
  return (
    `The ledger ${place} is shorter than the database: it ends at position ${has} and should reach ${should}. It is an older copy, or ` +
    'was cut off. Put the newest copy back, or, with other nodes, join theirs with `lethe ledger merge`.'
  )
}

function foreign(place: string): string {
  return `The ledger ${place} belongs to another database: give this one a file of its own (LETHE_LEDGER).`
}

function strange(place: string): string {
  return (
    `None of the apps in the ledger ${place} is in this database: give a new database a file of its own (LETHE_LEDGER), or restore ` +
    'the database that the ledger belongs to.'
  )
}

function appsMissing(erasureCount: number, appCount: number): string {
  return (
    `the ledger names ${erasureCount} erased users of ${appCount} apps that this database does not have: ` +
    'it was restored from a backup made before these apps; none of their users is in it'
  )
}
