/** The fence as the erasure sees it. It is composed with the erasure's units in `units.ts`, since rooms do not look into one another. */

import type { Tx } from '../schema.ts'
import { ONCE, type StatementText, statement } from '../storage/statement.ts'
import { SEND_DEADLINE_MS } from './sender.store.ts'

/** Counts the fence up, for erasures whose rows have just been removed. Its row is locked until the end of `tx`: call it last. */
export async function nextFence(tx: Tx): Promise<number> {
  const [row] = await tx.query(NEXT_FENCE, ONCE)
  if (!row) throw new Error('there is no counter of fences')
  return row.value
}

/**
 * SQL that is true of an erasure once no send that began before it can be in flight: every sender has answered its fence and
 * none holds it. A sender whose lease is over is passed: at once if it had nothing in hand, else once the last of its sends
 * must have ended. `now`: the database's clock.
 */
export function isPastFence(erasure: string, now: string): string {
  const alive = `s.lease_until + case when s.claims > s.settled then ${SEND_DEADLINE_MS} else 0 end >= ${now}`
  return `not exists (select 1 from sender s where s.fence < ${erasure}.fence and ${alive})
    and not exists (select 1 from fence_hold h join sender s on s.sender_id = h.sender_id
      where h.erasure_id = ${erasure}.erasure_id and ${alive})`
}

const NEXT_FENCE = statement<{ value: number }>()(
  'push.next-fence',
  {},
  (_q: StatementText) => `update counter set value = value + 1 where name = 'fence' returning value`,
)
