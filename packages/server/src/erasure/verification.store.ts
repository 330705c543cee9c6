/**
 * The second look, and what follows from it. It asks the live catalogue which tables carry the device's key and looks
 * through every one of them, whatever the eraser's plan said.
 */

import type { RegistrationId } from '../kernel/personal.ts'
import type { Read, Tables, Tx } from '../schema.ts'
import { readCatalogue } from '../storage/catalogue.ts'
import type { Engine, Unit } from '../storage/database.ts'
import { ONCE, type Statement, statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'
import { retryDelayMs } from '../work/loop.ts'
import type { Fence } from './removal.store.ts'

export interface SecondLookOutput {
  readonly lookedAtCount: number
  /** Erasures that are not finished: the tables in which something was left. */
  readonly left: readonly { readonly erasureId: string; readonly tables: readonly string[] }[]
}

interface Looked {
  readonly erasure_id: string
  readonly app_key: string
  readonly registration_id: RegistrationId
  readonly attempts: number
}

/**
 * Input: how many erasures to look at. Those of which nothing is left lose their raw id here. An erasure is looked at
 * once it is past the fence: whatever was in flight to its user has ended, and nothing can come back behind the look.
 */
export function lookAgainBehind(fence: Fence): Unit<number, SecondLookOutput, Tables> {
  const claim = claimRemoved(fence)
  return background(
    'erasure.look-again',
    async (tx: Tx, inputs: readonly number[]): Promise<SecondLookOutput[]> => {
      const outputs: SecondLookOutput[] = []
      for (const limit of inputs) outputs.push(await look(tx, await tx.query(claim, ONCE, tx.now, limit)))
      return outputs
    },
  )
}

async function look(tx: Tx, looked: readonly Looked[]): Promise<SecondLookOutput> {
  const found = await findRows(tx, tx.engine, looked)
  const left = looked.flatMap((erasure) => {
    const tables = found.byUser.get(userOf(erasure))
    return tables ? [{ erasure, tables }] : []
  })
  const failed = new Set(left.map(({ erasure }) => erasure.erasure_id))
  const clean = looked.filter((erasure) => !failed.has(erasure.erasure_id))
  await tx.query(
    SEAL,
    clean.map(({ erasure_id }) => ({ erasure_id, looked_through: JSON.stringify(found.tables) })),
    tx.now,
  )
  await tx.query(
    BACK_TO_ACCEPTED,
    left.map(({ erasure, tables }) => ({
      erasure_id: erasure.erasure_id,
      failure: tables.join(', '),
      run_at: tx.now + retryDelayMs(erasure.attempts),
    })),
  )
  return {
    lookedAtCount: looked.length,
    left: left.map(({ erasure, tables }) => ({ erasureId: erasure.erasure_id, tables })),
  }
}

/** Which tables of the live database still hold rows of these users. The erasures themselves are not counted. */
export async function findRows(
  reader: Read,
  engine: Engine,
  users: readonly { readonly app_key: string; readonly registration_id: RegistrationId }[],
): Promise<{ tables: string[]; byUser: Map<string, string[]> }> {
  const tables = await tablesOfDevices(reader, engine)
  const byUser = new Map<string, string[]>()
  const keys = users.map(({ app_key, registration_id }) => ({ app_key, registration_id }))
  for (const table of tables) {
    for (const row of await reader.query(holdersIn(table), keys)) {
      byUser.set(userOf(row), [...(byUser.get(userOf(row)) ?? []), table])
    }
  }
  return { tables, byUser }
}

export function userOf(key: { readonly app_key: string; readonly registration_id: string }): string {
  return `${key.app_key}\n${key.registration_id}`
}

async function tablesOfDevices(reader: Read, engine: Engine): Promise<string[]> {
  const catalogue = await readCatalogue(reader as never, engine)
  return catalogue
    .filter(({ name, columns }) => {
      const names = new Set(columns.map((column) => column.name))
      return name !== ERASURES && names.has('app_key') && names.has('registration_id')
    })
    .map(({ name }) => name)
}

const ERASURES: keyof Tables = 'erasure'

const statements = new Map<string, Statement<{ app_key: string; registration_id: string }, Looked>>()

function holdersIn(table: string) {
  const known = statements.get(table)
  if (known) return known
  const fresh = statement<Looked>()(
    `erasure.look-${table}`,
    { app_key: 'text', registration_id: 'text' },
    (q) => `select distinct t.app_key, t.registration_id from ${q.input}
      join "${table}" t on t.app_key = input.app_key and t.registration_id = input.registration_id`,
  ) as unknown as Statement<{ app_key: string; registration_id: string }, Looked>
  statements.set(table, fresh)
  return fresh
}

/** Puts off an erasure whose removal failed. Failing ones must not stand in the way of the others. */
export const deferErasures = background(
  'erasure.defer',
  async (
    tx: Tx,
    inputs: readonly { readonly erasureId: string; readonly attempts: number; readonly failure: string }[],
  ): Promise<true[]> => {
    await tx.query(
      DEFER,
      inputs.map((input) => ({
        erasure_id: input.erasureId,
        failure: input.failure,
        run_at: tx.now + retryDelayMs(input.attempts),
      })),
    )
    return inputs.map(() => true)
  },
)

function claimRemoved(fence: Fence) {
  return statement<Looked>()(
    'erasure.claim-removed',
    {},
    (q) => `select e.erasure_id, e.app_key, e.registration_id, e.attempts from erasure e
      where e.state = 'verifying' and e.state <> 'erased' and e.run_at <= ${q.value(1)}
        and ${fence.isPast('e', q.value(1))}
      order by e.run_at, e.erasure_id limit ${q.value(2)} ${q.skipLocked('e')}`,
  )
}

const SEAL = statement()(
  'erasure.seal',
  { erasure_id: 'text', looked_through: 'text' },
  (q) => `update erasure as e set state = 'sealing', registration_id = null, failure = null,
      looked_through = input.looked_through, run_at = ${q.value(1)}
    from ${q.input} where e.erasure_id = input.erasure_id`,
)

const BACK_TO_ACCEPTED = statement()(
  'erasure.back-to-accepted',
  { erasure_id: 'text', failure: 'text', run_at: 'bigint' },
  (q) => `update erasure as e set state = 'accepted', failure = input.failure, run_at = input.run_at
    from ${q.input} where e.erasure_id = input.erasure_id`,
)

const DEFER = statement()(
  'erasure.defer',
  { erasure_id: 'text', failure: 'text', run_at: 'bigint' },
  (q) => `update erasure as e set failure = input.failure, run_at = input.run_at, attempts = e.attempts + 1
    from ${q.input} where e.erasure_id = input.erasure_id and e.state = 'accepted'`,
)
