/**
 * The thread that writes. All writes of the server happen here, one transaction at a time:
 *
 *   idle -> draining: a message arrived; `setImmediate` lets more arrive first, so that they share a commit
 *   draining: while anything waits
 *     interactive calls first, all that wait in one durable transaction, each unit's inputs behind a savepoint;
 *     a background call in a transaction of its own, or a scrub, once nobody has asked for anything for a moment, or when it has
 *     waited long enough: clients that were answered just now are about to ask again, and should not find the thread busy;
 *     between two transactions the thread looks for new messages
 *   draining -> idle: nothing waits
 *   draining -> closed: nothing waits and the main thread asked to close
 *
 * If a unit throws, its savepoint is rolled back and its inputs run again one by one, so that a poisoned input fails
 * alone. If the outer transaction dies, every call in it fails.
 */

import { parentPort, workerData } from 'node:worker_threads'
import type { Reader, Transaction, Unit } from '../database.ts'
import { type Connection, isUnavailable, openConnection, readerOf } from './connection.ts'
import type { Failure, FromWriter, ToWriter, WriteCall } from './messages.ts'

type AnyUnit = Unit<unknown, unknown>
type Outcome = { readonly output: unknown } | { readonly failure: Failure }

/** One commit takes at most this many calls: what waits behind it should not wait for more than some 50 ms. */
const COMMIT_CALLS_MAX = 512

/** A pause of interactive calls this long is taken for quiet: longer than the way of an answer to a client and back. */
const QUIET_MS = 3

/** Under a load that never pauses, background work still gets a turn this often. */
const BACKGROUND_WAIT_MAX_MS = 100

/** Serves the main thread until it closes the port. `units` is every unit by name. */
export function runWriter(units: ReadonlyMap<string, AnyUnit>): void {
  const port = parentPort
  if (!port) throw new Error('the writer runs in a worker thread only')
  const connection = openConnection((workerData as { file: string }).file, { readonly: false })
  const writer = new Writer(connection, units, (message) => {
    port.postMessage(message)
    if (message.kind === 'closed') port.close()
  })
  port.on('message', (message: ToWriter) => {
    writer.accept(message)
  })
  port.postMessage({ kind: 'ready' } satisfies FromWriter)
}

class Writer {
  readonly #connection: Connection
  readonly #units: ReadonlyMap<string, AnyUnit>
  readonly #post: (message: FromWriter) => void
  readonly #reader: Reader<never>
  readonly #interactive: WriteCall[] = []
  readonly #background: WriteCall[] = []
  readonly #scrubs: number[] = []
  #now = 0
  #interactiveAt = 0
  #backgroundAt = 0
  #wake = () => {}
  #isDraining = false
  #isClosing = false

  constructor(
    connection: Connection,
    units: ReadonlyMap<string, AnyUnit>,
    post: (message: FromWriter) => void,
  ) {
    this.#connection = connection
    this.#units = units
    this.#post = post
    this.#reader = readerOf(connection)
  }

  accept(message: ToWriter): void {
    if (message.kind === 'close') this.#isClosing = true
    else if (message.kind === 'scrub') this.#scrubs.push(message.id)
    else {
      this.#now = Math.max(this.#now, message.now)
      for (const call of message.calls) this.#queueOf(call).push(call)
    }
    this.#wake()
    if (this.#isDraining) return
    this.#isDraining = true
    setImmediate(() => void this.#drain())
  }

  #queueOf(call: WriteCall): WriteCall[] {
    return this.#unit(call.unit).kind === 'interactive' ? this.#interactive : this.#background
  }

  #unit(name: string): AnyUnit {
    const unit = this.#units.get(name)
    if (!unit) throw new Error(`the write unit ${name} is missing from units.ts`)
    return unit
  }

  async #drain(): Promise<void> {
    while (this.#interactive.length + this.#background.length + this.#scrubs.length > 0) {
      if (this.#interactive.length > 0) {
        await this.#commit(this.#interactive.splice(0, COMMIT_CALLS_MAX))
        this.#interactiveAt = performance.now()
      } else if (this.#isBackgroundDue()) {
        await this.#runBackground()
        this.#backgroundAt = performance.now()
      } else await this.#rest()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#isDraining = false
    if (!this.#isClosing) return
    this.#connection.close()
    this.#post({ kind: 'closed' })
  }

  #isBackgroundDue(): boolean {
    const now = performance.now()
    return now - this.#interactiveAt >= QUIET_MS || now - this.#backgroundAt >= BACKGROUND_WAIT_MAX_MS
  }

  async #runBackground(): Promise<void> {
    const call = this.#background.shift()
    if (call) await this.#commit([call])
    else this.#scrub(this.#scrubs.splice(0))
  }

  /** Until there is a new message, or quiet. */
  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, QUIET_MS)
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    this.#wake = () => {}
  }

  /** Runs the calls in one transaction and posts their outcomes once it is on disk. */
  async #commit(calls: readonly WriteCall[]): Promise<void> {
    let outcomes: Map<WriteCall, Outcome>
    let isCommitting = false
    try {
      this.#connection.exec('begin immediate')
      outcomes = await this.#runAll(calls)
      isCommitting = true
      this.#connection.exec('commit')
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec('rollback')
      const failure: Failure = isCommitting ? { kind: 'unknown' } : failureOf(error)
      outcomes = new Map(calls.map((call) => [call, { failure }]))
    }
    this.#post({ kind: 'done', outcomes: calls.map((call) => ({ id: call.id, ...outcomes.get(call) })) })
  }

  async #runAll(calls: readonly WriteCall[]): Promise<Map<WriteCall, Outcome>> {
    const outcomes = new Map<WriteCall, Outcome>()
    for (const [name, group] of Map.groupBy(calls, (call) => call.unit)) {
      const results = await this.#runGroup(this.#unit(name), group)
      group.forEach((call, index) => {
        const result = results[index]
        if (result) outcomes.set(call, result)
      })
    }
    return outcomes
  }

  async #runGroup(unit: AnyUnit, calls: readonly WriteCall[]): Promise<Outcome[]> {
    const inputs = calls.map((call) => call.input)
    this.#connection.exec('savepoint unit')
    try {
      const outputs = await unit.run(this.#transaction(), inputs)
      if (outputs.length !== inputs.length) throw new Error(`${unit.name} gave a wrong number of outputs`)
      this.#connection.exec('release unit')
      return outputs.map((output) => ({ output }))
    } catch (error) {
      // A full disk or an I/O error can end the whole transaction; then nothing in it stands.
      if (!this.#connection.inTransaction) throw error
      this.#connection.exec('rollback to unit')
      this.#connection.exec('release unit')
      if (isUnavailable(error)) throw error
      if (calls.length === 1) return [{ failure: failureOf(error) }]
      const alone: Outcome[] = []
      for (const call of calls) alone.push(...(await this.#runGroup(unit, [call])))
      return alone
    }
  }

  #transaction(): Transaction<never> {
    return { engine: 'sqlite', now: this.#now, lockNames: async () => {}, ...this.#reader }
  }

  #scrub(ids: readonly number[]): void {
    let isDone = false
    try {
      const [row] = this.#connection.pragma('wal_checkpoint(truncate)') as { busy: number }[]
      isDone = row?.busy === 0
    } catch (error) {
      if (!isUnavailable(error)) throw error
    }
    this.#post({ kind: 'scrubbed', ids, isDone })
  }
}

function failureOf(error: unknown): Failure {
  return isUnavailable(error) ? { kind: 'unavailable' } : { kind: 'fault', error }
}
