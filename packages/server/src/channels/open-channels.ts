/** Makes the channels of apps, and what all of them share: the way to the outside and the threads that encrypt. */

import { availableParallelism } from 'node:os'
import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import type { Random } from '../kernel/random.ts'
import { createApnsChannel } from './apns/apns-channel.ts'
import type { ApnsCredentials } from './apns/credentials.ts'
import type { Channel, ChannelName, EventTokenFor } from './channel.ts'
import type { FcmCredentials } from './fcm/credentials.ts'
import { createFcmChannel } from './fcm/fcm-channel.ts'
import { createOutbound } from './outbound/create-outbound.ts'
import type { Outbound } from './outbound/outbound.ts'
import { createStubChannel } from './stub/stub-channel.ts'
import type { WebPushCredentials } from './web-push/credentials.ts'
import { createEncryptionPool, encryptionThreadsOn } from './web-push/encryption-pool.ts'
import { createWebPushChannel } from './web-push/web-push-channel.ts'

export interface ChannelsDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Development: requests may go to private and loopback addresses. */
  readonly allowPrivateNetwork: boolean
  /** PEM of a certificate authority that is trusted besides the usual ones. */
  readonly trustedCa?: string | undefined
  /** Stands before the way to the outside. A test with real browsers leads requests for fixed hosts to its fakes. */
  readonly leadOutbound?: ((outbound: Outbound) => Outbound) | undefined
}

export interface Channels {
  /** A vendor's channel of one app. The credentials have passed the channel's own parser. */
  make(name: Exclude<ChannelName, 'socket'>, ofApp: ChannelOfApp): Channel
  close(): Promise<void>
}

/** What a channel has from its app. */
export interface ChannelOfApp {
  readonly credentials: object
  readonly eventTokenFor: EventTokenFor
}

export function openChannels(deps: ChannelsDeps): Channels {
  const { clock, random, log, allowPrivateNetwork, trustedCa, leadOutbound = (outbound) => outbound } = deps
  const outbound = leadOutbound(
    createOutbound({ allowPrivateNetwork, ...(trustedCa === undefined ? {} : { ca: trustedCa }) }),
  )
  const encryption = createEncryptionPool({
    threadCount: encryptionThreadsOn(availableParallelism()),
    onFault: (error) => log.error(errorFields(error), 'channels.thread-lost'),
  })
  return {
    make: (name, { credentials, eventTokenFor }): Channel => {
      switch (name) {
        case 'webPush':
          return createWebPushChannel(
            { outbound, encryption, clock, eventTokenFor },
            credentials as WebPushCredentials,
          ) as Channel
        case 'fcm':
          return createFcmChannel({ outbound, clock, random }, credentials as FcmCredentials) as Channel
        case 'apns':
          return createApnsChannel({ outbound, clock }, credentials as ApnsCredentials) as Channel
        case 'stub':
          return createStubChannel({ clock }) as Channel
      }
    },
    close: async () => {
      await outbound.close()
      await encryption.close()
    },
  }
}
