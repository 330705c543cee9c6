/** A message of one connection that waits for its acknowledgement, for so long as a send may take. */

import type { Timed } from './timing-wheel.ts'

/** `unacked`: whether it arrived is not known; the client tells two that are the same by their id. */
export type DeliveryEnd = 'acked' | 'unacked'

interface Owner {
  settle(msgId: number, end: DeliveryEnd): void
  expire(waiting: Waiting): void
}

export class Waiting implements Timed {
  readonly msgId: number
  /** False: the socket had no room for it. */
  readonly isWritten: boolean
  readonly end: Promise<DeliveryEnd>
  dueTick: number | undefined
  readonly #owner: Owner
  readonly #signal: AbortSignal
  readonly #resolve: (end: DeliveryEnd) => void
  #isWithdrawn = false

  constructor(
    owner: Owner,
    { msgId, isWritten }: { readonly msgId: number; readonly isWritten: boolean },
    signal: AbortSignal,
  ) {
    this.#owner = owner
    this.msgId = msgId
    this.isWritten = isWritten
    this.#signal = signal
    const { promise, resolve } = Promise.withResolvers<DeliveryEnd>()
    this.end = promise
    this.#resolve = resolve
    signal.addEventListener('abort', this)
  }

  get isWithdrawn(): boolean {
    return this.#isWithdrawn
  }

  /** True the first time. */
  withdraw(): boolean {
    const isNew = !this.#isWithdrawn
    this.#isWithdrawn = true
    return isNew
  }

  /** The owner's alone, once. */
  settle(end: DeliveryEnd): void {
    this.#signal.removeEventListener('abort', this)
    this.#resolve(end)
  }

  onDue(): void {
    this.#owner.expire(this)
  }

  /** The deadline of the send is over. */
  handleEvent(): void {
    this.#owner.settle(this.msgId, 'unacked')
  }
}
