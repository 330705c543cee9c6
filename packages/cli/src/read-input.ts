/** Reads a file that a command was given, or standard input. */

import { readFileSync } from 'node:fs'
import { Complaint, EXIT_USAGE } from './complaint.ts'

/** `-` is standard input. @throws Complaint when it cannot be read. */
export function readInput(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch {
    throw new Complaint(`The file ${file} cannot be read.`, EXIT_USAGE)
  }
}
