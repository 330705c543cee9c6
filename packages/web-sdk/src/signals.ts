/** What the pages of an app and its worker tell each other over their channel. */

import type { SocketEvent } from '@lethe/protocol/socket.ts'
import type { WebMessage } from '@lethe/protocol/web-message.ts'

export type Signal =
  /** Another page has registered, changed or deleted the user: look again. */
  | { readonly type: 'changed' }
  | { readonly type: 'message'; readonly message: WebMessage; readonly via: 'push' | 'socket' }
  | { readonly type: 'withdraw'; readonly msgId: string }
  | { readonly type: 'click'; readonly message: WebMessage; readonly action: string }
  /** For the page that has the socket. */
  | { readonly type: 'report'; readonly msgId: string; readonly event: SocketEvent }
