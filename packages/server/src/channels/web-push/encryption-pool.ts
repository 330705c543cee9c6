/**
 * Threads that encrypt, so that the event loop does not: an encryption takes 140 microseconds, everything else about a
 * send takes 60, and to hand it to a thread and back takes 4 (measured). One pool serves every app of the server.
 *
 *   waiting: jobs of one turn of the event loop gather, and are shared out among the threads
 *   sent:    a thread has at most two batches, the one it works on and the next; what it answers belongs to the oldest
 *   lost:    the thread died. Its jobs are answered `unavailable`, since nothing has been sent to anybody
 *
 * A thread starts when there is work for it: the first time, and again after it was lost.
 */

import { Worker } from 'node:worker_threads'
import type { EncryptedBatch, EncryptionJob } from './encryption-jobs.ts'

export interface EncryptionPool {
  /** Never rejects. A job beyond those that may wait is `unavailable` at once. */
  encrypt(job: EncryptionJob): Promise<Encryption>
  /** Ends the threads; what is under way is answered `unavailable`. */
  close(): Promise<void>
}

export type Encryption =
  | { readonly kind: 'encrypted'; readonly body: Uint8Array }
  /** The keys of the subscription are not a point on the curve and a secret. */
  | { readonly kind: 'keysUnusable' }
  /** Not done, and another time it may be. */
  | { readonly kind: 'unavailable' }

export interface EncryptionPoolDeps {
  /** At least 1. */
  readonly threadCount: number
  /** Hears of an error that ended a thread. */
  readonly onFault: (error: unknown) => void
}

export function createEncryptionPool(deps: EncryptionPoolDeps): EncryptionPool {
  return new Pool(deps)
}

/** How many threads a machine with so many cores should have: one core is for everything else. */
export function encryptionThreadsOn(cores: number): number {
  return Math.max(1, Math.min(cores - 1, THREADS_MAX))
}

/** Ours: four encrypt some 25,000 pushes a second, more than one event loop sends. */
const THREADS_MAX = 4

/** Jobs that wait, in all; ours: what the threads of a small machine do in two seconds. */
const WAITING_MAX = 10_000

/** Jobs of a message: enough that the message costs little, and few enough that it is answered within some 5 ms. */
const BATCH_MAX = 32

const BATCHES_SENT_MAX = 2

interface Waiting {
  readonly job: EncryptionJob
  readonly resolve: (encryption: Encryption) => void
}

const UNAVAILABLE: Encryption = { kind: 'unavailable' }

class Pool implements EncryptionPool {
  readonly #threads: readonly Thread[]
  readonly #waiting: Waiting[] = []
  #isClosed = false

  constructor({ threadCount, onFault }: EncryptionPoolDeps) {
    const onFree = () => this.#shareOut()
    this.#threads = Array.from({ length: threadCount }, () => new Thread({ onFault, onFree }))
  }

  encrypt(job: EncryptionJob): Promise<Encryption> {
    if (this.#isClosed || this.#waiting.length >= WAITING_MAX) return Promise.resolve(UNAVAILABLE)
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#shareOut())
      this.#waiting.push({ job, resolve })
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { resolve } of this.#waiting.splice(0)) resolve(UNAVAILABLE)
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  /** To idle threads first. A few jobs are spread over all of them, many go in whole batches. */
  #shareOut(): void {
    const share = Math.min(BATCH_MAX, Math.ceil(this.#waiting.length / this.#threads.length))
    for (let sent = 0; sent < BATCHES_SENT_MAX; sent++) {
      for (const thread of this.#threads) {
        if (this.#waiting.length === 0) return
        if (thread.batchesSent === sent) thread.send(this.#waiting.splice(0, share))
      }
    }
  }
}

interface ThreadDeps {
  readonly onFault: (error: unknown) => void
  /** Called when a batch was answered or lost. */
  readonly onFree: () => void
}

class Thread {
  readonly #deps: ThreadDeps
  /** Oldest first. */
  readonly #sent: (readonly Waiting[])[] = []
  #worker: Worker | undefined

  constructor(deps: ThreadDeps) {
    this.#deps = deps
  }

  get batchesSent(): number {
    return this.#sent.length
  }

  send(batch: readonly Waiting[]): void {
    this.#worker ??= this.#start()
    this.#sent.push(batch)
    this.#worker.postMessage(batch.map(({ job }) => job))
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL('./encryption-thread.ts', import.meta.url))
    worker.on('message', (bodies: EncryptedBatch) => this.#answer(bodies))
    worker.on('error', this.#deps.onFault)
    worker.on('exit', () => this.#lose())
    return worker
  }

  #answer(bodies: EncryptedBatch): void {
    const batch = this.#sent.shift() ?? []
    this.#deps.onFree()
    batch.forEach(({ resolve }, place) => {
      const body = bodies[place]
      resolve(body ? { kind: 'encrypted', body } : { kind: 'keysUnusable' })
    })
  }

  #lose(): void {
    this.#worker = undefined
    for (const { resolve } of this.#sent.splice(0).flat()) resolve(UNAVAILABLE)
    this.#deps.onFree()
  }
}
