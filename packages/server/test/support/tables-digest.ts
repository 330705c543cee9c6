/** Everything in a database as one digest: what refuses a call must leave it as it was. */

import { createHash } from 'node:crypto'
import type { Db } from '../../src/schema.ts'
import { type TableName, tables } from '../../src/schema.ts'

/** Nodes renew their leases by themselves, whatever anybody calls. */
const MOVING: readonly TableName[] = ['sender']

export async function tablesDigest(database: Db): Promise<string> {
  const hash = createHash('sha256')
  for (const name of Object.keys(tables) as TableName[]) {
    if (MOVING.includes(name)) continue
    const rows = await database.read.kysely.selectFrom(name).selectAll().execute()
    hash.update(
      `${name}\n${rows
        .map((row) => JSON.stringify(row))
        .sort()
        .join('\n')}\n`,
    )
  }
  return hash.digest('hex')
}
