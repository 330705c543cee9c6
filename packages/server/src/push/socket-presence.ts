/** Ties the sockets of this node to the database: who says hello, whose socket is open here, and what clients report. */

import type { AppDirectory } from '../apps/find-app.ts'
import { authenticateDevice } from '../devices/authenticate-device.ts'
import type { DeviceKey } from '../devices/working-set.ts'
import type { Clock } from '../kernel/clock.ts'
import { errorFields, type Log } from '../kernel/log.ts'
import type { Db } from '../schema.ts'
import { recordEvents } from '../statistics/record-events.store.ts'
import { retryDelayMs } from '../work/loop.ts'
import { closePresence, openPresence } from './presence.store.ts'
import { SOCKET_TOPIC } from './push-work.ts'
import type { Sender } from './sender.ts'

export interface SocketPresenceDeps {
  readonly database: Db
  readonly apps: AppDirectory
  readonly clock: Clock
  readonly log: Log
  /** This node as a sender; asked once sockets are taken. */
  readonly sender: () => Sender
}

/** What a user reports of a message over its socket. */
export interface SocketReport {
  readonly msgId: number
  readonly event: 'shown' | 'clicked'
}

/** A report may come before the end of the delivery that it is about is on disk; it is looked for again so many times. Ours. */
const REPORT_TRIES = 6
const REPORT_WAIT_MS = 100
/** Reports that wait at once; those beyond are not counted. Ours. */
const REPORTS_MAX = 5_000

export class SocketPresence {
  readonly #deps: SocketPresenceDeps
  readonly #stopping = new AbortController()
  /** Under which sender each open socket is written down, or may be: a node may join again under another id. */
  readonly #senderIds = new Map<string, string>()
  #reports = 0

  constructor(deps: SocketPresenceDeps) {
    this.#deps = deps
  }

  async authenticate(
    { appKey, registrationId }: DeviceKey,
    deviceSecret: string,
  ): Promise<'live' | 'deleted' | 'unknown' | 'wrongSecret'> {
    const { apps, database } = this.#deps
    const app = await apps.find(appKey)
    if (!app) return 'unknown'
    const found = await authenticateDevice(
      { database },
      { app, registrationId, authorization: `Bearer ${deviceSecret}` },
    )
    if (found.kind === 'device') return 'live'
    if (found.kind === 'deleted') return 'deleted'
    return found.refusal.status === 404 ? 'unknown' : 'wrongSecret'
  }

  /** Answers whether the user is live. What waits for it is sent soon. */
  async open(user: DeviceKey): Promise<boolean> {
    const { database, clock, sender } = this.#deps
    const senderId = sender().id
    // Noted first: when the answer of the write is lost, the end of the socket takes back what may have been written.
    this.#senderIds.set(nameOf(user), senderId)
    const isLive = await database.write(openPresence, { ...userOf(user), senderId, seenAt: clock.now() })
    if (isLive) database.announce(SOCKET_TOPIC)
    return isLive
  }

  /** Tried until it is on disk, or this node stops: as long as a user is written down here, its messages come here. */
  async close(user: DeviceKey): Promise<void> {
    const { database, clock, log } = this.#deps
    const senderId = this.#senderIds.get(nameOf(user))
    this.#senderIds.delete(nameOf(user))
    if (senderId === undefined) return
    for (let attempts = 0; ; attempts++) {
      try {
        await database.write(closePresence, [{ ...userOf(user), senderId }])
        return
      } catch (error) {
        log.error(errorFields(error), 'push.presence-failed')
        if (this.#stopping.signal.aborted) return
      }
      await clock.sleep(retryDelayMs(attempts), this.#stopping.signal)
    }
  }

  report(user: DeviceKey, report: SocketReport): void {
    if (this.#reports >= REPORTS_MAX) return
    this.#reports++
    void this.#record(user, report).finally(() => {
      this.#reports--
    })
  }

  /** From now on everything is tried once: what does not come to disk is cleared up with this node's lease. */
  stop(): void {
    this.#stopping.abort()
  }

  async #record(user: DeviceKey, report: SocketReport): Promise<void> {
    const { database, clock, log } = this.#deps
    try {
      for (let tries = 0; tries < REPORT_TRIES; tries++) {
        const output = await database.write(recordEvents, { ...userOf(user), events: [report] })
        if (output.kind === 'notLive' || output.unknownCount === 0) return
        await clock.sleep(REPORT_WAIT_MS * 2 ** tries, this.#stopping.signal)
      }
    } catch (error) {
      log.error(errorFields(error), 'push.report-failed')
    }
  }
}

function userOf({ appKey, registrationId }: DeviceKey): DeviceKey {
  return { appKey, registrationId }
}

function nameOf({ appKey, registrationId }: DeviceKey): string {
  return `${appKey}\n${registrationId}`
}
