/** Web Push subscriptions as a browser makes them, for tests. */

import { createECDH, randomBytes } from 'node:crypto'

export interface TestSubscription {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/** A subscription with keys of its own. */
export function subscriptionAt(endpoint: string): TestSubscription {
  return {
    endpoint,
    keys: {
      p256dh: createECDH('prime256v1').generateKeys('base64url'),
      auth: randomBytes(16).toString('base64url'),
    },
  }
}
