/** The write unit that takes pushes back: what is not sent yet is not sent, and sends that are about to begin see it in their last look. */

import type { Read, Tx } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'
import { REVISABLE_MS, stopMessages } from './accept-push.store.ts'

export interface WithdrawInput {
  readonly appKey: string
  readonly msgId: number
}

/** `refused`: no such message of this app, older than a day, or withdrawn before. */
export type WithdrawOutput = 'withdrawn' | 'refused'

export const withdrawPushes = interactive(
  'push.withdraw',
  async (tx: Tx, inputs: readonly WithdrawInput[]): Promise<WithdrawOutput[]> => {
    const wanted = new Map(inputs.map((input) => [input.msgId, input]))
    const rows = [...wanted.values()].map(({ appKey, msgId }) => ({ of_app: appKey, id: msgId }))
    const withdrawn = await tx.query(WITHDRAW, rows, tx.now, tx.now - REVISABLE_MS)
    await stopMessages(
      tx,
      withdrawn.map(({ msg_id: id }) => ({ id })),
    )
    const done = new Map(withdrawn.map((row) => [row.msg_id, row.app_key]))
    return inputs.map(({ appKey, msgId }): WithdrawOutput => {
      const isMine = done.get(msgId) === appKey
      // Of two calls in one batch, the second is a repetition.
      done.delete(msgId)
      return isMine ? 'withdrawn' : 'refused'
    })
  },
)

export interface WithdrawnRow {
  readonly app_key: string
  readonly msg_id: number
  readonly withdrawn_at: number
}

/** Messages that were withdrawn after this instant of the database's clock. */
export function readWithdrawn(read: Read, since: number): Promise<WithdrawnRow[]> {
  return read.query(WITHDRAWN, ONCE, since)
}

const WITHDRAW = statement<{ msg_id: number; app_key: string }>()(
  'push.withdraw',
  { of_app: 'text', id: 'bigint' },
  (
    q,
  ) => `update push as p set state = 'withdrawn', withdrawn_at = ${q.value(1)}, audience = null from ${q.input}
    where p.msg_id = input.id and p.app_key = input.of_app and p.state <> 'withdrawn' and p.accepted_at > ${q.value(2)}
    returning msg_id, app_key`,
)

const WITHDRAWN = statement<WithdrawnRow>()(
  'push.withdrawn',
  {},
  (q) => `select p.app_key, p.msg_id, p.withdrawn_at from push p
    where p.withdrawn_at is not null and p.withdrawn_at > ${q.value(1)} order by p.withdrawn_at limit 1000`,
)
