/** Lines of a file of registration ids or aliases, read as a stream: a file of a million is never in memory as a whole. */

import { createReadStream } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { linesPerCallMax, linesPerListMax } from '@lethe/protocol/deletion.schemas.ts'
import { registrationIdPattern } from '@lethe/protocol/registration-id.ts'
import { Complaint, EXIT_USAGE } from './complaint.ts'

export type LineKind = 'registration_ids' | 'aliases'

/** Bytes of an alias, with room to spare: a longer line is of another file. */
const LINE_CHARACTERS_MAX = 200

/**
 * Gives the lines in groups, as many as a call takes. Empty lines are passed over. @throws Complaint with the number of a line
 * that cannot be what it should be, before anything is planned for it.
 */
export async function* readLines(file: string, kind: LineKind): AsyncGenerator<string[]> {
  const input = file === '-' ? process.stdin : createReadStream(file, 'utf8')
  const isId = new RegExp(registrationIdPattern)
  let group: string[] = []
  let number = 0
  let count = 0
  try {
    for await (const raw of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      // A byte order mark, as some spreadsheets write it.
      const line = (number === 1 ? raw.replace(/^\uFEFF/, '') : raw).trim()
      if (line === '') continue
      if (line.length > LINE_CHARACTERS_MAX || (kind === 'registration_ids' && !isId.test(line))) {
        throw new Complaint(
          `Line ${number} of ${file} is no ${NAMES[kind]}. Nothing was planned.`,
          EXIT_USAGE,
        )
      }
      if (++count > linesPerListMax) {
        throw new Complaint(
          `${file} has more than ${linesPerListMax} lines: divide it. Nothing was planned.`,
          EXIT_USAGE,
        )
      }
      group.push(line)
      if (group.length === linesPerCallMax) {
        yield group
        group = []
      }
    }
  } catch (error) {
    if (error instanceof Complaint) throw error
    throw new Complaint(`The file ${file} cannot be read. Nothing was planned.`, EXIT_USAGE)
  }
  if (group.length > 0) yield group
}

const NAMES: Readonly<Record<LineKind, string>> = { registration_ids: 'registration id', aliases: 'alias' }
