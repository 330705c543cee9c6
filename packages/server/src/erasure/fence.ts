/**
 * What the erasure asks of whoever sends: that no send which began before the deletion is in flight when the erasure ends.
 * How senders answer is their business; `units.ts` brings the two together.
 */

import type { Tx } from '../schema.ts'

export interface Fence {
  /** Counts the fence up, for erasures whose rows have just been removed. The last step of its transaction but for what it is written to. */
  next(tx: Tx): Promise<number>
  /** SQL that is true of an erasure behind which nothing is in flight. `erasure` is its name in the statement, `now` the database's clock. */
  isPast(erasure: string, now: string): string
}
