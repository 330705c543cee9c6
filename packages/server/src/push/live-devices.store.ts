/** Which of some users are live: asked by every unit of this room that writes about users. */

import { type DeviceKey, keyOf } from '../devices/working-set.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'

/** Locks the rows of those that are live, in the order of keys, and tells them by `keyOf`. Nobody hides one of them before the end of `tx`. */
export async function lockLive(tx: Tx, keys: readonly DeviceKey[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query(
    LOCK_LIVE,
    keys.map(({ appKey, registrationId }) => ({ app_key: appKey, registration_id: registrationId })),
  )
  return new Set(rows.map((row) => keyOf(row.app_key, row.registration_id)))
}

const LOCK_LIVE = statement<{ app_key: string; registration_id: RegistrationId }>()(
  'push.lock-live',
  { app_key: 'text', registration_id: 'text' },
  (q) => `select d.app_key, d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    where d.state = 'live' order by d.app_key, d.registration_id ${q.lockRows('d')}`,
)
