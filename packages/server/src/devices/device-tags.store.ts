/** SQL of the tags of devices that a working set has changed; a device that was there before gets another version with them. */

import type { Tag } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import type { WorkingDevice } from './working-set.ts'

/** Writes the tags of live devices; those of a hidden one stay until it is removed. */
export async function saveTags(tx: Tx, devices: readonly WorkingDevice[]): Promise<void> {
  const live = devices.filter((device) => device.isLive).map(changeOf)
  const known = live.filter(
    ({ device, dropped, added }) => device.before !== null && dropped.length + added.length > 0,
  )
  await tx.query(
    RAISE_VERSION,
    known.map(({ key }) => key),
  )
  await tx.query(
    DELETE_TAGS,
    live.flatMap(({ key, dropped }) => dropped.map((tag) => ({ ...key, tag }))),
  )
  await tx.query(
    INSERT_TAGS,
    live.flatMap(({ key, added }) => added.map((tag) => ({ ...key, tag }))),
  )
}

function changeOf(device: WorkingDevice) {
  const before = device.before?.tags ?? new Set<Tag>()
  return {
    device,
    key: { app_key: device.appKey, registration_id: device.registrationId },
    dropped: [...before].filter((tag) => !device.tags.has(tag)),
    added: [...device.tags].filter((tag) => !before.has(tag)),
  }
}

const KEY = { app_key: 'text', registration_id: 'text' } as const

const RAISE_VERSION = statement()(
  'devices.raise-version',
  KEY,
  (q) => `update device as d set version = d.version + 1 from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const DELETE_TAGS = statement()(
  'devices.delete-tags',
  { ...KEY, tag: 'text' },
  (q) => `delete from device_tag where (app_key, registration_id, tag) in
    (select app_key, registration_id, tag from ${q.input})`,
)

const INSERT_TAGS = statement()(
  'devices.insert-tags',
  { ...KEY, tag: 'text' },
  (q) =>
    `insert into device_tag (app_key, registration_id, tag) select app_key, registration_id, tag from ${q.input}`,
)
