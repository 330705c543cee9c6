import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appLimitsDefault } from '@lethe/protocol/limits.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import fc from 'fast-check'
import type { Alias, RegistrationId, Tag, Token } from '../kernel/personal.ts'
import {
  addDevice,
  changeTags,
  type DeviceToken,
  erasureOf,
  hideDevice,
  keyOf,
  limitPassed,
  setAlias,
  setToken,
  type TagChange,
  type WorkingDevice,
  type WorkingSet,
} from './working-set.ts'

const APP = 'app'
const PLATFORMS: readonly Platform[] = ['web', 'android', 'ios', 'hmos']

type Step =
  | { readonly kind: 'alias'; readonly device: number; readonly alias: string | null }
  | { readonly kind: 'token'; readonly device: number; readonly token: string }
  | {
      readonly kind: 'tags'
      readonly device: number
      readonly change: { clear: boolean; add: string[]; remove: string[] }
    }
  | { readonly kind: 'hide'; readonly device: number }

const device = fc.integer({ min: 0, max: 3 })
const name = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('alias' as const), device, alias: fc.option(name) }),
  fc.record({ kind: fc.constant('token' as const), device, token: name }),
  fc.record({
    kind: fc.constant('tags' as const),
    device,
    change: fc.record({ clear: fc.boolean(), add: fc.array(name), remove: fc.array(name) }),
  }),
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hide' as const), device }) },
)
const steps = fc.array(step, { maxLength: 40 })

/** What a user would expect, with no thought of counting. */
interface Naive {
  isLive: boolean
  alias: string | null
  token: string | null
  isDetached: boolean
  tags: Set<string>
}

function emptySet(): WorkingSet {
  return {
    devices: new Map(),
    aliasHolders: new Map(),
    tokenHolders: new Map(),
    tagCounts: new Map(),
    usage: new Map(),
  }
}

function withDevices(): { set: WorkingSet; devices: WorkingDevice[]; model: Naive[] } {
  const set = emptySet()
  const devices = PLATFORMS.map((platform, index) =>
    addDevice(set, {
      appKey: APP,
      registrationId: `id${index}` as RegistrationId,
      platform,
      facts: {},
      seenAt: 1,
      secretDigest: null,
      requestDigest: null,
    }),
  )
  const model = PLATFORMS.map(
    (): Naive => ({ isLive: true, alias: null, token: null, isDetached: false, tags: new Set() }),
  )
  return { set, devices, model }
}

function tokenOf(digest: string): DeviceToken {
  return { value: digest as Token, digest, p256dh: null, auth: null, environment: null }
}

function apply(set: WorkingSet, one: WorkingDevice, given: Step): void {
  if (given.kind === 'alias') setAlias(set, one, given.alias as Alias | null)
  else if (given.kind === 'token') setToken(set, one, tokenOf(given.token))
  else if (given.kind === 'tags') changeTags(set, one, given.change as unknown as TagChange)
  else hideDevice(set, one, 'erasure')
}

function applyNaively(model: Naive[], one: Naive, given: Step): void {
  switch (given.kind) {
    case 'alias':
      for (const other of model) if (given.alias !== null && other.alias === given.alias) other.alias = null
      one.alias = given.alias
      return
    case 'token':
      for (const other of model) {
        if (other === one || other.token !== given.token) continue
        other.token = null
        other.isDetached = true
      }
      one.token = given.token
      one.isDetached = false
      return
    case 'tags':
      if (given.change.clear) one.tags.clear()
      for (const tag of given.change.add) one.tags.add(tag)
      for (const tag of given.change.remove) one.tags.delete(tag)
      return
    case 'hide':
      one.isLive = false
  }
}

function recount(model: readonly Naive[]): Record<string, Record<Platform, number>> {
  const counts: Record<string, Record<Platform, number>> = {}
  model.forEach((one, index) => {
    for (const tag of one.isLive ? one.tags : []) {
      counts[tag] ??= { web: 0, android: 0, ios: 0, hmos: 0 }
      counts[tag][PLATFORMS[index] ?? 'web']++
    }
  })
  return counts
}

function countsIn(set: WorkingSet): Record<string, Record<Platform, number>> {
  const held = [...set.tagCounts.values()].filter(({ change }) =>
    Object.values(change).some((by) => by !== 0),
  )
  return Object.fromEntries(held.map(({ tag, change }) => [tag, change]))
}

