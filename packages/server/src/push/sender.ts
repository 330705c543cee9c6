/**
 * This node as a sender: its lease, and its answers to fences. States:
 *
 *   out -> in    `join`: nothing is in flight, and nothing is sent before the join is on disk
 *   in -> in     every answer renews the lease
 *   in -> out    the lease was over when it was to be renewed: others have been told that this node is dead. It joins again
 *                under a new id
 *
 * Sends may begin only while the last answer is younger than two thirds of the lease by this node's own clock that never
 * jumps. So a node that was stopped, or cut off from the database, sends nothing that nobody waits for.
 */

import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { type Random, randomId } from '../kernel/random.ts'
import type { Db } from '../schema.ts'
import { OutcomeUnknown, StorageUnavailable } from '../storage/errors.ts'
import { type Loop, startLoop } from '../work/loop.ts'
import type { InFlight } from './in-flight.ts'
import {
  answerFence,
  type FencedUser,
  joinSenders,
  leaveSenders,
  readFence,
  readFenced,
  releaseHolds,
} from './sender.store.ts'

export interface SenderDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly inFlight: InFlight
  /** Whether this node has nothing in hand, takes nothing, and has no socket open. */
  readonly isIdle: () => boolean
  /** How long others take this node for alive when it is silent, by the database's clock. */
  readonly leaseMs: number
  /** Topics of announcements: that there is a fence to answer, and that one was answered. */
  readonly topics: { readonly fence: string; readonly pastFence: string }
  /** Users that were deleted, whether or not something is in flight to them. */
  readonly onDeleted: (user: { appKey: string; registrationId: RegistrationId }) => void
  /** Whether sends may begin has changed. */
  readonly onStanding: (maySend: boolean) => void
}

export interface Sender {
  /** Stands in what this node has in hand. */
  readonly id: string
  /** Whether a send may begin at this moment. */
  maySend(): boolean
  /** The same, of something that was taken under this id: with another id, others have taken it over. */
  maySendAs(id: string): boolean
  stop(): Promise<void>
}

/** A node whose last answer is older sends nothing: two thirds of the lease, and never more than 5 s without a look at the erasures (design sections 1.4 and 3). */
const STANDING_MS_MAX = 5_000
/** Fences are looked for this often, announced or not; below a second, in which nothing may arrive any more after a deletion. */
const POLL_MS = 500
/** Idle nodes renew their lease so many times while it lasts. */
const RENEWALS = 5
/** One process has the database for itself: there is nobody to be taken for dead by. */
const FOREVER_MS = 100 * 365 * 86_400_000

export async function startSender(deps: SenderDeps): Promise<Sender> {
  const sender = new JoinedSender(deps)
  await sender.join()
  sender.start()
  return sender
}

class JoinedSender implements Sender {
  readonly #deps: SenderDeps
  readonly #leaseMs: number
  #id = ''
  #fence = 0
  /** The latest claim of this node that it knows to be on disk; undefined: it has not asked yet. */
  #claims: number | undefined
  #renewedAt = Number.NEGATIVE_INFINITY
  #wasStanding = true
  #isStopped = false
  #loop: Loop | undefined
  #ended: string[] = []
  #stopListening = () => {}

  constructor(deps: SenderDeps) {
    this.#deps = deps
    this.#leaseMs = deps.database.engine === 'sqlite' ? FOREVER_MS : deps.leaseMs
  }

  get id(): string {
    return this.#id
  }

  maySend(): boolean {
    if (this.#isStopped) return false
    const standingMs = Math.min(STANDING_MS_MAX, (this.#leaseMs * 2) / 3)
    return this.#leaseMs === FOREVER_MS || this.#deps.clock.monotonic() - this.#renewedAt < standingMs
  }

  maySendAs(id: string): boolean {
    return id === this.#id && this.maySend()
  }

  async join(): Promise<void> {
    const { database, random, clock } = this.#deps
    const senderId = randomId(random)
    const begunAt = clock.monotonic()
    const isAlone = database.engine === 'sqlite'
    this.#fence = await database.write(joinSenders, { senderId, leaseMs: this.#leaseMs, isAlone })
    this.#id = senderId
    this.#claims = undefined
    this.#renewedAt = begunAt
  }

  start(): void {
    const { database, clock, log, topics } = this.#deps
    this.#loop = startLoop({
      clock,
      pollMs: POLL_MS,
      gatherMs: 0,
      run: () => this.#run(),
      onFailure: (error) => {
        this.#tellStanding()
        log.error(errorFields(error), 'push.fence-failed')
      },
    })
    this.#stopListening = database.onAnnounced(topics.fence, this.#loop.wake)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#stopListening()
    await this.#loop?.stop()
    const { database, topics } = this.#deps
    try {
      await database.write(leaveSenders, this.#id)
    } catch (error) {
      // Without the database there is nobody to tell; the lease tells it later.
      if (error instanceof StorageUnavailable || error instanceof OutcomeUnknown) return
      throw error
    }
    database.announce(topics.pastFence)
  }

  async #run(): Promise<'done'> {
    const { database, clock } = this.#deps
    await this.#release()
    const begunAt = clock.monotonic()
    const fence = await readFence(database.read)
    const isRenewalDue = this.#leaseMs !== FOREVER_MS && begunAt - this.#renewedAt > this.#leaseMs / RENEWALS
    if (fence > this.#fence) await this.#answer(fence, begunAt)
    else if (isRenewalDue) await this.#renew(fence, [], begunAt)
    this.#tellStanding()
    return 'done'
  }

  async #answer(fence: number, begunAt: number): Promise<void> {
    const { database, topics, onDeleted } = this.#deps
    const users = await readFenced(database.read, this.#fence, fence)
    const held = users.filter((user) => this.#isHeld(user))
    await this.#renew(
      fence,
      held.map((user) => user.erasure_id),
      begunAt,
    )
    this.#fence = fence
    for (const user of users) onDeleted({ appKey: user.app_key, registrationId: user.registration_id })
    database.announce(topics.pastFence)
  }

  /** Watched before the answer is written: a send that ends in between is released behind it. */
  #isHeld({ app_key: appKey, registration_id: registrationId, erasure_id }: FencedUser): boolean {
    return this.#deps.inFlight.watch({ appKey, registrationId }, () => {
      this.#ended.push(erasure_id)
      this.#loop?.wake()
    })
  }

  async #renew(fence: number, heldErasureIds: readonly string[], begunAt: number): Promise<void> {
    const output = await this.#deps.database.write(answerFence, {
      senderId: this.#id,
      leaseMs: this.#leaseMs,
      fence,
      heldErasureIds,
      // What was claimed by the last answer is in hand by now, or has ended.
      settled: this.#claims !== undefined && this.#deps.isIdle() ? this.#claims : null,
    })
    if (output.kind === 'kept') {
      this.#renewedAt = begunAt
      this.#claims = output.claims
      return
    }
    // Others have taken over what this node had in hand, its sockets included.
    this.#deps.onStanding(false)
    await this.join()
  }

  async #release(): Promise<void> {
    const { database, topics } = this.#deps
    const ended = this.#ended.splice(0)
    if (ended.length === 0) return
    try {
      await database.write(releaseHolds, { senderId: this.#id, erasureIds: ended })
    } catch (error) {
      this.#ended.push(...ended)
      throw error
    }
    database.announce(topics.pastFence)
  }

  #tellStanding(): void {
    const isStanding = this.maySend()
    if (isStanding !== this.#wasStanding) this.#deps.onStanding(isStanding)
    this.#wasStanding = isStanding
  }
}
