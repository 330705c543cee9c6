/** The own socket of a browser: one for all its pages, kept by the page that holds the lock. The others hear from it. */

import type { Credentials } from '@lethe/client/client-api.ts'
import { OwnSocket, type SocketEnd } from '@lethe/client/own-socket.ts'
import type { SocketEvent } from '@lethe/protocol/socket.ts'
import type { WebMessage } from '@lethe/protocol/web-message.ts'

export interface OnlineOptions {
  readonly url: string
  readonly lockName: string
  readonly onMessage: (message: WebMessage) => void
  readonly onWithdraw: (msgId: string) => void
  readonly onChange: (isOpen: boolean) => void
  readonly onEnd: (why: SocketEnd) => void
}

export class Online {
  readonly #options: OnlineOptions
  /** Whose socket is wanted. */
  #self: Credentials | undefined
  #socket: OwnSocket | undefined
  #giveUp: AbortController | undefined

  constructor(options: OnlineOptions) {
    this.#options = options
  }

  start(self: Credentials): void {
    if (this.#self?.registrationId === self.registrationId) return
    this.stop()
    this.#self = self
    this.#giveUp = new AbortController()
    void this.#hold(self, this.#giveUp.signal)
  }

  stop(): void {
    this.#self = undefined
    this.#giveUp?.abort()
  }

  /** Does nothing in a page that has not the socket. */
  report(msgId: string, event: SocketEvent): void {
    this.#socket?.report(msgId, event)
  }

  async #hold(self: Credentials, signal: AbortSignal): Promise<void> {
    const run = () => this.#run(self, signal)
    if (!navigator.locks) return run()
    // Rejects when it is given up before the lock was had.
    await navigator.locks.request(this.#options.lockName, { signal }, run).catch(() => {})
  }

  #run(self: Credentials, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const { url, onMessage, onWithdraw, onChange, onEnd } = this.#options
      const end = () => {
        socket.close()
        this.#socket = undefined
        resolve()
      }
      const socket = new OwnSocket({
        url,
        self,
        // In a browser a socket carries what a Web Push carries.
        onMessage: (message) => onMessage(message as WebMessage),
        onWithdraw,
        onChange,
        onEnd: (why) => {
          end()
          onEnd(why)
        },
      })
      this.#socket = socket
      signal.addEventListener('abort', end)
    })
  }
}
