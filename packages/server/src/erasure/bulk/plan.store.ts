/** Writes down whom a deletion is for. Once the list is frozen, nobody comes onto it any more. */

import type { Platform } from '@lethe/protocol/platform.ts'
import { writeAudit } from '../../audit/audit.store.ts'
import type { AuditEntry } from '../../audit/audit.ts'
import type { RegistrationId, Token } from '../../kernel/personal.ts'
import type { Read, Tables, Tx } from '../../schema.ts'
import { ONCE, statement } from '../../storage/statement.ts'
import { background, interactive } from '../../storage/unit.ts'

export interface OpenPlanInput {
  readonly deletionId: string
  readonly appKey: string
  readonly source: Tables['deletion']['source']
  /** SHA-256 of the confirmation token. */
  readonly tokenDigest: string
}

export const openPlans = interactive(
  'deletion.open',
  async (tx: Tx, inputs: readonly OpenPlanInput[]): Promise<true[]> => {
    await tx.query(
      OPEN,
      inputs.map((input) => ({
        deletion_id: input.deletionId,
        app_key: input.appKey,
        source: input.source,
        token_digest: input.tokenDigest,
      })),
      tx.now,
    )
    return inputs.map(() => true)
  },
)

export interface AddTargetsInput {
  readonly deletionId: string
  readonly appKey: string
  /** Each once. */
  readonly registrationIds: readonly RegistrationId[]
  /** Ids or aliases of the caller's that these come from; 0 for an audience. */
  readonly lineCount: number
}

export type AddTargetsOutput =
  /** How many came onto the list: those who are live and were not on it. */
  | { readonly kind: 'added'; readonly count: number }
  /** The list is frozen, or the deletion has ended. */
  | { readonly kind: 'closed' }

export const addTargets = background(
  'deletion.add-targets',
  async (tx: Tx, inputs: readonly AddTargetsInput[]): Promise<AddTargetsOutput[]> => {
    const outputs: AddTargetsOutput[] = []
    for (const input of inputs) outputs.push(await add(tx, input))
    return outputs
  },
)

async function add(
  tx: Tx,
  { deletionId, appKey, registrationIds, lineCount }: AddTargetsInput,
): Promise<AddTargetsOutput> {
  const [deletion] = await tx.query(LOCK_OPEN, [{ deletion_id: deletionId, app_key: appKey }])
  if (!deletion) return { kind: 'closed' }
  // The lock keeps an erasure of one of them behind us: its removal finds the row that is written here.
  const live = await tx.query(
    LOCK_LIVE,
    registrationIds.map((registration_id) => ({ app_key: appKey, registration_id, deletion_id: deletionId })),
  )
  await tx.query(
    INSERT_TARGETS,
    live.map(({ registration_id }, index) => ({
      app_key: appKey,
      registration_id,
      deletion_id: deletionId,
      number: deletion.target_count + index,
    })),
  )
  const counts = { deletion_id: deletionId, targets: live.length, lines: lineCount }
  await tx.query(COUNT_TARGETS, [counts], tx.now)
  return { kind: 'added', count: live.length }
}

export interface FreezeInput {
  readonly deletionId: string
  /** JSON of `PlanFigures`. */
  readonly figures: string
  readonly fingerprint: string | null
  readonly isEveryone: boolean
  readonly tokenValidMs: number
  readonly audit: AuditEntry
}

/** Output: whether the list was open until now. An empty one is not frozen: the plan has failed. */
export const freezePlans = interactive(
  'deletion.freeze',
  async (tx: Tx, inputs: readonly FreezeInput[]): Promise<boolean[]> => {
    const outputs: boolean[] = []
    for (const { deletionId, figures, fingerprint, isEveryone, tokenValidMs, audit } of inputs) {
      const row = { deletion_id: deletionId, figures, fingerprint, is_everyone: isEveryone ? 1 : 0 }
      const [frozen] = await tx.query(FREEZE, [row], tx.now, tx.now + tokenValidMs)
      if (frozen) await writeAudit(tx, [{ ...audit, figures: { users: frozen.target_count } }])
      outputs.push(frozen !== undefined)
    }
    return outputs
  },
)

