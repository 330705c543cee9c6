/** The write unit that ends what has waited too long. */

import { type DeviceKey, keyOf } from '../devices/working-set.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import type { Tables, Tx } from '../schema.ts'
import { saveStatuses } from '../statistics/statistics.store.ts'
import { ONCE, statement } from '../storage/statement.ts'
import { background } from '../storage/unit.ts'
import { lockLive } from './live-devices.store.ts'

/** Input: how many messages at most; output: how many it were. */
export const expireMessages = background(
  'push.expire',
  async (tx: Tx, inputs: readonly number[]): Promise<number[]> => {
    const counts: number[] = []
    for (const limit of inputs) {
      const found = await tx.query(EXPIRED, ONCE, tx.now, limit)
      const live = await lockLive(tx, found.map(wireKey))
      const expired = found.filter((row) => live.has(keyOf(row.app_key, row.registration_id)))
      await saveStatuses(
        tx,
        expired.map((row) => ({
          appKey: row.app_key,
          registrationId: row.registration_id,
          msgId: row.msg_id,
          status: 'failed' as const,
          channel: `engageLab_${row.platform}`,
          failure: 'expired',
        })),
      )
      await tx.query(
        DELETE_EXPIRED,
        expired.map((row) => ({
          app_key: row.app_key,
          registration_id: row.registration_id,
          id: row.msg_id,
        })),
      )
      await tx.query(DELETE_CIDS, ONCE, tx.now)
      counts.push(expired.length)
    }
    return counts
  },
)

function wireKey(row: { app_key: string; registration_id: RegistrationId }): DeviceKey {
  return { appKey: row.app_key, registrationId: row.registration_id }
}

/**
 * What a sender has in hand it ends itself. What waits for a hidden user goes with that user, and tells its erasure until
 * then which messages named it.
 */
const EXPIRED = statement<{
  app_key: string
  registration_id: RegistrationId
  msg_id: number
  platform: Tables['device']['platform']
}>()(
  'push.expired',
  {},
  (q) => `select m.app_key, m.registration_id, m.msg_id, d.platform from pending_message m
    join device d on d.app_key = m.app_key and d.registration_id = m.registration_id
    where m.expires_at <= ${q.value(1)} and m.sender_id is null and d.state = 'live'
    order by m.expires_at limit ${q.value(2)}`,
)

const DELETE_EXPIRED = statement()(
  'push.delete-expired',
  { app_key: 'text', registration_id: 'text', id: 'bigint' },
  (q) => `delete from pending_message where sender_id is null and (app_key, registration_id, msg_id) in
    (select app_key, registration_id, id from ${q.input})`,
)

const DELETE_CIDS = statement()(
  'push.delete-cids',
  {},
  (q) => `delete from push_cid where expires_at <= ${q.value(1)}`,
)
