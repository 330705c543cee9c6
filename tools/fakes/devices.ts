// A browser, an Android phone and an iPhone that the fakes know, ready to be registered.
import { randomBytes } from 'node:crypto'
import { newFcmToken } from '../story/cast.ts'
import type { Vendors } from '../story/vendors.ts'

export type Devices = {
  browser: ReturnType<Vendors['webPush']['subscribe']>
  androidToken: string
  iosToken: string
}

export function makeDevices(webPush: Vendors['webPush']): Devices {
  return {
    browser: webPush.subscribe(),
    androidToken: newFcmToken(),
    iosToken: randomBytes(32).toString('hex'),
  }
}

/** The bodies with which their clients register. */
export function registrationsOf({ browser, androidToken, iosToken }: Devices): object[] {
  return [
    { platform: 'web', subscription: browser.toJSON() },
    { platform: 'android', token: androidToken },
    { platform: 'ios', token: iosToken, apns_production: true },
  ]
}
