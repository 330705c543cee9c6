/**
 * Messages for users whose own socket is open on this node. The rows are the queue: they are marked with this node when
 * they are put there, or when the socket opens, and taken off once the user has acknowledged.
 */

import { keyOf } from '../devices/working-set.ts'
import { errorFields } from '../kernel/log.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import type { ClaimedMessage } from './claim.store.ts'
import { type Delivery, deliverBySocket, type Now, notSent } from './deliver.ts'
import { deliveryOf } from './direct-work.ts'
import { readMessages } from './messages.ts'
import type { OwnSockets } from './own-sockets.ts'
import { readForSockets } from './presence.store.ts'
import type { PushWorkDeps } from './push-work.ts'
import { readRecipients } from './recipients.store.ts'
import { Results } from './results.ts'
import { readWithdrawn } from './withdraw-push.store.ts'

/** Messages that wait for their acknowledgements on one node; ours. */
const IN_HAND_MAX = 10_000
const READ_MAX = 500
const POLL_MS = 1_000

export class SocketWork {
  readonly #deps: PushWorkDeps
  readonly #sockets: OwnSockets
  readonly #results: Results
  readonly #inHand = new Set<string>()
  readonly #loop: Loop
  /** Pushes withdrawn before this instant of the database's clock have been told. */
  #toldUntil: number | undefined
  /** Those that the last look has found: it overlaps with the next. */
  #told: ReadonlySet<number> = new Set()

  constructor(deps: PushWorkDeps, sockets: OwnSockets) {
    this.#deps = deps
    this.#sockets = sockets
    this.#results = new Results(deps, (result) => {
      this.#inHand.delete(nameOf(result))
    })
    this.#loop = startLoop({
      clock: deps.clock,
      pollMs: POLL_MS,
      gatherMs: 0,
      run: () => this.#run(),
      onFailure: (error) => deps.log.error(errorFields(error), 'push.sockets-failed'),
    })
  }

  get isIdle(): boolean {
    return this.#inHand.size === 0
  }

  wake(): void {
    this.#loop.wake()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#results.stop()
  }

  async #run(): Promise<'more' | 'done'> {
    const { database, sender } = this.#deps
    await this.#tellWithdrawn()
    if (!sender.maySend() || this.#inHand.size >= IN_HAND_MAX) return 'done'
    const limit = READ_MAX + this.#inHand.size
    const waiting = await readForSockets(database.read, sender.id, limit)
    const fresh = waiting.filter((message) => !this.#inHand.has(nameOf(message)))
    if (fresh.length === 0) return 'done'
    const now = await this.#now()
    await this.#send(fresh, now)
    return waiting.length === limit ? 'more' : 'done'
  }

  async #now(): Promise<Now> {
    const { database, clock } = this.#deps
    const now = await database.now()
    const begunAt = clock.monotonic()
    return () => now + clock.monotonic() - begunAt
  }

  async #send(messages: readonly ClaimedMessage[], now: Now): Promise<void> {
    const deliveries = await this.#load(messages)
    for (const [message, delivery] of deliveries) {
      this.#inHand.add(nameOf(message))
      this.#results.expect()
      if (delivery === undefined) this.#results.add({ ...notSent(message), end: { kind: 'dropped' } })
      else void deliverBySocket(this.#deps, delivery, now).then((result) => this.#results.add(result))
    }
  }

  async #load(
    messages: readonly ClaimedMessage[],
  ): Promise<(readonly [ClaimedMessage, Delivery | undefined])[]> {
    const { database, apps } = this.#deps
    const found = await readMessages(
      database,
      messages.map(({ msgId }) => msgId),
    )
    const recipients = await readRecipients(database.read, messages)
    return Promise.all(
      messages.map(async (one) => {
        const app = await apps.find(one.appKey)
        const message = found.get(one.msgId)
        const recipient = recipients.get(keyOf(one.appKey, one.registrationId))
        if (!app || !message || !recipient) return [one, undefined] as const
        const isConnected = this.#sockets.isConnected(one)
        return [one, { ...deliveryOf(one, { message, recipient }), app, isConnected }] as const
      }),
    )
  }

  /** A node that hears of it late tells it late: it looks at least as often as it polls. */
  async #tellWithdrawn(): Promise<void> {
    const { database } = this.#deps
    const since = this.#toldUntil ?? (await database.now())
    const withdrawn = await readWithdrawn(database.read, since - OVERLAP_MS)
    for (const { app_key, msg_id } of withdrawn) {
      if (!this.#told.has(msg_id)) this.#sockets.withdraw(app_key, msg_id)
    }
    this.#told = new Set(withdrawn.map(({ msg_id }) => msg_id))
    this.#toldUntil = withdrawn.reduce((latest, row) => Math.max(latest, row.withdrawn_at), since)
  }
}

/** A withdrawal becomes visible somewhat after the time that it carries; telling it twice is harmless. */
const OVERLAP_MS = 5_000

function nameOf({
  appKey,
  registrationId,
  msgId,
}: Pick<ClaimedMessage, 'appKey' | 'registrationId' | 'msgId'>) {
  return `${keyOf(appKey, registrationId)}\n${msgId}`
}
