/**
 * A real database that fails on demand, for what no test can bring about from outside. It stands where every database stands:
 * at the `database` of `createApp`. See docs/decisions/0002-fault-seam.md.
 */

import type { Db } from '../../src/schema.ts'

export interface WriteFault {
  readonly error: Error
  /** The write is done, and only its answer is lost. Otherwise nothing was done. */
  readonly isDone?: boolean
}

export interface FaultyDatabase {
  readonly database: Db
  /** The next writes of this unit meet these faults, one each; those after them succeed. */
  failWrites(unit: string, faults: readonly WriteFault[]): void
  /** From now on every read rejects with this error; undefined: none does. */
  failReads(error: Error | undefined): void
  /** How often the unit was asked for, failed calls included. */
  writeCount(unit: string): number
}

export function faultyDatabase(real: Db): FaultyDatabase {
  const faults = new Map<string, WriteFault[]>()
  const counts = new Map<string, number>()
  let readError: Error | undefined
  const refuseReads = () => {
    if (readError) throw readError
  }
  const database: Db = {
    engine: real.engine,
    read: {
      kysely: real.read.kysely.withPlugin({
        transformQuery: ({ node }) => {
          refuseReads()
          return node
        },
        transformResult: async ({ result }) => result,
      }),
      query: async (statement, rows, ...scalars) => {
        refuseReads()
        return real.read.query(statement, rows, ...scalars)
      },
    },
    write: async (unit, input) => {
      counts.set(unit.name, (counts.get(unit.name) ?? 0) + 1)
      const fault = faults.get(unit.name)?.shift()
      if (!fault || fault.isDone) {
        const output = await real.write(unit, input)
        if (!fault) return output
      }
      throw fault.error
    },
    scrub: () => real.scrub(),
    announce: (topic) => real.announce(topic),
    onAnnounced: (topic, listener) => real.onAnnounced(topic, listener),
    now: () => real.now(),
    ping: async () => {
      refuseReads()
      await real.ping()
    },
    close: () => real.close(),
  }
  return {
    database,
    failWrites: (unit, given) => void faults.set(unit, [...given]),
    failReads: (error) => {
      readError = error
    },
    writeCount: (unit) => counts.get(unit) ?? 0,
  }
}
