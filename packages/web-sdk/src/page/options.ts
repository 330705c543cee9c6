/** How a site calls `init`, and what happens to it. */

import type { LetheError } from '@lethe/client/lethe-error.ts'
import type { WebMessage } from '@lethe/protocol/web-message.ts'
import type { Permission } from './browser-push.ts'

export interface InitOptions {
  readonly appKey: string
  /** Where Lethe is; absent: where the script was loaded from. */
  readonly baseUrl?: string
  /** The site's own file that loads the worker's part. Its folder is what the worker rules over. */
  readonly serviceWorker?: string
  /**
   * `manual`: the visitor is asked when the site calls `requestPermission()`, from a click. `immediate`: at once, which
   * browsers other than Chromium refuse, and visitors dislike.
   */
  readonly prompt?: 'manual' | 'immediate'
  /** False: messages come while a page is open, and the browser's push service is left alone. */
  readonly push?: boolean
  /** Where a click leads when the message does not say; absent: to the folder of the worker. */
  readonly openUrl?: string
  /** For so many days a visitor who does not come is remembered: 400, which is the most that browsers keep a cookie. */
  readonly cookieDays?: number
  /** Listeners that are there from the beginning, and so hear what happens during `init` too. */
  readonly on?: { readonly [Name in keyof LetheEvents]?: (detail: LetheEvents[Name]) => void }
}

/**
 * - `registered`: the server knows this browser's user.
 * - `optedOut`: it does, and the visitor wants no messages.
 * - `deleted`: the user was deleted. Nothing is asked and nobody is prompted until the visitor clears the site's cookies,
 *   or `startOver()` is called.
 * - `unavailable`: there is no user, since this browser can keep none or the server could not be asked.
 */
export type State = 'registered' | 'optedOut' | 'deleted' | 'unavailable'

/**
 * - `storage`: the browser keeps nothing for this site (blocked, or some private windows).
 * - `insecure`: the page is neither https nor on localhost.
 * - `push`: the user is there, and this browser cannot subscribe to push; messages come while a page is open.
 * - `network`: the server could not be asked; it is asked again when the browser is back online.
 * - `refused`: the server does not want this page; its words are in `error`.
 */
export type UnavailableReason = 'storage' | 'insecure' | 'push' | 'network' | 'refused'

/** A message that has come while the page is open. */
export interface MessageDetail {
  readonly message: WebMessage
  /** `push`: the worker shows it already. `socket`: nobody does, unless this page does. */
  readonly via: 'push' | 'socket'
  /** To be called when the page has shown a message that came over the socket. */
  shown(): void
  /** To be called when the visitor has clicked it. */
  clicked(): void
}

export type LetheEvents = {
  /** The user is known to the server. `isNew`: registered just now. */
  readonly registered: { readonly registrationId: string; readonly isNew: boolean }
  /** The user was deleted, here or elsewhere. */
  readonly deleted: Record<never, never>
  readonly message: MessageDetail
  /** A message was withdrawn: it is to be taken down. */
  readonly withdraw: { readonly msgId: string }
  /** A notification was clicked, or the button with this id; the empty string: none. */
  readonly click: { readonly message: WebMessage; readonly action: string }
  readonly permission: { readonly permission: Permission }
  readonly unavailable: { readonly reason: UnavailableReason; readonly error?: Error | LetheError }
  /** Whether messages come over the own socket at the moment. */
  readonly online: { readonly isOnline: boolean }
}
