/**
 * Announcements between nodes by `listen/notify`, on a session of its own. They are hints, sent after the commit and
 * gathered per turn of the event loop; whoever waits for one also polls, so a lost session costs a second, not an erasure.
 */

import pg from 'pg'
import type { Clock } from '../../kernel/clock.ts'
import { poolOptions } from './connection.ts'

/** Name of the session in `pg_stat_activity`. */
export const ANNOUNCEMENTS_SESSION = 'lethe announcements'

const CHANNEL = 'lethe'
const RECONNECT_MS = 1_000
const NOTIFY = 'select pg_notify($1, topic) from unnest($2::text[]) as topic'

export class Announcements {
  readonly #options: { readonly url: string; readonly clock: Clock }
  readonly #listeners = new Map<string, Set<() => void>>()
  readonly #unsent = new Set<string>()
  readonly #closing = new AbortController()
  #client: pg.Client | undefined
  #isSending = false
  #connecting: Promise<void> | undefined

  constructor(options: { readonly url: string; readonly clock: Clock }) {
    this.#options = options
  }

  send(topic: string): void {
    this.#deliver(topic)
    if (this.#unsent.size === 0) setImmediate(() => void this.#flush())
    this.#unsent.add(topic)
  }

  on(topic: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    this.#connecting ??= this.#connect()
    return () => listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#connecting
  }

  /** One at a time: what is announced meanwhile goes together into the next. */
  async #flush(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    while (this.#unsent.size > 0) {
      const topics = [...this.#unsent]
      this.#unsent.clear()
      await this.#client?.query(NOTIFY, [CHANNEL, topics]).catch(() => {})
    }
    this.#isSending = false
  }

  #deliver(topic: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener()
  }

  /** Keeps one listening session until `close`. After a new connection everybody looks once, since hints were missed. */
  async #connect(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const client = new pg.Client({
        ...poolOptions(this.#options.url, { idleInTransactionMs: 0, work: 'read' }),
        application_name: ANNOUNCEMENTS_SESSION,
      } as pg.ClientConfig)
      const isGone = new Promise<void>((resolve) => client.once('end', resolve))
      client.on('error', () => {})
      client.on('notification', (message) => this.#deliver(message.payload ?? ''))
      try {
        await client.connect()
        await client.query(`listen ${CHANNEL}`)
        this.#client = client
        for (const topic of this.#listeners.keys()) this.#deliver(topic)
        await Promise.race([isGone, aborted(this.#closing.signal)])
      } catch {
        // Not reachable now; polling carries on without us until the next try.
      }
      this.#client = undefined
      await client.end().catch(() => {})
      await this.#options.clock.sleep(RECONNECT_MS, this.#closing.signal)
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
