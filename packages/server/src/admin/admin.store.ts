/** SQL of operator tokens and of what the server knows of itself. */

import type { Db, Read, Tx } from '../schema.ts'
import { interactive } from '../storage/unit.ts'

export type AdminDatabase = Pick<Db, 'read' | 'write'>

export async function isOperatorToken(read: Read, digest: string): Promise<boolean> {
  const found = await read.kysely
    .selectFrom('operator_token')
    .select('digest')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return found !== undefined
}

export interface OperatorTokenInput {
  readonly digest: string
  readonly createdAt: number
}

/** Adds a minted token, unless there is one already: only one of several nodes that start at once does. */
const addFirstOperatorToken = interactive(
  'admin.addFirstOperatorToken',
  async (tx: Tx, inputs: readonly OperatorTokenInput[]) => {
    await tx.lockNames(['operator token'])
    const outputs: boolean[] = []
    for (const input of inputs) {
      const any = await tx.kysely.selectFrom('operator_token').select('digest').limit(1).executeTakeFirst()
      if (!any) await insertToken(tx, input)
      outputs.push(!any)
    }
    return outputs
  },
)

/** Makes the configured token the only one, so that a token which was replaced has no access any more. */
const setOperatorToken = interactive(
  'admin.setOperatorToken',
  async (tx: Tx, inputs: readonly OperatorTokenInput[]) => {
    await tx.lockNames(['operator token'])
    for (const input of inputs) {
      await tx.kysely.deleteFrom('operator_token').where('digest', '<>', input.digest).execute()
      await insertToken(tx, input)
    }
    return inputs.map(() => null)
  },
)

/** Writes a fact down unless it stands there already. The output is what stands there now. */
const keepServerFact = interactive(
  'admin.keepServerFact',
  async (tx: Tx, inputs: readonly { name: string; value: string }[]) => {
    await tx.lockNames(inputs.map((input) => `server fact ${input.name}`))
    const outputs: string[] = []
    for (const { name, value } of inputs) {
      const fact = tx.kysely.selectFrom('server_fact').select('value').where('name', '=', name)
      const known = await fact.executeTakeFirst()
      if (!known) await tx.kysely.insertInto('server_fact').values({ name, value }).execute()
      outputs.push(known?.value ?? value)
    }
    return outputs
  },
)

export const adminUnits = { addFirstOperatorToken, setOperatorToken, keepServerFact }

async function insertToken(tx: Tx, { digest, createdAt }: OperatorTokenInput): Promise<void> {
  await tx.kysely
    .insertInto('operator_token')
    .values({ digest, created_at: createdAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