test('aliases, tokens, tags and their counts are what a naive model says, after any steps', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const { set, devices, model } = withDevices()
      for (const one of given) {
        const [worked, naive] = [devices[one.device], model[one.device]]
        assert.ok(worked && naive)
        if (!worked.isLive) assert.throws(() => apply(set, worked, one), /live/)
        else {
          apply(set, worked, one)
          applyNaively(model, naive, one)
        }
      }
      assert.deepEqual(
        devices.map(({ isLive, alias, tokenDigest, isDetached, tags }) => ({
          isLive,
          alias,
          token: tokenDigest,
          isDetached,
          tags: new Set<string>(tags),
        })),
        model,
      )
      assert.deepEqual(countsIn(set), recount(model))
      const aliases = model.filter(({ isLive, alias }) => isLive && alias !== null)
      assert.equal(set.usage.get(APP)?.aliasChange ?? 0, aliases.length)
    }),
    { numRuns: 500 },
  )
})

test('whoever holds an alias or a token is found by it, and nobody else', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const { set, devices } = withDevices()
      for (const one of given) {
        const worked = devices[one.device]
        if (worked?.isLive) apply(set, worked, one)
      }
      for (const held of ['a', 'b', 'c']) {
        const alias = devices.filter((one) => one.alias === held)
        assert.deepEqual([set.aliasHolders.get(keyOf(APP, held))].filter(Boolean), alias)
        const token = devices.filter(({ tokenDigest }) => tokenDigest === held)
        assert.deepEqual([set.tokenHolders.get(keyOf(APP, held))].filter(Boolean), token)
      }
    }),
    { numRuns: 300 },
  )
})

test('a hidden device tells which erasure hides it', () => {
  const { set, devices } = withDevices()
  const [one, other] = devices
  assert.ok(one && other)
  hideDevice(set, one, 'erasure')
  assert.equal(erasureOf(one), 'erasure')
  assert.throws(() => erasureOf(other), /only while an erasure hides it/)
})

test('the limits are passed by one more than they say, and say which', () => {
  const { set, devices } = withDevices()
  const [one, other] = devices
  assert.ok(one && other)
  const limits = { ...appLimitsDefault, tagsPerDevice: 2, devicesPerTag: 1, tagsPerApp: 3, aliasesPerApp: 1 }
  const adding = (added: WorkingDevice, ...tags: string[]) =>
    limitPassed(set, {
      appKey: APP,
      device: added,
      limits,
      tags: { clear: false, add: tags as Tag[], remove: [] },
    })
  const aliasing = (aliased: WorkingDevice, alias: string) =>
    limitPassed(set, { appKey: APP, device: aliased, limits, alias: alias as Alias })

  assert.equal(adding(one, 'a', 'b'), undefined)
  assert.deepEqual(adding(one, 'a', 'b', 'c'), { kind: 'overLimit', limit: 'tagsPerDevice', value: 2 })
  changeTags(set, one, { clear: false, add: ['a', 'b'] as Tag[], remove: [] })
  assert.equal(adding(one, 'a'), undefined, 'what it has already is no gain')
  assert.deepEqual(adding(other, 'a'), { kind: 'overLimit', limit: 'devicesPerTag', value: 1 })
  assert.equal(aliasing(one, 'x'), undefined)
  setAlias(set, one, 'x' as Alias)
  assert.equal(aliasing(one, 'y'), undefined, 'a change of an alias is none more')
  assert.equal(aliasing(other, 'x'), undefined, 'taking one over neither')
  assert.deepEqual(aliasing(other, 'y'), { kind: 'overLimit', limit: 'aliasesPerApp', value: 1 })
  hideDevice(set, one, 'erasure')
  assert.equal(aliasing(other, 'y'), undefined)
  assert.equal(adding(other, 'a'), undefined)
})

test('different tags of an app are limited over all its devices', () => {
  const { set, devices } = withDevices()
  const [one] = devices
  assert.ok(one)
  set.usage.set(APP, { appKey: APP, tagCount: 2, aliasCount: 0, tagChange: 0, aliasChange: 0 })
  const limits = { ...appLimitsDefault, tagsPerApp: 3 }
  const adding = (...tags: string[]) =>
    limitPassed(set, {
      appKey: APP,
      device: one,
      limits,
      tags: { clear: false, add: tags as Tag[], remove: [] },
    })
  assert.equal(adding('a'), undefined)
  assert.deepEqual(adding('a', 'b'), { kind: 'overLimit', limit: 'tagsPerApp', value: 3 })
  set.tagCounts.set(keyOf(APP, 'b'), {
    appKey: APP,
    tag: 'b' as Tag,
    total: 7,
    change: { web: 0, android: 0, ios: 0, hmos: 0 },
  })
  assert.equal(adding('a', 'b'), undefined, 'a tag that others hold is not a new one')
})
