/** An application as the rest of the server sees it: who it is, what it may do, and the keys of its digests. */

import type { AppLimits } from '@lethe/protocol/limits.ts'
import type { CredentialChannel } from './channel-credentials.store.ts'

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

/** What a channel needs to speak to its vendor, as the channel's own parser has accepted it. */
export interface ChannelCredentials {
  /** Another one after every change: what was made from the credentials is to be made anew. */
  readonly revision: number
  readonly credentials: object
}

export interface App {
  readonly appKey: string
  readonly name: string
  readonly secretDigest: string
  readonly settings: AppSettings
  /** Newest first; never empty. */
  readonly erasureKeys: readonly [ErasureKey, ...ErasureKey[]]
  /** The channels that are set. It can be asked by the name of any channel; the socket needs no credentials and is never in it. */
  readonly channels: ReadonlyMap<CredentialChannel | 'socket', ChannelCredentials>
  readonly createdAt: number
}

/** The key that browsers subscribe with, base64url of 65 bytes; null when the app has no Web Push. */
export function webPushPublicKey({ channels }: App): string | null {
  const credentials = channels.get('webPush')?.credentials ?? {}
  return 'publicKey' in credentials && typeof credentials.publicKey === 'string'
    ? credentials.publicKey
    : null
}
