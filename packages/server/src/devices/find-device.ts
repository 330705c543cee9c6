/** Tells what a registration id is to an app: somebody live, somebody being erased or erased, or nobody. */

import type { App } from '../apps/app.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { type DeviceRow, readDeviceRow } from './devices.store.ts'
import { idTombstones } from './digests.ts'
import { findTombstones } from './tombstones.store.ts'

export type FoundDevice =
  | { readonly kind: 'live'; readonly device: DeviceRow }
  | { readonly kind: 'erasing'; readonly erasureId: string }
  | { readonly kind: 'erased'; readonly erasureId: string }
  | { readonly kind: 'unknown' }

export async function findDevice(
  deps: { readonly database: Db },
  app: App,
  registrationId: RegistrationId,
): Promise<FoundDevice> {
  const device = await readDeviceRow(deps.database.read, { appKey: app.appKey, registrationId })
  if (device?.isLive) return { kind: 'live', device }
  if (device?.erasureId != null) return { kind: 'erasing', erasureId: device.erasureId }
  // Only now: a row that went between the two reads has left its tombstone.
  const digests = idTombstones(app.erasureKeys, registrationId)
  const found = await findTombstones(
    deps.database.read,
    digests.map((digest) => ({ appKey: app.appKey, digest })),
  )
  const [erasureId] = found.values()
  return erasureId === undefined ? { kind: 'unknown' } : { kind: 'erased', erasureId }
}

/** The erasure of a deleted id; undefined when the id was never deleted in this app. */
export async function findErasureId(
  deps: { readonly database: Db },
  app: App,
  registrationId: RegistrationId,
): Promise<string | undefined> {
  const found = await findDevice(deps, app, registrationId)
  return found.kind === 'erasing' || found.kind === 'erased' ? found.erasureId : undefined
}
