/** The pages of an app that are open in one browser: what they decide one after the other, and what they tell each other. */

import { channelNameOf, lockNameOf } from '../names.ts'
import type { Signal } from '../signals.ts'

export class Tabs {
  readonly #lockName: string
  readonly #channel: BroadcastChannel | undefined

  /** `hear` is called with what other pages and the worker tell, and never with what this page tells. */
  constructor(appKey: string, hear: (signal: Signal) => void) {
    this.#lockName = lockNameOf(appKey)
    this.#channel = openChannel(channelNameOf(appKey))
    if (this.#channel) this.#channel.onmessage = ({ data }) => hear(data as Signal)
  }

  tell(signal: Signal): void {
    this.#channel?.postMessage(signal)
  }

  /** While it runs, no other page of the app runs anything in its turn. */
  async inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    if (!navigator.locks) return run()
    return navigator.locks.request(this.#lockName, run)
  }

  close(): void {
    this.#channel?.close()
  }
}

/** Undefined in old browsers, and where the visitor lets sites keep nothing: Firefox then throws. */
function openChannel(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name)
  } catch {
    return undefined
  }
}
