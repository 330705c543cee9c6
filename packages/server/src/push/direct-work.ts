/**
 * Messages to single users, and what channels have put off: takes what is due of all apps in turn, sends each by itself, and
 * writes what became of them in batches. A slow user or app holds up its own messages only.
 */

import { keyOf } from '../devices/working-set.ts'
import { errorFields } from '../kernel/log.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import { type ClaimedMessage, claimMessages } from './claim.store.ts'
import { type Delivery, deliverAll, type Now, notSent } from './deliver.ts'
import type { SendResult } from './finish-sends.store.ts'
import { type Message, readMessages } from './messages.ts'
import { CountByApp, type PushWorkDeps } from './push-work.ts'
import { type RecipientRow, readRecipients } from './recipients.store.ts'
import { Results } from './results.ts'

/** Messages taken at once, in hand on one node, and in hand of one app. Ours. */
const CLAIM_MAX = 500
const IN_HAND_MAX = 8_000
const IN_HAND_PER_APP_MAX = 4_000
const POLL_MS = 500

export class DirectWork {
  readonly #deps: PushWorkDeps
  readonly #results: Results
  readonly #inHand = new CountByApp()
  readonly #loop: Loop
  #afterApp = ''
  #isClaiming = false

  constructor(deps: PushWorkDeps) {
    this.#deps = deps
    this.#results = new Results(deps, (result) => this.#onWritten(result))
    this.#loop = startLoop({
      clock: deps.clock,
      pollMs: POLL_MS,
      gatherMs: 0,
      run: () => this.#run(),
      onFailure: (error) => deps.log.error(errorFields(error), 'push.claim-failed'),
    })
  }

  get isIdle(): boolean {
    return !this.#isClaiming && this.#inHand.total === 0
  }

  wake(): void {
    this.#loop.wake()
  }

  /** Takes nothing more, and ends once everything in hand is written. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#results.stop()
  }

  async #run(): Promise<'more' | 'done'> {
    const { sender, database, clock } = this.#deps
    if (!sender.maySend() || this.#inHand.total > IN_HAND_MAX - CLAIM_MAX) return 'done'
    this.#isClaiming = true
    try {
      const claim = await database.write(claimMessages, {
        senderId: sender.id,
        limit: CLAIM_MAX,
        busyApps: this.#inHand.atLeast(IN_HAND_PER_APP_MAX),
        afterApp: this.#afterApp,
      })
      this.#afterApp = claim.lastApp
      for (const { appKey } of claim.messages) this.#inHand.add(appKey, 1)
      const begunAt = clock.monotonic()
      void this.#send(claim.messages, () => claim.now + clock.monotonic() - begunAt)
      return claim.hasMore ? 'more' : 'done'
    } finally {
      this.#isClaiming = false
    }
  }

  async #send(claimed: readonly ClaimedMessage[], now: Now): Promise<void> {
    for (const _ of claimed) this.#results.expect()
    try {
      const deliveries = await this.#load(claimed)
      for (const sending of await deliverAll(this.#deps, deliveries, now)) {
        void sending.then((result) => this.#results.add(result))
      }
    } catch (error) {
      this.#deps.log.error(errorFields(error), 'push.send-failed')
      for (const message of claimed) this.#results.add(notSent(message))
    }
  }

  /** Messages whose user or content is gone are done with at once. */
  async #load(claimed: readonly ClaimedMessage[]): Promise<Delivery[]> {
    const { database, apps } = this.#deps
    const messages = await readMessages(
      database,
      claimed.map(({ msgId }) => msgId),
    )
    const recipients = await readRecipients(database.read, claimed)
    const deliveries: Delivery[] = []
    for (const one of claimed) {
      const app = await apps.find(one.appKey)
      const message = messages.get(one.msgId)
      const recipient = recipients.get(keyOf(one.appKey, one.registrationId))
      if (app && message && recipient) deliveries.push({ ...deliveryOf(one, { message, recipient }), app })
      else this.#results.add({ ...notSent(one), end: { kind: 'dropped' } })
    }
    return deliveries
  }

  #onWritten({ appKey }: SendResult): void {
    const wasFull = this.#inHand.total > IN_HAND_MAX - CLAIM_MAX
    this.#inHand.add(appKey, -1)
    if (wasFull) this.#loop.wake()
  }
}

export function deliveryOf(
  { senderId, registrationId, alias, expiresAt, attempts }: ClaimedMessage,
  { message, recipient }: { message: Message; recipient: RecipientRow },
): Omit<Delivery, 'app'> {
  return {
    senderId,
    message,
    registrationId,
    platform: recipient.platform,
    token: recipient.token,
    p256dh: recipient.token_p256dh,
    auth: recipient.token_auth,
    environment: recipient.token_environment,
    language: recipient.language,
    alias,
    expiresAt,
    attempts,
    isConnected: false,
    isUrgent: true,
  }
}
