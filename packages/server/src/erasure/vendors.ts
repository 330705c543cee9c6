/** Which push services outside knew a user's address: the receipt names them, since Lethe cannot erase there. */

import type { KnownAddress } from '../devices/tombstones.store.ts'

/** The name for the receipt; null where nobody outside knew it. The host of a Web Push endpoint is the same for very many users. */
export function vendorOf(address: KnownAddress | undefined): string | null {
  // Our own socket is nobody outside.
  if (address === undefined || address.token === null || address.token.startsWith('socket:')) return null
  const { platform, token } = address
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
