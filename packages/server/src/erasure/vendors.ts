/** Which push services outside knew a user's address: the receipt names them, since Lethe cannot erase there. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { Token } from '../kernel/personal.ts'

export interface KnownAddress {
  readonly platform: Platform
  readonly token: Token
}

/** The name for the receipt. The host of a Web Push endpoint is the same for very many users. */
export function vendorOf({ platform, token }: KnownAddress): string {
  switch (platform) {
    case 'web':
      return `Web Push service at ${URL.parse(token)?.host ?? 'an address of its own'}`
    case 'android':
      return 'Firebase Cloud Messaging (Google)'
    case 'ios':
      return 'Apple Push Notification service'
    case 'hmos':
      return 'Huawei Push Kit'
  }
}
