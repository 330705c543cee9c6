/**
 * The channels of each app, made from its credentials, and made anew when they change. A channel that was replaced is closed
 * once its sends have ended.
 */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { App } from '../apps/app.ts'
import type { Channel, ChannelName } from '../channels/channel.ts'
import { Slots } from './slots.ts'

export type MakeChannel = (app: App, name: ChannelName) => Channel

export interface ActiveChannel {
  readonly channel: Channel
  readonly slots: Slots
}

/** The vendor's channel of each platform. HarmonyOS has none yet: its users are reached over their own sockets. */
const VENDOR_CHANNELS: Readonly<Record<Platform, ChannelName | undefined>> = {
  web: 'webPush',
  android: 'fcm',
  ios: 'apns',
  hmos: undefined,
}

interface Made extends ActiveChannel {
  readonly revision: number
}

export class AppChannels {
  readonly #make: MakeChannel
  readonly #made = new Map<string, Made>()

  constructor(make: MakeChannel) {
    this.#make = make
  }

  /** The channel by which a vendor reaches users of this platform; undefined: the app has no credentials for it. */
  vendorOf(app: App, platform: Platform): ActiveChannel | undefined {
    // An app that is for trying out sends nothing to anybody.
    const name = app.channels.has('stub') ? 'stub' : VENDOR_CHANNELS[platform]
    const credential = name === undefined ? undefined : app.channels.get(name)
    if (name === undefined || credential === undefined) return undefined
    return this.#of(app, name, credential.revision)
  }

  /** The app's own sockets. */
  socketOf(app: App): ActiveChannel {
    return this.#of(app, 'socket', 0)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map(({ channel }) => channel.close()))
    this.#made.clear()
  }

  #of(app: App, name: ChannelName, revision: number): ActiveChannel {
    const key = `${app.appKey}\n${name}`
    const known = this.#made.get(key)
    if (known?.revision === revision) return known
    const channel = this.#make(app, name)
    const made = { channel, revision, slots: new Slots(channel.sendsMax) }
    this.#made.set(key, made)
    if (known) void known.slots.drained().then(() => known.channel.close())
    return made
  }
}
