/**
 * The devices that one transaction works on, in memory: loaded and locked once for a whole batch, changed by plain
 * functions, written back as set-based statements. What two inputs of one batch do to each other is decided here, in their order.
 */

import type { AppLimits } from '@lethe/protocol/limits.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import { assert } from '../kernel/assert.ts'
import type { Alias, Fact, RegistrationId, Tag, Token } from '../kernel/personal.ts'

export interface DeviceKey {
  readonly appKey: string
  readonly registrationId: RegistrationId
}

/** Facts that a device tells of itself; null or absent: not told. */
export interface DeviceFacts {
  readonly os?: Fact | null
  readonly browser?: Fact | null
  readonly model?: Fact | null
  readonly appVersion?: Fact | null
  readonly sdkVersion?: Fact | null
  readonly language?: Fact | null
  readonly timezone?: Fact | null
  readonly notificationPermission?: Fact | null
}

export interface DeviceToken {
  readonly value: Token
  /** SHA-256 of platform and value. */
  readonly digest: string
  readonly p256dh: Token | null
  readonly auth: Token | null
  readonly environment: 'production' | 'sandbox' | null
}

export interface DeviceBefore {
  readonly alias: Alias | null
  readonly tokenDigest: string | null
  readonly tags: ReadonlySet<Tag>
  readonly requestDigest: string | null
  readonly lastSeenAt: number
  readonly isDetached: boolean
  readonly version: number
  /** The erasure that hides the device, if one does. */
  readonly erasureId: string | null
}

export interface WorkingDevice extends DeviceKey {
  readonly platform: Platform
  /** As it stood when it was loaded; null for a device that this transaction makes. */
  readonly before: DeviceBefore | null
  isLive: boolean
  /** Set when this transaction hides the device: the erasure that does. */
  hiddenBy: string | null
  alias: Alias | null
  tokenDigest: string | null
  /** Set when this transaction gives the device a token. */
  newToken: DeviceToken | null
  readonly tags: Set<Tag>
  /** Set when another device took the token over. */
  isDetached: boolean
  facts: DeviceFacts
  seenAt: number | null
  /** Set when the device's secret is replaced. */
  newSecretDigest: string | null
  /** What only a new row needs. */
  readonly birth: { readonly secretDigest: string | null; readonly requestDigest: string | null } | null
}

export interface TagCount {
  readonly appKey: string
  readonly tag: Tag
  /** Live holders before this transaction; known only for tags that it adds. */
  readonly total: number
  readonly change: { web: number; android: number; ios: number; hmos: number }
}

export interface AppUsage {
  readonly appKey: string
  readonly tagCount: number
  readonly aliasCount: number
  tagChange: number
  aliasChange: number
}

export interface WorkingSet {
  readonly devices: Map<string, WorkingDevice>
  /** Whose rows hold an alias or token: hidden devices among them, until somebody takes it over. */
  readonly aliasHolders: Map<string, WorkingDevice>
  readonly tokenHolders: Map<string, WorkingDevice>
  readonly tagCounts: Map<string, TagCount>
  readonly usage: Map<string, AppUsage>
}

/** A limit of the app that a change would pass: its name and value. */
export interface OverLimit {
  readonly kind: 'overLimit'
  readonly limit: 'tagsPerDevice' | 'tagsPerApp' | 'devicesPerTag' | 'aliasesPerApp'
  readonly value: number
}

export interface TagChange {
  readonly clear: boolean
  readonly add: readonly Tag[]
  readonly remove: readonly Tag[]
}

/** Joins the parts of a key. No part of a key of ours contains a line feed. */
export function keyOf(appKey: string, name: string): string {
  return `${appKey}\n${name}`
}

export function deviceIn(set: WorkingSet, key: DeviceKey): WorkingDevice | undefined {
  return set.devices.get(keyOf(key.appKey, key.registrationId))
}

/** Adds a device that this transaction makes. */
export function addDevice(
  set: WorkingSet,
  input: DeviceKey & {
    platform: Platform
    facts: DeviceFacts
    seenAt: number
    secretDigest: string | null
    requestDigest: string | null
  },
): WorkingDevice {
  const device: WorkingDevice = {
    appKey: input.appKey,
    registrationId: input.registrationId,
    platform: input.platform,
    before: null,
    isLive: true,
    hiddenBy: null,
    alias: null,
    tokenDigest: null,
    newToken: null,
    tags: new Set(),
    isDetached: false,
    facts: input.facts,
    seenAt: input.seenAt,
    newSecretDigest: null,
    birth: { secretDigest: input.secretDigest, requestDigest: input.requestDigest },
  }
  set.devices.set(keyOf(input.appKey, input.registrationId), device)
  return device
}

/** What the limits say to this change; undefined: it may be made. Nothing is changed here. */
export function limitPassed(
  set: WorkingSet,
  change: {
    appKey: string
    device?: WorkingDevice
    tags?: TagChange
    alias?: Alias | null
    limits: AppLimits
  },
): OverLimit | undefined {
  return aliasLimitPassed(set, change) ?? tagLimitPassed(set, change)
}

/** Gives the alias to the device, taking it from whoever holds it; null clears it. */
export function setAlias(set: WorkingSet, device: WorkingDevice, alias: Alias | null): void {
  assert(device.isLive, 'an alias is set on a live device only')
  if (device.alias === alias) return
  if (device.alias !== null) dropAlias(set, device)
  if (alias === null) return
  const holder = set.aliasHolders.get(keyOf(device.appKey, alias))
  if (holder?.isLive) dropAlias(set, holder)
  else if (holder) holder.alias = null
  device.alias = alias
  set.aliasHolders.set(keyOf(device.appKey, alias), device)
  usageOf(set, device.appKey).aliasChange++
}

