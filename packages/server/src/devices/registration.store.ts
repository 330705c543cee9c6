/**
 * The write unit that makes users: by a client's own registration, which takes a token over and makes an erased one
 * usable again, or on the server side by a token, which finds the holder and refuses an erased one.
 */

import type { AppLimits } from '@lethe/protocol/limits.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import type { Alias, RegistrationId, Tag } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { interactive } from '../storage/unit.ts'
import { findTombstones, liftTombstones, type TombstoneKey } from './tombstones.store.ts'
import { loadWorkingSet, saveWorkingSet } from './working-set.store.ts'
import {
  addDevice,
  changeTags,
  type DeviceFacts,
  type DeviceToken,
  deviceIn,
  keyOf,
  limitPassed,
  type OverLimit,
  setAlias,
  setToken,
  type WorkingSet,
} from './working-set.ts'

export interface RegistrationInput {
  readonly appKey: string
  /** Who registers: the user's own client, or the customer's server by a token. */
  readonly by: 'client' | 'server'
  /** The id for the new user, freshly minted. */
  readonly registrationId: RegistrationId
  readonly platform: Platform
  readonly secretDigest: string | null
  readonly token: DeviceToken | null
  /** Tombstone digests of the token, one for each key version. */
  readonly tokenTombstones: readonly string[]
  /** Digests of the Idempotency-Key, newest key first; empty without one. */
  readonly requestDigests: readonly string[]
  readonly facts: DeviceFacts
  readonly tags: readonly Tag[]
  readonly alias: Alias | null
  readonly limits: AppLimits
  /** Milliseconds, by the clock of the node that was called. */
  readonly now: number
}

export type RegistrationOutput =
  | { readonly kind: 'registered'; readonly registrationId: RegistrationId }
  /** The same request came before: its user, who has now the new secret. */
  | { readonly kind: 'repeated'; readonly registrationId: RegistrationId }
  /** Server side only: a live user holds the token. */
  | { readonly kind: 'held'; readonly registrationId: RegistrationId }
  /** The token, or the very request, belongs to an erased user. */
  | { readonly kind: 'erased' }
  /** The Idempotency-Key was used for a registration with another token. */
  | { readonly kind: 'keyReused' }
  | OverLimit

export const registerDevices = interactive(
  'devices.register',
  async (tx: Tx, inputs: readonly RegistrationInput[]): Promise<RegistrationOutput[]> => {
    const requests = await requestHolders(tx, inputs)
    const set = await loadWorkingSet(tx, {
      keys: [...requests.values()].flat(),
      aliases: inputs.flatMap(({ appKey, alias }) => (alias === null ? [] : [{ appKey, alias }])),
      tokens: inputs.flatMap(({ appKey, token }) => (token ? [{ appKey, digest: token.digest }] : [])),
      addedTags: inputs.flatMap(({ appKey, tags }) => tags.map((tag) => ({ appKey, tag }))),
    })
    // Only now: an erasure that we waited for may have made one.
    const tombstones = await findTombstones(tx, inputs.flatMap(tombstoneKeys))
    const outputs = inputs.map((input) => register({ set, tombstones, requests }, input))
    await saveWorkingSet(tx, set, Math.max(...inputs.map((input) => input.now)))
    const taken = inputs.filter(
      (input, index) => input.by === 'client' && outputs[index]?.kind === 'registered',
    )
    await liftTombstones(
      tx,
      taken.flatMap(tokenTombstoneKeys).filter((key) => tombstones.has(keyOf(key.appKey, key.digest))),
    )
    return outputs
  },
)

interface Known {
  readonly set: WorkingSet
  readonly tombstones: ReadonlyMap<string, string>
  /** Devices by the request that made them. */
  readonly requests: Map<string, { appKey: string; registrationId: RegistrationId }[]>
}

function register(known: Known, input: RegistrationInput): RegistrationOutput {
  const { appKey, registrationId, token, limits } = input
  const earlier = repeated(known, input)
  if (earlier) return earlier
  const isErased = (digest: string) => known.tombstones.has(keyOf(appKey, digest))
  if (input.requestDigests.some(isErased)) return { kind: 'erased' }
  if (input.by === 'server' && token) {
    const holder = known.set.tokenHolders.get(keyOf(appKey, token.digest))
    if (holder?.isLive) return { kind: 'held', registrationId: holder.registrationId }
    if (holder) return { kind: 'erased' }
    if (input.tokenTombstones.some(isErased)) return { kind: 'erased' }
  }
  const tags = { clear: false, add: input.tags, remove: [] }
  const passed = limitPassed(known.set, { appKey, tags, alias: input.alias, limits })
  if (passed) return passed

  const [requestDigest] = input.requestDigests
  const device = addDevice(known.set, { ...input, seenAt: input.now, requestDigest: requestDigest ?? null })
  if (token) setToken(known.set, device, token)
  setAlias(known.set, device, input.alias)
  changeTags(known.set, device, tags)
  for (const digest of input.requestDigests)
    known.requests.set(keyOf(appKey, digest), [{ appKey, registrationId }])
  return { kind: 'registered', registrationId }
}

/** The answer to a request that came before, whose own answer may have been lost: the same user, with a new secret. */
function repeated(known: Known, input: RegistrationInput): RegistrationOutput | undefined {
  const [key] = input.requestDigests.flatMap(
    (digest) => known.requests.get(keyOf(input.appKey, digest)) ?? [],
  )
  if (!key) return undefined
  const device = deviceIn(known.set, key)
  if (!device?.isLive) return { kind: 'erased' }
  // Another user may have taken the token over in the meantime; the request is the same all the same.
  const isTakenOver = device.tokenDigest === null && (device.isDetached || device.before?.isDetached)
  if (input.token && device.tokenDigest !== input.token.digest && !isTakenOver) return { kind: 'keyReused' }
  device.newSecretDigest = input.secretDigest
  return { kind: 'repeated', registrationId: device.registrationId }
}

async function requestHolders(tx: Tx, inputs: readonly RegistrationInput[]): Promise<Known['requests']> {
  const digests = inputs.flatMap(({ appKey, requestDigests }) =>
    requestDigests.map((digest) => ({ app_key: appKey, request_digest: digest })),
  )
  const rows = await tx.query(REQUEST_HOLDERS, digests)
  return new Map(
    rows.map((row) => [
      keyOf(row.app_key, row.request_digest),
      [{ appKey: row.app_key, registrationId: row.registration_id }],
    ]),
  )
}

function tombstoneKeys(input: RegistrationInput): TombstoneKey[] {
  const requests = input.requestDigests.map((digest) => ({ appKey: input.appKey, digest }))
  return [...requests, ...tokenTombstoneKeys(input)]
}

function tokenTombstoneKeys({ appKey, tokenTombstones }: RegistrationInput): TombstoneKey[] {
  return tokenTombstones.map((digest) => ({ appKey, digest }))
}

const REQUEST_HOLDERS = statement<{
  app_key: string
  request_digest: string
  registration_id: RegistrationId
}>()(
  'devices.request-holders',
  { app_key: 'text', request_digest: 'text' },
  (q) => `select d.app_key, d.request_digest, d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.request_digest = input.request_digest
    where d.request_digest is not null`,
)
