/** One line on a terminal that is written over and over; on anything else a line whenever the words change. */

import process from 'node:process'

const BAR_CHARACTERS = 24

export interface Progress {
  /** What is known of the whole, 0 to 1; undefined: no bar. */
  readonly share?: number
  readonly words: string
  /** Written once where there is no terminal: changes seldom. */
  readonly stage: string
}

/** It is written to standard error, so that what programs read stays clean. */
export class ProgressLine {
  readonly #isTerminal = process.stderr.isTTY === true
  #stage = ''
  #isOpen = false

  show({ share, words, stage }: Progress): void {
    if (this.#isTerminal) {
      const bar = share === undefined ? '' : `${barOf(share)} `
      const width = Math.max(20, (process.stderr.columns || 80) - 1)
      process.stderr.write(`\r\u001b[K${`${bar}${words}`.slice(0, width)}`)
      this.#isOpen = true
    } else if (stage !== this.#stage) process.stderr.write(`${stage}\n`)
    this.#stage = stage
  }

  /** Leaves a terminal at the beginning of a line. */
  end(): void {
    if (this.#isOpen) process.stderr.write('\r\u001b[K')
    this.#isOpen = false
  }
}

export function barOf(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_CHARACTERS)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CHARACTERS - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}
