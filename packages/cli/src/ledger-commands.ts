/** `lethe ledger verify|merge`: looks at ledgers of erasures, and joins them, without a server. */

import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import type { LedgerFindings } from '@lethe/server/offline.ts'
import type { Command } from 'commander'
import { Complaint, EXIT_FAILED, EXIT_USAGE, orComplaint } from './complaint.ts'
import { type Json, jsonOption, print } from './operator-command.ts'
import { ProgressLine } from './progress-line.ts'

export function addLedgerCommands(program: Command, setExitCode: (code: number) => void): void {
  const ledger = program
    .command('ledger')
    .description('Work with the files that hold all erasures (LETHE_LEDGER).')
  ledger
    .command('verify')
    .description(
      'Look for damage and gaps. A server may be writing to it. Exit code 0: it is whole; 1: it is not; 2: called wrongly.',
    )
    .argument('<files...>', 'the ledgers')
    .addOption(jsonOption())
    .action(async (files: string[], options: Json) => setExitCode(await verify(files, options)))
  ledger
    .command('merge')
    .description(
      'Join the ledgers of several nodes: what one lacks, another may have. Of a damaged one, what stands before the damage is ' +
        'taken. Exit code 0: the new ledger has no gap; 1: it has, or there is none; 2: called wrongly.',
    )
    .argument('<files...>', 'the ledgers')
    .requiredOption('--out <file>', 'the new ledger; it must not exist')
    .addOption(jsonOption())
    .action(async (files: string[], options: MergeOptions) => setExitCode(await merge(files, options)))
}

async function verify(files: readonly string[], options: Json): Promise<number> {
  const { verifyLedger } = await import('@lethe/server/offline.ts')
  const all: [string, LedgerFindings][] = []
  const progress = progressOver(files)
  for (const file of files) all.push([file, await orComplaint(() => verifyLedger(file, progress.onBytes))])
  progress.end()
  print(
    options,
    { files: all.map(([file, findings]) => wireOf(file, findings)) },
    all.flatMap(([file, findings]) => linesOf(file, findings)),
  )
  return all.every(([, findings]) => isWhole(findings)) ? 0 : EXIT_FAILED
}

interface MergeOptions extends Json {
  readonly out: string
}

async function merge(files: readonly string[], options: MergeOptions): Promise<number> {
  const { out } = options
  if (existsSync(out))
    throw new Complaint(`${out} exists: give the new ledger a name that is free.`, EXIT_USAGE)
  const { mergeLedgers } = await import('@lethe/server/offline.ts')
  const progress = progressOver(files)
  // It gets its name once it is complete.
  const unfinished = `${out}.unfinished`
  rmSync(unfinished, { force: true })
  try {
    const result = await orComplaint(() => mergeLedgers({ files, out: unfinished }, progress.onBytes))
    renameSync(unfinished, out)
    const named = [...files.entries()].flatMap(([index, file]) => {
      const findings = result.sources[index]
      return findings ? [[file, findings] as const] : []
    })
    const { merged } = result
    print(
      options,
      { merged: wireOf(out, merged), files: named.map(([file, findings]) => wireOf(file, findings)) },
      [...named, [out, merged] as const].flatMap(([file, findings]) => linesOf(file, findings)),
    )
    return merged.gaps.length === 0 ? 0 : EXIT_FAILED
  } finally {
    progress.end()
    rmSync(unfinished, { force: true })
  }
}

/** The share of all bytes of these files that were read. */
function progressOver(files: readonly string[]): { onBytes(count: number): void; end(): void } {
  const line = new ProgressLine()
  const total = files.reduce((sum, file) => sum + sizeOf(file), 0)
  let read = 0
  return {
    onBytes: (count) => {
      read += count
      line.show({ share: Math.min(1, read / Math.max(1, total)), words: 'read', stage: '' })
    },
    end: () => line.end(),
  }
}

function sizeOf(file: string): number {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat?.isFile()) throw new Complaint(`The file ${file} cannot be read.`, EXIT_USAGE)
  return stat.size
}

function isWhole({ header, damage, gaps }: LedgerFindings): boolean {
  return header !== undefined && !damage && gaps.length === 0
}

function wireOf(file: string, findings: LedgerFindings) {
  const { header, damage } = findings
  return {
    file,
    whole: isWhole(findings),
    ledger_id: header?.ledgerId ?? null,
    file_id: header?.fileId ?? null,
    erasures: findings.entryCount,
    /** Of these, those before positions began anew. */
    earlier_erasures: findings.earlierCount,
    last_position: findings.lastPosition,
    gaps: findings.gaps,
    torn_bytes: findings.tornBytes,
    damage: damage ? { line: damage.lineNumber, reason: damage.reason } : null,
  }
}

function linesOf(file: string, findings: LedgerFindings): string[] {
  const { header, damage, gaps, entryCount, lastPosition, earlierCount, tornBytes } = findings
  const lines = [`${file}: ${isWhole(findings) ? 'whole' : 'not whole'}`]
  if (header) {
    lines.push(`  Ledger    ${header.ledgerId}`, `  File      ${header.fileId}`)
    const earlier = earlierCount > 0 ? `, ${earlierCount} of them from before positions began anew` : ''
    lines.push(`  Erasures  ${entryCount}, up to position ${lastPosition}${earlier}`)
  } else if (!damage) lines.push('  It is empty.')
  for (const { from, to } of gaps) lines.push(`  Missing   positions ${from} to ${to}`)
  if (damage)
    lines.push(`  Damaged   at line ${damage.lineNumber}: ${damage.reason}. Nothing behind it was read.`)
  if (tornBytes > 0)
    lines.push(
      `  Torn      ${tornBytes} bytes at the end, of a line that was being written: the next start cuts them off`,
    )
  return lines
}
