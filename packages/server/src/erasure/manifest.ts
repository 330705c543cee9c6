/** Manifests of bulk deletions: one signed text for up to a thousand erasures, without the name of anybody. */

import { erasuresPerManifestMax, type ManifestClaims, manifestType } from '@lethe/protocol/manifest.ts'
import { digestAlgorithm } from '@lethe/protocol/receipt.ts'
import { assert } from '../kernel/assert.ts'
import type { Engine } from '../storage/database.ts'
import { remains } from './holdings.ts'
import { type ReceiptInput, signClaims, wireTime } from './receipt.ts'
import type { SealingErasure } from './seal.store.ts'
import type { SigningKeys } from './signing-keys.ts'

/** An erasure that is about to be finished, and when, in milliseconds of the database's clock. */
export type Member = SealingErasure & { readonly erasedAt: number }

export interface MemberGroup {
  readonly appKey: string
  readonly deletionId: string
  readonly members: readonly Member[]
}

/** Divides erasures of bulk deletions into manifests: each is of one deletion and one version of the app's key. */
export function manifestsOf(erasures: readonly Member[]): MemberGroup[] {
  const groups = Map.groupBy(erasures, ({ deletion_id, key_version }) => `${deletion_id}\n${key_version}`)
  return [...groups.values()].flatMap((members) => {
    const [first] = members
    assert(first?.deletion_id != null, 'a manifest is of a bulk deletion')
    const { app_key: appKey, deletion_id: deletionId } = first
    const count = Math.ceil(members.length / erasuresPerManifestMax)
    return Array.from({ length: count }, (_, index) => ({
      appKey,
      deletionId,
      members: members.slice(index * erasuresPerManifestMax, (index + 1) * erasuresPerManifestMax),
    }))
  })
}

export interface ManifestInput extends Pick<ReceiptInput, 'issuer' | 'personalColumns'> {
  readonly engine: Engine
  readonly manifestId: string
  readonly deletionId: string
  /** Of one app and one version of its key. */
  readonly members: readonly Member[]
}

/** The manifest as a compact JWS (RFC 7515), EdDSA over Ed25519. */
export function signManifest(keys: SigningKeys, input: ManifestInput): Promise<string> {
  return signClaims(keys, manifestType, manifestClaims(input))
}

export function manifestClaims(input: ManifestInput): ManifestClaims {
  const { issuer, engine, personalColumns, manifestId, deletionId, members } = input
  const [first] = members
  assert(first, 'a manifest of nobody')
  const removed = sumOfRemoved(members)
  const signedAt = Math.max(...members.map(({ erasedAt }) => erasedAt))
  const vendors = members.flatMap(({ vendor }) => (vendor === null ? [] : [vendor]))
  return {
    iss: issuer,
    jti: manifestId,
    iat: Math.floor(signedAt / 1_000),
    app_key: first.app_key,
    deletion_id: deletionId,
    registration_id_digests: {
      alg: digestAlgorithm,
      key_version: first.key_version,
      values: members.map(({ id_digest }) => id_digest).sort(),
    },
    hidden_at: spanOf(members.map(({ accepted_at }) => accepted_at)),
    removed_at: spanOf(members.map(removedAt)),
    erased_at: spanOf(members.map(({ erasedAt }) => erasedAt)),
    removed,
    columns: Object.fromEntries(
      Object.keys(removed).map((table) => [table, [...(personalColumns[table] ?? [])]]),
    ),
    verified: { tables: lookedThroughByAll(members), rows_left: 0 },
    remains: remains(engine, [...new Set(vendors)].sort()),
    told: [],
  }
}

function removedAt({ removed_at }: Member): number {
  assert(removed_at !== null, 'a manifest is for rows that were removed')
  return removed_at
}

function sumOfRemoved(members: readonly Member[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { removed } of members) {
    assert(removed !== null, 'a manifest counts what was removed')
    for (const [table, rows] of Object.entries(JSON.parse(removed) as Record<string, number>)) {
      sums[table] = (sums[table] ?? 0) + rows
    }
  }
  return sums
}

/** The tables that each second look went through; nodes of two versions may have looked. */
function lookedThroughByAll(members: readonly Member[]): string[] {
  const looks = new Set(members.map(({ looked_through }) => looked_through))
  const [first, ...others] = [...looks].map((look) => {
    assert(look !== null, 'a manifest is for second looks that were taken')
    return JSON.parse(look) as string[]
  })
  return (first ?? []).filter((table) => others.every((tables) => tables.includes(table)))
}

function spanOf(times: readonly number[]): { first: string; last: string } {
  return { first: wireTime(Math.min(...times)), last: wireTime(Math.max(...times)) }
}
