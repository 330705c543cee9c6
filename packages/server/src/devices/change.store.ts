/** The write units that change users who exist: their facts, token, tags and alias. */

import type { AppLimits } from '@lethe/protocol/limits.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import type { Alias, RegistrationId, Tag } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'
import { findTombstones, liftTombstones } from './tombstones.store.ts'
import { loadWorkingSet, saveWorkingSet } from './working-set.store.ts'
import {
  changeTags,
  type DeviceFacts,
  type DeviceKey,
  type DeviceToken,
  deviceIn,
  keyOf,
  limitPassed,
  type OverLimit,
  setAlias,
  setToken,
  type TagChange,
  type WorkingSet,
} from './working-set.ts'

/** A change of one user. What is absent stays as it is. */
export interface DeviceChange extends DeviceKey {
  /** Set when the user's own client calls: it was seen, and may use an erased token again. */
  readonly seenAt?: number
  readonly facts?: DeviceFacts
  readonly token?: DeviceToken
  readonly tokenTombstones?: readonly string[]
  readonly tags?: TagChange
  /** Null clears the alias. */
  readonly alias?: Alias | null
  readonly limits: AppLimits
  readonly now: number
}

export type ChangeOutput =
  | { readonly kind: 'changed' }
  /** Not live: being erased, erased, or never there. */
  | { readonly kind: 'notLive' }
  | OverLimit

export const changeDevices = interactive(
  'devices.change',
  async (tx: Tx, inputs: readonly DeviceChange[]): Promise<ChangeOutput[]> => {
    const set = await loadWorkingSet(tx, {
      keys: inputs,
      tagsOf: inputs.filter((input) => input.tags),
      aliases: inputs.flatMap(({ appKey, alias }) => (alias ? [{ appKey, alias }] : [])),
      tokens: inputs.flatMap(({ appKey, token }) => (token ? [{ appKey, digest: token.digest }] : [])),
      addedTags: inputs.flatMap(({ appKey, tags }) => (tags?.add ?? []).map((tag) => ({ appKey, tag }))),
    })
    const outputs = inputs.map((input) => change(set, input))
    await saveWorkingSet(tx, set, latest(inputs))
    const returned = inputs.filter((input, index) => input.token && outputs[index]?.kind === 'changed')
    await liftTombstones(
      tx,
      returned.flatMap((input) =>
        (input.tokenTombstones ?? []).map((digest) => ({ appKey: input.appKey, digest })),
      ),
    )
    return outputs
  },
)

function change(set: WorkingSet, input: DeviceChange): ChangeOutput {
  const device = deviceIn(set, input)
  if (!device?.isLive) return { kind: 'notLive' }
  const passed = limitPassed(set, { ...input, device })
  if (passed) return passed
  if (input.seenAt !== undefined) device.seenAt = Math.max(device.seenAt ?? 0, input.seenAt)
  if (input.facts) device.facts = { ...device.facts, ...input.facts }
  if (input.token) setToken(set, device, input.token)
  if (input.tags) changeTags(set, device, input.tags)
  if (input.alias !== undefined) setAlias(set, device, input.alias)
  return { kind: 'changed' }
}

/** A tag given to some users and taken from others, in one call of the server API. */
export interface TagOnDevices {
  readonly appKey: string
  readonly tag: Tag
  /** With the tombstone digests of each id, to tell a dead id from one that never was. */
  readonly add: readonly { readonly registrationId: RegistrationId; readonly tombstones: readonly string[] }[]
  readonly remove: readonly RegistrationId[]
  readonly limits: AppLimits
  readonly now: number
}

export type TagOnDevicesOutput =
  /** `skippedCount`: ids that are dead, and unknown ids among those to remove. */
  | { readonly kind: 'changed'; readonly skippedCount: number }
  /** An id to add was never of this app: nothing was changed. */
  | { readonly kind: 'unknownId' }
  | OverLimit

export const changeTagOnDevices = interactive(
  'devices.change-tag',
  async (tx: Tx, inputs: readonly TagOnDevices[]): Promise<TagOnDevicesOutput[]> => {
    const keys = inputs.flatMap((input) => [
      ...input.add.map(({ registrationId }) => ({ appKey: input.appKey, registrationId })),
      ...input.remove.map((registrationId) => ({ appKey: input.appKey, registrationId })),
    ])
    const set = await loadWorkingSet(tx, { keys, tagsOf: keys, addedTags: inputs })
    const dead = await findTombstones(
      tx,
      inputs.flatMap((input) => tombstonesOfMissing(set, input)),
    )
    const outputs = inputs.map((input) => changeTag(set, dead, input))
    await saveWorkingSet(tx, set, latest(inputs))
    return outputs
  },
)

