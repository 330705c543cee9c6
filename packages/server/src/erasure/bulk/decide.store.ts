/** What an operator decides about a planned deletion: confirm it, pause it, go on, cancel it. */

import { writeAudit } from '../../audit/audit.store.ts'
import type { AuditEntry } from '../../audit/audit.ts'
import { digestsEqual } from '../../kernel/digest.ts'
import type { Tables, Tx } from '../../schema.ts'
import { statement } from '../../storage/statement.ts'
import { interactive } from '../../storage/unit.ts'

export type DeletionState = Tables['deletion']['state']

export interface ConfirmInput {
  readonly appKey: string
  readonly deletionId: string
  /** SHA-256 of the token as it was given. */
  readonly tokenDigest: string
  /** The count of users as it was typed. */
  readonly count: number
  /** The name of the app as it was typed; null when it was not. */
  readonly appName: string | null
  readonly graceMs: number
  readonly audit: AuditEntry
}

export type ConfirmOutput =
  | 'confirmed'
  | 'unknown'
  /** It was confirmed before, is not frozen yet, or has ended. */
  | 'wrongState'
  | 'tokenWrong'
  | 'tokenExpired'
  | 'countWrong'
  /** All users of the app would go, and its name was not typed, or wrongly. */
  | 'nameWrong'

export const confirmDeletions = interactive(
  'deletion.confirm',
  async (tx: Tx, inputs: readonly ConfirmInput[]): Promise<ConfirmOutput[]> => {
    const outputs: ConfirmOutput[] = []
    for (const input of inputs) outputs.push(await confirm(tx, input))
    return outputs
  },
)

async function confirm(tx: Tx, input: ConfirmInput): Promise<ConfirmOutput> {
  const [deletion] = await tx.query(LOCK, [keyOf(input)])
  if (!deletion) return 'unknown'
  if (deletion.state !== 'planned' || deletion.token_digest === null) return 'wrongState'
  if (!digestsEqual(deletion.token_digest, input.tokenDigest)) return 'tokenWrong'
  if ((deletion.token_expires_at ?? 0) <= tx.now) return 'tokenExpired'
  if (deletion.target_count !== input.count) return 'countWrong'
  if (deletion.is_everyone === 1 && deletion.name !== input.appName) return 'nameWrong'
  await tx.query(CONFIRM, [keyOf(input)], tx.now, tx.now + input.graceMs)
  const figures = { users: input.count, grace_seconds: Math.round(input.graceMs / 1_000) }
  await writeAudit(tx, [{ ...input.audit, figures }])
  return 'confirmed'
}

export interface DecideInput {
  readonly appKey: string
  readonly deletionId: string
  readonly decision: 'pause' | 'resume' | 'cancel'
  readonly audit: AuditEntry
}

export type DecideOutput =
  | { readonly kind: 'done' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrongState'; readonly state: DeletionState }

/** From which states each decision can be taken. Taken twice it is the same as once. */
const FROM: Readonly<Record<DecideInput['decision'], readonly DeletionState[]>> = {
  pause: ['running', 'paused'],
  resume: ['paused', 'running'],
  cancel: ['planning', 'planned', 'confirmed', 'running', 'paused', 'cancelled'],
}

const TO: Readonly<Record<DecideInput['decision'], DeletionState>> = {
  pause: 'paused',
  resume: 'running',
  cancel: 'cancelled',
}

export const decideDeletions = interactive(
  'deletion.decide',
  async (tx: Tx, inputs: readonly DecideInput[]): Promise<DecideOutput[]> => {
    const outputs: DecideOutput[] = []
    for (const input of inputs) outputs.push(await decide(tx, input))
    return outputs
  },
)

async function decide(tx: Tx, input: DecideInput): Promise<DecideOutput> {
  // Waits for the batch that is under way: what is decided holds from the next one on.
  const [deletion] = await tx.query(LOCK, [keyOf(input)])
  if (!deletion) return { kind: 'unknown' }
  const { state } = deletion
  if (!FROM[input.decision].includes(state)) return { kind: 'wrongState', state }
  if (state === TO[input.decision]) return { kind: 'done' }
  await tx.query(DECIDE, [{ ...keyOf(input), state: TO[input.decision] }], tx.now)
  const figures = { users: deletion.target_count, deleted: deletion.hidden_count }
  await writeAudit(tx, [{ ...input.audit, figures }])
  return { kind: 'done' }
}

function keyOf({ deletionId, appKey }: { readonly deletionId: string; readonly appKey: string }) {
  return { deletion_id: deletionId, app_key: appKey }
}

const KEY = { deletion_id: 'text', app_key: 'text' } as const

type Locked = Pick<
  Tables['deletion'],
  'state' | 'token_digest' | 'token_expires_at' | 'target_count' | 'hidden_count' | 'is_everyone'
> & { readonly name: string }

const LOCK = statement<Locked>()(
  'deletion.lock',
  KEY,
  (
    q,
  ) => `select l.state, l.token_digest, l.token_expires_at, l.target_count, l.hidden_count, l.is_everyone, a.name from ${q.input}
    join deletion l on l.deletion_id = input.deletion_id and l.app_key = input.app_key
    join app a on a.app_key = l.app_key ${q.lockRows('l')}`,
)

const CONFIRM = statement()(
  'deletion.confirm',
  KEY,
  (q) => `update deletion as l set state = 'confirmed', token_digest = null, confirmed_at = ${q.value(1)},
      starts_at = ${q.value(2)}
    from ${q.input} where l.deletion_id = input.deletion_id and l.app_key = input.app_key`,
)

const DECIDE = statement()(
  'deletion.decide',
  { ...KEY, state: 'text' },
  (q) => `update deletion as l set state = input.state, token_digest = null, pace_since = ${q.value(1)},
      pace_hidden = l.hidden_count, finished_at = case when input.state = 'cancelled' then cast(${q.value(1)} as bigint) end
    from ${q.input} where l.deletion_id = input.deletion_id and l.app_key = input.app_key`,
)
