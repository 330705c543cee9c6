/** A log that keeps its lines as the product would print them, for tests of what is logged and of what must not be. */

import type { Log } from '../../src/kernel/log.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** `lines` grows while the log is used; every level is kept. */
export function captureLog(): { log: Log; lines: LogLine[]; text(): string } {
  const lines: LogLine[] = []
  const call =
    (level: LogLine['level']): Log['info'] =>
    (fields, event) => {
      lines.push({ level, event, fields: fields as Record<string, unknown> })
    }
  const log: Log = { debug: call('debug'), info: call('info'), warn: call('warn'), error: call('error') }
  return { log, lines, text: () => lines.map((line) => JSON.stringify(line)).join('\n') }
}