function changeTag(
  set: WorkingSet,
  dead: ReadonlyMap<string, string>,
  input: TagOnDevices,
): TagOnDevicesOutput {
  const { appKey, tag, limits } = input
  const isDead = (digest: string) => dead.has(keyOf(appKey, digest))
  const isUnknown = (add: TagOnDevices['add'][number]) =>
    !deviceIn(set, { appKey, registrationId: add.registrationId }) && !add.tombstones.some(isDead)
  if (input.add.some(isUnknown)) return { kind: 'unknownId' }

  const removed = new Set(input.remove)
  const added = new Set(
    input.add.map(({ registrationId }) => registrationId).filter((id) => !removed.has(id)),
  )
  const live = [...added, ...removed].flatMap((registrationId) => {
    const device = deviceIn(set, { appKey, registrationId })
    return device?.isLive ? [device] : []
  })
  const gaining = live.filter((device) => added.has(device.registrationId) && !device.tags.has(tag))
  const losing = live.filter((device) => removed.has(device.registrationId) && device.tags.has(tag))
  const tags = { clear: false, add: [tag], remove: [] }
  const batchLimits = forBatch(limits, gaining.length - losing.length)
  for (const device of gaining) {
    const passed = limitPassed(set, { appKey, device, tags, limits: batchLimits })
    if (passed) return { ...passed, value: limits[passed.limit] }
  }
  for (const device of live) {
    changeTags(
      set,
      device,
      added.has(device.registrationId) ? tags : { clear: false, add: [], remove: [tag] },
    )
  }
  return { kind: 'changed', skippedCount: added.size + removed.size - live.length }
}

/** All of the batch must fit, or none gets the tag: counts the others that gain it in the same call, and those that lose it. */
function forBatch(limits: AppLimits, gainedCount: number): AppLimits {
  return { ...limits, devicesPerTag: limits.devicesPerTag - (gainedCount - 1) }
}

function tombstonesOfMissing(set: WorkingSet, { appKey, add }: TagOnDevices) {
  return add
    .filter(({ registrationId }) => !deviceIn(set, { appKey, registrationId }))
    .flatMap(({ tombstones }) => tombstones.map((digest) => ({ appKey, digest })))
}

/** One step of deleting a tag: takes it from at most this many users, so that no transaction holds many locks. */
export const TAG_STEP_DEVICES = 500

export interface TagStep {
  readonly appKey: string
  readonly tag: Tag
  readonly platforms: readonly Platform[]
  readonly now: number
}

/** Output: how many users were found holding the tag; 0 ends the deletion of the tag. */
export const removeTagStep = interactive(
  'devices.remove-tag-step',
  async (tx: Tx, inputs: readonly TagStep[]): Promise<number[]> => {
    const holders: DeviceKey[][] = []
    for (const input of inputs) holders.push(await tagHolders(tx, input))
    const keys = holders.flat()
    const set = await loadWorkingSet(tx, { keys, tagsOf: keys })
    inputs.forEach((input, index) => {
      for (const key of holders[index] ?? []) {
        const device = deviceIn(set, key)
        if (device?.isLive) changeTags(set, device, { clear: false, add: [], remove: [input.tag] })
      }
    })
    await saveWorkingSet(tx, set, latest(inputs))
    return holders.map((found) => found.length)
  },
)

async function tagHolders(tx: Tx, { appKey, tag, platforms }: TagStep): Promise<DeviceKey[]> {
  const wanted = platforms.map((platform) => ({ platform }))
  const rows = await tx.query(TAG_HOLDERS, wanted, appKey, tag, TAG_STEP_DEVICES)
  return rows.map((row) => ({ appKey, registrationId: row.registration_id }))
}

export interface AliasRemoval {
  readonly appKey: string
  readonly alias: Alias
  readonly platforms: readonly Platform[]
  readonly now: number
}

export const removeAliases = interactive(
  'devices.remove-alias',
  async (tx: Tx, inputs: readonly AliasRemoval[]): Promise<true[]> => {
    const set = await loadWorkingSet(tx, { keys: [], aliases: inputs })
    for (const { appKey, alias, platforms } of inputs) {
      const holder = set.aliasHolders.get(keyOf(appKey, alias))
      if (holder?.isLive && platforms.includes(holder.platform)) setAlias(set, holder, null)
    }
    await saveWorkingSet(tx, set, latest(inputs))
    return inputs.map(() => true)
  },
)

/** The latest of the clocks of a batch: what its rows are stamped with. */
function latest(inputs: readonly { readonly now: number }[]): number {
  return Math.max(...inputs.map((input) => input.now))
}

const TAG_HOLDERS = statement<{ registration_id: RegistrationId }>()(
  'tags.holders',
  { platform: 'text' },
  (q) => `select t.registration_id from device_tag t
    join device d on d.app_key = t.app_key and d.registration_id = t.registration_id
    where t.app_key = ${q.value(1)} and t.tag = ${q.value(2)} and d.state = 'live'
      and d.platform in (select platform from ${q.input})
    order by t.registration_id limit ${q.value(3)}`,
)
