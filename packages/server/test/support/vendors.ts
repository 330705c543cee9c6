/** The vendors' fakes in one form, for tests in which it does not matter which of them it is. */

import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { FakeBehaviour as ApnsBehaviour } from '../../src/channels/apns/fake-apns.ts'
import { startFakeApns } from '../../src/channels/apns/fake-apns.ts'
import type { FakeBehaviour as FcmBehaviour } from '../../src/channels/fcm/fake-fcm.ts'
import { startFakeFcm } from '../../src/channels/fcm/fake-fcm.ts'
import type { FakeBehaviour as WebPushBehaviour } from '../../src/channels/web-push/fake-mailbox.ts'
import { startFakeWebPush } from '../../src/channels/web-push/fake-web-push.ts'
import type { Clock } from '../../src/kernel/clock.ts'

export interface StartInput {
  readonly t: TestContext
  readonly clock: Clock
  /** Where the server looks for it; absent: where it is. */
  readonly publicOrigin?: string
}

/** `Behaviour`: how a vendor's fake is told to fail. */
export interface Vendor<Behaviour> {
  readonly name: 'webPush' | 'fcm' | 'apns'
  start(input: StartInput): Promise<Provider<Behaviour>>
}

export interface Provider<Behaviour> {
  readonly port: number
  /** PEM. */
  readonly ca: string
  /** For one app, as an operator sets them; null: the app's own keys will do. */
  credentials(): { readonly path: string; readonly body: object } | null
  /** `publicKey`: that of the app for Web Push. */
  addUser(publicKey: string): ProviderUser<Behaviour>
}

export interface ProviderUser<Behaviour> {
  /** As a client registers. */
  readonly registration: object
  /** One for each message that arrived: by what a later one replaces it. */
  received(): readonly string[]
  /** Undefined: messages for the user are taken again. */
  behave(behaviour: Behaviour | undefined): void
}

export const webPushVendor: Vendor<WebPushBehaviour> = {
  name: 'webPush',
  start: async ({ t, clock, publicOrigin }) => {
    const fake = await startFakeWebPush({ clock, ...(publicOrigin === undefined ? {} : { publicOrigin }) })
    t.after(() => fake.close())
    return {
      port: fake.port,
      ca: fake.ca,
      credentials: () => null,
      addUser: (publicKey) => {
        const subscription = fake.subscribe(publicKey)
        return {
          registration: { platform: 'web', subscription: subscription.toJSON() },
          received: () => subscription.received.map(({ topic }) => topic ?? ''),
          behave: (behaviour = { kind: 'take' }) => {
            subscription.behaviour = behaviour
          },
        }
      },
    }
  },
}

export const fcmVendor: Vendor<FcmBehaviour> = {
  name: 'fcm',
  start: async ({ t, clock, publicOrigin }) => {
    const fake = await startFakeFcm({ clock })
    t.after(() => fake.close())
    const body = { ...fake.serviceAccount(), endpoint: publicOrigin ?? fake.origin }
    return {
      port: portOf(fake.origin),
      ca: fake.cert,
      credentials: () => ({ path: 'fcm', body }),
      addUser: () => {
        const token = `phone-${randomBytes(20).toString('hex')}`
        return {
          registration: { platform: 'android', token },
          received: () => fake.received(token).map(tagOf),
          behave: (behaviour) => fake.behave(token, behaviour),
        }
      },
    }
  },
}

export const apnsVendor: Vendor<ApnsBehaviour> = {
  name: 'apns',
  start: async ({ t, clock, publicOrigin }) => {
    const fake = await startFakeApns({ clock })
    t.after(() => fake.close())
    return {
      port: portOf(fake.origin),
      ca: fake.cert,
      credentials: () => {
        const { key, keyId, teamId, topic } = fake.credentials()
        const endpoint = publicOrigin ?? fake.origin
        return { path: 'apns', body: { key, key_id: keyId, team_id: teamId, topic, endpoint } }
      },
      addUser: () => {
        const token = randomBytes(32).toString('hex')
        return {
          registration: { platform: 'ios', token, apns_production: true },
          received: () => fake.received(token).map(({ headers }) => headers['apns-collapse-id'] ?? ''),
          behave: (behaviour) => fake.behave(token, behaviour),
        }
      },
    }
  },
}

function portOf(origin: string): number {
  return Number(new URL(origin).port)
}

function tagOf(message: object): string {
  const { android } = message as { android?: { notification?: { tag?: string } } }
  return android?.notification?.tag ?? ''
}