/** Gives the token to the device; another device that holds it is left without one. */
export function setToken(set: WorkingSet, device: WorkingDevice, token: DeviceToken): void {
  assert(device.isLive, 'a token is set on a live device only')
  const holder = set.tokenHolders.get(keyOf(device.appKey, token.digest))
  if (holder && holder !== device) {
    holder.tokenDigest = null
    holder.newToken = null
    holder.isDetached = true
  }
  if (device.tokenDigest !== null) set.tokenHolders.delete(keyOf(device.appKey, device.tokenDigest))
  device.tokenDigest = token.digest
  device.newToken = token
  device.isDetached = false
  set.tokenHolders.set(keyOf(device.appKey, token.digest), device)
}

/** Remove wins over add of the same tag in one change. */
export function changeTags(set: WorkingSet, device: WorkingDevice, change: TagChange): void {
  assert(device.isLive, 'tags are changed on a live device only')
  const after = tagsAfter(device, change)
  for (const tag of device.tags) if (!after.has(tag)) countTag(set, device, { tag, by: -1 })
  for (const tag of after) if (!device.tags.has(tag)) countTag(set, device, { tag, by: 1 })
  device.tags.clear()
  for (const tag of after) device.tags.add(tag)
}

/**
 * Hides the device: from the commit on it is in no count, and its alias and token are free for whoever takes them over. Its
 * rows stay until they are removed. Its tags must have been loaded.
 */
export function hideDevice(set: WorkingSet, device: WorkingDevice, erasureId: string): void {
  assert(device.isLive, 'only a live device is hidden')
  for (const tag of device.tags) countTag(set, device, { tag, by: -1 })
  if (device.alias !== null) usageOf(set, device.appKey).aliasChange--
  device.isLive = false
  device.hiddenBy = erasureId
}

/** Leaves the device without its token, as if somebody else had taken it over. */
export function detachToken(set: WorkingSet, device: WorkingDevice): void {
  assert(device.isLive, 'a token is taken from a live device only')
  if (device.tokenDigest !== null) set.tokenHolders.delete(keyOf(device.appKey, device.tokenDigest))
  device.tokenDigest = null
  device.newToken = null
  device.isDetached = true
}

/** The erasure that hides a device that is not live. */
export function erasureOf(device: WorkingDevice): string {
  const erasureId = device.hiddenBy ?? device.before?.erasureId
  assert(erasureId, 'a device is not live only while an erasure hides it')
  return erasureId
}

function tagsAfter(device: WorkingDevice | undefined, change: TagChange): Set<Tag> {
  const after = new Set(change.clear ? [] : device?.tags)
  for (const tag of change.add) after.add(tag)
  for (const tag of change.remove) after.delete(tag)
  return after
}

function aliasLimitPassed(
  set: WorkingSet,
  change: { appKey: string; device?: WorkingDevice; alias?: Alias | null; limits: AppLimits },
): OverLimit | undefined {
  const isNewToApp =
    change.alias != null &&
    !change.device?.alias &&
    !set.aliasHolders.get(keyOf(change.appKey, change.alias))?.isLive
  if (!isNewToApp) return undefined
  const usage = usageOf(set, change.appKey)
  const isFull = usage.aliasCount + usage.aliasChange >= change.limits.aliasesPerApp
  return isFull
    ? { kind: 'overLimit', limit: 'aliasesPerApp', value: change.limits.aliasesPerApp }
    : undefined
}

function tagLimitPassed(
  set: WorkingSet,
  change: { appKey: string; device?: WorkingDevice; tags?: TagChange; limits: AppLimits },
): OverLimit | undefined {
  const { appKey, device, tags, limits } = change
  if (!tags) return undefined
  const after = tagsAfter(device, tags)
  const over = (limit: OverLimit['limit']): OverLimit => ({ kind: 'overLimit', limit, value: limits[limit] })
  const added = [...after].filter((tag) => !device?.tags.has(tag))
  if (added.length > 0 && after.size > limits.tagsPerDevice) return over('tagsPerDevice')
  const totals = added.map((tag) => totalOf(set.tagCounts.get(keyOf(appKey, tag))))
  if (totals.some((total) => total >= limits.devicesPerTag)) return over('devicesPerTag')
  const newToApp = totals.filter((total) => total === 0).length
  const usage = usageOf(set, appKey)
  if (newToApp > 0 && usage.tagCount + usage.tagChange + newToApp > limits.tagsPerApp)
    return over('tagsPerApp')
  return undefined
}

function totalOf(count: TagCount | undefined): number {
  if (!count) return 0
  return count.total + count.change.web + count.change.android + count.change.ios + count.change.hmos
}

function countTag(set: WorkingSet, device: WorkingDevice, step: { tag: Tag; by: 1 | -1 }): void {
  const { tag, by } = step
  const key = keyOf(device.appKey, tag)
  const count = set.tagCounts.get(key) ?? noCount(device.appKey, tag, 0)
  count.change[device.platform] += by
  set.tagCounts.set(key, count)
}

export function noCount(appKey: string, tag: Tag, total: number): TagCount {
  return { appKey, tag, total, change: { web: 0, android: 0, ios: 0, hmos: 0 } }
}

function usageOf(set: WorkingSet, appKey: string): AppUsage {
  const known = set.usage.get(appKey)
  if (known) return known
  const usage: AppUsage = { appKey, tagCount: 0, aliasCount: 0, tagChange: 0, aliasChange: 0 }
  set.usage.set(appKey, usage)
  return usage
}

function dropAlias(set: WorkingSet, device: WorkingDevice): void {
  assert(device.alias !== null, 'only an alias that is held can be dropped')
  set.aliasHolders.delete(keyOf(device.appKey, device.alias))
  usageOf(set, device.appKey).aliasChange--
  device.alias = null
}
