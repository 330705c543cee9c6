// What was measured beside what was hoped for, and how both are shown: on the terminal and in docs/benchmarks.md.
import type { Engine } from '../../packages/server/src/storage/database.ts'

export type Unit = '/s' | 'ms' | 's' | 'MB' | '×' | ''

export type Result = {
  /** Absent where no database has to do with it. */
  engine?: Engine
  what: string
  value: number
  unit: Unit
  /** A rate or a ratio should reach it, a time or a size should stay within it. */
  goal?: number
  /** What stands beside the figure: other figures of the same run. */
  beside?: string
}

const engineNames: Record<Engine, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL' }

/** The value at this share of all, 0.99 for p99, by the nearest rank; NaN of nothing. */
export function percentile(values: Float64Array | readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

export function format(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return 'nothing'
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  const text = value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === '/s' ? `${text}/s` : `${text} ${unit}`.trimEnd()
}

/** Whether more is better. */
function isRate(unit: Unit): boolean {
  return unit === '/s' || unit === '×'
}

export function formatGoal({ goal, unit }: Pick<Result, 'goal' | 'unit'>): string {
  if (goal === undefined) return ''
  const bound = isRate(unit) ? '≥' : '≤'
  const text = goal.toLocaleString('en-GB')
  return `${bound} ${unit === '/s' ? `${text}/s` : `${text} ${unit}`}`
}

/** Met or missed, and by how much of the goal. */
export function verdict({ value, unit, goal }: Pick<Result, 'value' | 'unit' | 'goal'>): string {
  if (goal === undefined) return ''
  const isMet = isRate(unit) ? value >= goal : value <= goal
  const percent = Math.round((Math.abs(value - goal) / goal) * 100)
  return `${isMet ? 'met' : 'missed'} by ${percent} %`
}

const head = ['Engine', 'Measured', 'Result', 'Goal', 'Verdict', 'Beside it']

function cells(result: Result): string[] {
  return [
    result.engine === undefined ? '' : engineNames[result.engine],
    result.what,
    format(result.value, result.unit),
    formatGoal(result),
    verdict(result),
    result.beside ?? '',
  ]
}

/** One row for each result, the figures to the right. */
export function terminalTable(results: readonly Result[]): string {
  const rows = [head, ...results.map(cells)]
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 2 || column === 3 ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

export function markdownTable(results: readonly Result[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  const rule = ['---', '---', '---:', '---:', '---', '---']
  return [head, rule, ...results.map(cells)].map(line).join('\n')
}

/** The benchmarks whose results stand in the page, each between markers of its own. */
export type Bench = 'erasure' | 'push' | 'bulk'

function markersOf(bench: Bench): { begin: string; end: string } {
  const name = bench === 'erasure' ? 'results' : `results of ${bench}`
  return {
    begin: `<!-- ${name}: begin. Written by \`npm run bench:${bench} -- --markdown docs/benchmarks.md\`. -->`,
    end: `<!-- ${name}: end -->`,
  }
}

/** The page with what stands between the markers replaced; a page without markers gets them at its end. */
export function withResults(page: string, results: string, bench: Bench = 'erasure'): string {
  const { begin, end } = markersOf(bench)
  const block = `${begin}\n\n${results.trim()}\n\n${end}`
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) return `${page.trimEnd()}\n\n${block}\n`.trimStart()
  return `${page.slice(0, from)}${block}${page.slice(to + end.length)}`
}

/** Half of the values are not greater, and half not less. */
export function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}
