/** Requests that wait for a stream or a connection: the first come is served first, and one whose time is over leaves at once. */

import { OutboundError } from './outbound.ts'

interface Waiting<Served> {
  resolve(served: Served): void
  reject(error: Error): void
}

export class WaitingLine<Served> {
  readonly #waiting = new Set<Waiting<Served>>()

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** @throws OutboundError `deadline` when the signal aborts, and what `failAll` is given. */
  wait(signal: AbortSignal): Promise<Served> {
    return new Promise((resolve, reject) => {
      const end = () => {
        signal.removeEventListener('abort', abort)
        this.#waiting.delete(waiting)
      }
      const waiting: Waiting<Served> = {
        resolve: (served) => {
          end()
          resolve(served)
        },
        reject: (error) => {
          end()
          reject(error)
        },
      }
      const abort = () => waiting.reject(new OutboundError('deadline', 'the time of the request was over'))
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort)
      this.#waiting.add(waiting)
    })
  }

  serveFirst(served: Served): void {
    const [first] = this.#waiting
    first?.resolve(served)
  }

  failAll(error: Error): void {
    for (const { reject } of [...this.#waiting]) reject(error)
  }
}
