/** The operator token at start: the configured one, or one that is minted when the database has none. */

import type { Clock } from '../kernel/clock.ts'
import { sha256 } from '../kernel/digest.ts'
import { type Random, randomId } from '../kernel/random.ts'
import { type AdminDatabase, adminUnits } from './admin.store.ts'

export interface OperatorTokenDeps {
  readonly database: AdminDatabase
  readonly clock: Clock
  readonly random: Random
}

/** The token that was minted and must be told now, since only its digest is kept; undefined when none was. */
export async function ensureOperatorToken(
  { database, clock, random }: OperatorTokenDeps,
  configured: string | undefined,
): Promise<string | undefined> {
  const token = configured ?? randomId(random)
  const input = { digest: sha256(token), createdAt: clock.now() }
  if (configured !== undefined) {
    await database.write(adminUnits.setOperatorToken, input)
    return undefined
  }
  return (await database.write(adminUnits.addFirstOperatorToken, input)) ? token : undefined
}
