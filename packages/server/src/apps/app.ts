/** An application as the rest of the server sees it: who it is, what it may do, and the keys of its digests. */

import type { AppLimits } from '@lethe/protocol/limits.ts'

export interface AppSettings {
  /** Addresses and CIDR ranges from which the server API may be called; empty: from everywhere. */
  readonly allowedAddresses: readonly string[]
  /** Origins whose pages may use the client API; empty: only pages of this server's own origin. */
  readonly origins: readonly string[]
  readonly limits: AppLimits
}

/** A key of the digests in tombstones. Digests are made with the newest; a look-up tries all. */
export interface ErasureKey {
  readonly version: number
  readonly key: Uint8Array
}

export interface App {
  readonly appKey: string
  readonly name: string
  readonly secretDigest: string
  readonly settings: AppSettings
  /** Newest first; never empty. */
  readonly erasureKeys: readonly [ErasureKey, ...ErasureKey[]]
  readonly createdAt: number
}
