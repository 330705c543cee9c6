/**
 * Works off confirmed deletions, one batch in one transaction: the row of the deletion is held while its next users are hidden
 * by the ordinary accepting of erasures, so that no user is counted twice, whatever node dies when. Nobody is touched who is
 * not on the frozen list.
 */

import type { ErasureKey } from '../../apps/app.ts'
import { idTombstones } from '../../devices/digests.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import type { Read, Tables, Tx } from '../../schema.ts'
import { ONCE, statement } from '../../storage/statement.ts'
import { background } from '../../storage/unit.ts'
import { acceptErasures } from '../accept.store.ts'

/** Plans whose list nobody has written to for this long are given up: audiences are walked without a pause, lists by a caller. */
const AUDIENCE_SILENT_MAX_MS = 300_000
const LIST_SILENT_MAX_MS = 3_600_000

/** Moves on what only waits for time, or for its last erasure. Output: how many deletions moved. */
export const advanceDeletions = background(
  'deletion.advance',
  async (tx: Tx, inputs: readonly null[]): Promise<number[]> => {
    const expired = await tx.query(EXPIRE, ONCE, tx.now)
    const silent = await tx.query(
      INTERRUPT,
      ONCE,
      tx.now,
      tx.now - AUDIENCE_SILENT_MAX_MS,
      tx.now - LIST_SILENT_MAX_MS,
    )
    const started = await tx.query(START, ONCE, tx.now)
    const finished = await tx.query(FINISH, ONCE, tx.now)
    const moved = expired.length + silent.length + started.length + finished.length
    return inputs.map(() => moved)
  },
)

/** A deletion that has something to be done. */
export type OpenDeletion = Pick<Tables['deletion'], 'deletion_id' | 'app_key' | 'state' | 'hidden_count'> & {
  readonly erased_count: number
}

/** Whether there is any deletion that is not over: a look that costs next to nothing, since the answer is mostly no. */
export async function isAnyOpen(read: Read): Promise<boolean> {
  return (await read.query(IS_ANY_OPEN, ONCE)).length > 0
}

/** Running ones, and ended ones whose list is still to be cleared. */
export function readWork(read: Read): Promise<OpenDeletion[]> {
  return read.query(READ_WORK, ONCE)
}

/** Erasures that are accepted and not yet removed; not counted beyond `max`, since counting more costs more. */
export async function countAccepted(read: Read, max: number): Promise<number> {
  const [row] = await read.query(COUNT_ACCEPTED, ONCE, max)
  return row?.count ?? 0
}

export interface RunInput {
  readonly deletionId: string
  readonly appKey: string
  readonly erasureKeys: readonly [ErasureKey, ...ErasureKey[]]
  /** Ids for the erasures, freshly minted: as many users are hidden at most. */
  readonly erasureIds: readonly string[]
}

export interface RunOutput {
  readonly hidden: readonly RegistrationId[]
  /** Whether there is more of this list to be done by now. */
  readonly hasMore: boolean
}

/** Users hidden in one step while others wait: some 10 ms of one writer. */
const CONTENDED_LIMIT = 50

/** One batch of a running deletion. Nothing when it does not run, or when another node has a batch of it under way. */
export const runDeletions = background(
  'deletion.run',
  async (tx: Tx, inputs: readonly RunInput[]): Promise<RunOutput[]> => {
    const outputs: RunOutput[] = []
    for (const input of inputs) outputs.push(await run(tx, input))
    return outputs
  },
)

async function run(tx: Tx, input: RunInput): Promise<RunOutput> {
  const [deletion] = await tx.query(TAKE_RUNNING, [{ deletion_id: input.deletionId }])
  if (!deletion) return { hidden: [], hasMore: false }
  const limit = tx.isContended ? Math.min(CONTENDED_LIMIT, input.erasureIds.length) : input.erasureIds.length
  const end = Math.min(deletion.next_number + limit, deletion.target_count)
  const targets = await tx.query(TARGETS, ONCE, input.deletionId, deletion.next_number, end)
  const accepted = await acceptErasures.run(
    tx,
    targets.map(({ registration_id: registrationId }, index) => ({
      erasureId: input.erasureIds[index] ?? '',
      appKey: input.appKey,
      registrationId,
      idTombstones: idTombstones(input.erasureKeys, registrationId),
      erasureKey: input.erasureKeys[0],
      origin: 'bulk',
      reason: 'confirmed bulk',
      deletionId: input.deletionId,
    })),
  )
  const hidden = targets.flatMap(({ registration_id }, index) =>
    accepted[index]?.kind === 'accepted' ? [registration_id] : [],
  )
  const passed = end - deletion.next_number
  await tx.query(PASS, [
    { deletion_id: input.deletionId, end_number: end, hidden: hidden.length, gone: passed - hidden.length },
  ])
  return { hidden, hasMore: end < deletion.target_count }
}

export interface ClearInput {
  readonly deletionId: string
  readonly limit: number
}

