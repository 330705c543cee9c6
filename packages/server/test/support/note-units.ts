/** Write units over a table of notes, for tests of what the engines promise about units. */

import process from 'node:process'
import { sql } from 'kysely'
import type { Tx } from '../../src/schema.ts'
import { background, interactive } from '../../src/storage/unit.ts'

export const CREATE_NOTES = 'create table note (id bigint not null primary key)'

export interface NewNote {
  readonly id: number
  /** Fails after it was inserted. */
  readonly isPoisoned?: boolean
}

async function insert(tx: Tx, inputs: readonly NewNote[]): Promise<void> {
  for (const { id, isPoisoned } of inputs) {
    await sql`insert into note (id) values (${id})`.execute(tx.kysely)
    if (isPoisoned) throw new Error('a poisoned input')
  }
}

const addNotes = interactive('notes.add', async (tx: Tx, inputs: readonly NewNote[]) => {
  await insert(tx, inputs)
  return inputs.map(({ id }) => ({ id, batchInputs: inputs.length }))
})

const addNotesSlowly = background('notes.add-slowly', async (tx: Tx, inputs: readonly NewNote[]) => {
  await insert(tx, inputs)
  const until = performance.now() + 20
  while (performance.now() < until);
  return inputs.map(({ id }) => id)
})

const loseAnOutput = interactive('notes.lose-an-output', async (tx: Tx, inputs: readonly NewNote[]) => {
  await insert(tx, inputs)
  return [] as number[]
})

/** Ends the thread that runs it. */
const endThread = interactive('notes.end-thread', async (_tx: Tx, inputs: readonly number[]) => {
  process.exit(0)
  return inputs.map(() => true)
})

export const noteUnits = { addNotes, addNotesSlowly, loseAnOutput, endThread }
