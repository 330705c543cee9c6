/** The sockets that are open on this node, as far as sending needs to know of them. */

import type { DeviceKey } from '../devices/working-set.ts'

export interface OwnSockets {
  isConnected(user: DeviceKey): boolean
  /** Every user whose socket is open. */
  connected(): Iterable<DeviceKey>
  /** Closes the user's socket, if it has one, because the user was deleted (4410). */
  closeDeleted(user: DeviceKey): void
  /** Closes all, because this node does not see the database any more: clients connect to another. */
  closeAll(): void
  /** Tells those who got the message over their open socket to take it down. */
  withdraw(appKey: string, msgId: number): void
}
