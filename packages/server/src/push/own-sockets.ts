/** The sockets that are open on this node, as far as sending needs to know of them. */

import type { DeviceKey } from '../devices/working-set.ts'

export interface OwnSockets {
  /** How many there are, those included whose user has not said hello yet. */
  readonly size: number
  isConnected(user: DeviceKey): boolean
  /** Every socket whose user is written down as connected here. */
  connected(): Iterable<OwnSocket>
  /** Closes the user's socket, if it has one, because the user was deleted (4410). */
  closeDeleted(user: DeviceKey): void
  /** Closes all, because this node does not see the database any more: clients connect to another. */
  closeAll(): void
  /** Tells those who got the message over their open socket to take it down. */
  withdraw(appKey: string, msgId: number): void
}

export interface OwnSocket extends DeviceKey {
  /** `replaced`: by a newer one on another node (4409). `lost`: the client connects again. Without effect on one that is closed. */
  close(reason: 'replaced' | 'lost'): void
}