/** Takes users off the list of a deletion that has ended without them. Output: whether there are more. */
export const clearTargets = background(
  'deletion.clear-targets',
  async (tx: Tx, inputs: readonly ClearInput[]): Promise<boolean[]> => {
    const outputs: boolean[] = []
    for (const { deletionId, limit } of inputs) {
      const [deletion] = await tx.query(TAKE_ENDED, [{ deletion_id: deletionId }])
      if (!deletion) {
        outputs.push(false)
        continue
      }
      const end = Math.min(deletion.next_number + limit, deletion.target_count)
      // Only of live users, under their locks: the rows of others go with their erasures.
      const targets = await tx.query(TARGETS, ONCE, deletionId, deletion.next_number, end)
      const keys = targets.map(({ registration_id }) => ({ app_key: deletion.app_key, registration_id }))
      const live = await tx.query(LOCK_TARGETS, keys)
      await tx.query(
        DELETE_TARGETS,
        live.map((key) => ({ ...key, deletion_id: deletionId })),
      )
      await tx.query(PASS, [{ deletion_id: deletionId, end_number: end, hidden: 0, gone: 0 }])
      outputs.push(end < deletion.target_count)
    }
    return outputs
  },
)

const EXPIRE = statement<{ deletion_id: string }>()(
  'deletion.expire',
  {},
  (q) => `update deletion set state = 'expired', token_digest = null, finished_at = ${q.value(1)}
    where state = 'planned' and token_expires_at <= ${q.value(1)} returning deletion_id`,
)

const INTERRUPT = statement<{ deletion_id: string }>()(
  'deletion.interrupt',
  {},
  (
    q,
  ) => `update deletion set state = 'failed', failure = 'interrupted', token_digest = null, finished_at = ${q.value(1)}
    where state = 'planning' and touched_at < case when source = 'audience' then cast(${q.value(2)} as bigint)
      else cast(${q.value(3)} as bigint) end
    returning deletion_id`,
)

const START = statement<{ deletion_id: string }>()(
  'deletion.start',
  {},
  (q) => `update deletion set state = 'running', started_at = ${q.value(1)}, pace_since = ${q.value(1)}
    where state = 'confirmed' and starts_at <= ${q.value(1)} returning deletion_id`,
)

const FINISH = statement<{ deletion_id: string }>()(
  'deletion.finish',
  {},
  (q) => `update deletion set state = 'done', finished_at = ${q.value(1)}
    where state = 'finishing' and hidden_count <= (select coalesce(sum(m.erasure_count), 0) from manifest m
      where m.deletion_id = deletion.deletion_id) returning deletion_id`,
)

const IS_ANY_OPEN = statement<{ one: number }>()(
  'deletion.is-any-open',
  {},
  () => `select 1 as one from deletion l where l.state in ('planning', 'planned', 'confirmed', 'running', 'finishing')
    or (l.state in ('cancelled', 'expired', 'failed') and l.next_number < l.target_count) limit 1`,
)

const READ_WORK = statement<OpenDeletion>()(
  'deletion.read-work',
  {},
  () => `select l.deletion_id, l.app_key, l.state, l.hidden_count,
      cast((select coalesce(sum(m.erasure_count), 0) from manifest m where m.deletion_id = l.deletion_id) as bigint) as erased_count
    from deletion l
    where l.state = 'running' or (l.state in ('cancelled', 'expired', 'failed') and l.next_number < l.target_count)
    order by l.deletion_id`,
)

const COUNT_ACCEPTED = statement<{ count: number }>()(
  'deletion.count-accepted',
  {},
  (q) => `select count(*) as count from (select 1 from erasure e
    where e.state = 'accepted' and e.state <> 'erased' limit ${q.value(1)}) as step`,
)

type Place = Pick<Tables['deletion'], 'app_key' | 'next_number' | 'target_count'>

const TAKE_RUNNING = statement<Place>()(
  'deletion.take-running',
  { deletion_id: 'text' },
  (
    q,
  ) => `select l.app_key, l.next_number, l.target_count from ${q.input} join deletion l on l.deletion_id = input.deletion_id
    where l.state = 'running' ${q.skipLocked('l')}`,
)

const TARGETS = statement<{ registration_id: RegistrationId }>()(
  'deletion.targets',
  {},
  (q) => `select t.registration_id from deletion_target t
    where t.deletion_id = ${q.value(1)} and t.number >= ${q.value(2)} and t.number < ${q.value(3)} order by t.number`,
)

const PASS = statement()(
  'deletion.pass',
  { deletion_id: 'text', end_number: 'bigint', hidden: 'bigint', gone: 'bigint' },
  (
    q,
  ) => `update deletion as l set next_number = input.end_number, hidden_count = l.hidden_count + input.hidden,
      gone_count = l.gone_count + input.gone,
      state = case when l.state = 'running' and input.end_number >= l.target_count then 'finishing' else l.state end
    from ${q.input} where l.deletion_id = input.deletion_id`,
)

const TAKE_ENDED = statement<Place>()(
  'deletion.take-ended',
  { deletion_id: 'text' },
  (
    q,
  ) => `select l.app_key, l.next_number, l.target_count from ${q.input} join deletion l on l.deletion_id = input.deletion_id
    where l.state in ('cancelled', 'expired', 'failed') ${q.skipLocked('l')}`,
)

const LOCK_TARGETS = statement<{ app_key: string; registration_id: RegistrationId }>()(
  'deletion.lock-targets',
  { app_key: 'text', registration_id: 'text' },
  (q) => `select d.app_key, d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    where d.state = 'live' order by d.app_key, d.registration_id ${q.lockRows('d')}`,
)

const DELETE_TARGETS = statement()(
  'deletion.delete-targets',
  { app_key: 'text', registration_id: 'text', deletion_id: 'text' },
  (q) => `delete from deletion_target where (app_key, registration_id, deletion_id) in
    (select app_key, registration_id, deletion_id from ${q.input})`,
)