/** Ends plans that are still being made. */
export const failPlans = interactive(
  'deletion.fail',
  async (
    tx: Tx,
    inputs: readonly {
      readonly deletionId: string
      readonly failure: NonNullable<Tables['deletion']['failure']>
    }[],
  ): Promise<true[]> => {
    const rows = inputs.map(({ deletionId, failure }) => ({ deletion_id: deletionId, failure }))
    await tx.query(FAIL, rows, tx.now)
    return inputs.map(() => true)
  },
)

/** A user on the list who is still live. */
export interface TargetRow {
  readonly number: number
  readonly registration_id: RegistrationId
  readonly platform: Platform
  readonly token: Token | null
}

/** The next live users on the list, in its order. */
export function readTargets(
  read: Read,
  { deletionId, after, limit }: { deletionId: string; after: number; limit: number },
): Promise<TargetRow[]> {
  return read.query(READ_TARGETS, ONCE, deletionId, after, limit)
}

const OPEN = statement()(
  'deletion.open',
  { deletion_id: 'text', app_key: 'text', source: 'text', token_digest: 'text' },
  (
    q,
  ) => `insert into deletion (deletion_id, app_key, state, source, token_digest, is_everyone, line_count, target_count,
      created_at, touched_at, next_number, hidden_count, gone_count, pace_hidden)
    select deletion_id, app_key, 'planning', source, token_digest, 0, 0, 0, ${q.value(1)}, ${q.value(1)}, 0, 0, 0, 0
    from ${q.input}`,
)

const LOCK_OPEN = statement<{ target_count: number }>()(
  'deletion.lock-open',
  { deletion_id: 'text', app_key: 'text' },
  (q) => `select l.target_count from ${q.input}
    join deletion l on l.deletion_id = input.deletion_id and l.app_key = input.app_key
    where l.state = 'planning' ${q.lockRows('l')}`,
)

const LOCK_LIVE = statement<{ registration_id: RegistrationId }>()(
  'deletion.lock-live',
  { app_key: 'text', registration_id: 'text', deletion_id: 'text' },
  (q) => `select d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    where d.state = 'live' and not exists (select 1 from deletion_target t where t.app_key = input.app_key
      and t.registration_id = input.registration_id and t.deletion_id = input.deletion_id)
    order by d.registration_id ${q.lockRows('d')}`,
)

const INSERT_TARGETS = statement()(
  'deletion.insert-targets',
  { app_key: 'text', registration_id: 'text', deletion_id: 'text', number: 'bigint' },
  (q) => `insert into deletion_target (app_key, registration_id, deletion_id, number)
    select app_key, registration_id, deletion_id, number from ${q.input}`,
)

const COUNT_TARGETS = statement()(
  'deletion.count-targets',
  { deletion_id: 'text', targets: 'bigint', lines: 'bigint' },
  (
    q,
  ) => `update deletion as l set target_count = l.target_count + input.targets, line_count = l.line_count + input.lines,
      touched_at = ${q.value(1)}
    from ${q.input} where l.deletion_id = input.deletion_id`,
)

const FREEZE = statement<{ target_count: number }>()(
  'deletion.freeze',
  { deletion_id: 'text', figures: 'text', fingerprint: 'text', is_everyone: 'bigint' },
  (
    q,
  ) => `update deletion as l set state = 'planned', figures = input.figures, fingerprint = input.fingerprint,
      is_everyone = input.is_everyone, touched_at = ${q.value(1)}, token_expires_at = ${q.value(2)}
    from ${q.input} where l.deletion_id = input.deletion_id and l.state = 'planning' and l.target_count > 0
    returning target_count`,
)

const FAIL = statement()(
  'deletion.fail',
  { deletion_id: 'text', failure: 'text' },
  (
    q,
  ) => `update deletion as l set state = 'failed', failure = input.failure, token_digest = null, finished_at = ${q.value(1)}
    from ${q.input} where l.deletion_id = input.deletion_id and l.state = 'planning'`,
)

const READ_TARGETS = statement<TargetRow>()(
  'deletion.read-targets',
  {},
  (q) => `select t.number, d.registration_id, d.platform, d.token from deletion_target t
    join device d on d.app_key = t.app_key and d.registration_id = t.registration_id and d.state = 'live'
    where t.deletion_id = ${q.value(1)} and t.number > ${q.value(2)} order by t.number limit ${q.value(3)}`,
)
