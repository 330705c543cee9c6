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
import type { Failure, FromWriter, ToWriter, WriteCall, WriterData } from './messages.ts'
import { UnusedSpace } from './unused-space.ts'

/**
 * 10 MB. More than SQLite's own figure, since few checkpoints write fewer pages; not more than this, since everybody waits
 * while one is made.
 */
const LOG_PAGES_MAX = 2_500

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
  const { file, descriptor } = workerData as WriterData
  const connection = openConnection(file, { readonly: false })
  const unused = new UnusedSpace(file, descriptor)
  unused.overwriteAll()
  const post = (message: FromWriter) => {
    port.postMessage(message)
    if (message.kind === 'closed') port.close()
  }
  const writer = new Writer({ connection, unused, units, post })
  port.on('message', (message: ToWriter) => {
    writer.accept(message)
  })
  port.postMessage({ kind: 'ready' } satisfies FromWriter)
}

class Writer {
  readonly #connection: Connection
  readonly #unused: UnusedSpace
  readonly #units: ReadonlyMap<string, AnyUnit>
  readonly #post: (message: FromWriter) => void
  readonly #reader: Reader<never>
  readonly #steps: ReturnType<typeof prepareSteps>
  readonly #interactive: WriteCall[] = []
  readonly #background: WriteCall[] = []
  readonly #scrubs: number[] = []
  #now = 0
  #checkpointAt = LOG_PAGES_MAX
  #interactiveAt = 0
  #backgroundAt = 0
  #wake = () => {}
  #isDraining = false
  #isClosing = false

  constructor(input: {
    connection: Connection
    unused: UnusedSpace
    units: ReadonlyMap<string, AnyUnit>
    post: (message: FromWriter) => void
  }) {
    this.#connection = input.connection
    this.#unused = input.unused
    this.#units = input.units
    this.#post = input.post
    this.#reader = readerOf(input.connection)
    this.#steps = prepareSteps(input.connection)
    // Checkpoints are ours alone: see `#checkpoint`.
    this.#connection.pragma('wal_autocheckpoint = 0')
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
      this.#steps.begin.run()
      outcomes = await this.#runAll(calls)
      isCommitting = true
      this.#steps.commit.run()
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec('rollback')
      const failure: Failure = isCommitting ? { kind: 'unknown' } : failureOf(error)
      outcomes = new Map(calls.map((call) => [call, { failure }]))
    }
    this.#post({ kind: 'done', outcomes: calls.map((call) => ({ id: call.id, ...outcomes.get(call) })) })
    this.#keepLogShort()
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
    this.#steps.savepoint.run()
    try {
      const outputs = await unit.run(this.#transaction(), inputs)
      if (outputs.length !== inputs.length) throw new Error(`${unit.name} gave a wrong number of outputs`)
      this.#steps.release.run()
      return outputs.map((output) => ({ output }))
    } catch (error) {
      // A full disk or an I/O error can end the whole transaction; then nothing in it stands.
      if (!this.#connection.inTransaction) throw error
      this.#connection.exec('rollback to unit')
      this.#steps.release.run()
      if (isUnavailable(error)) throw error
      if (calls.length === 1) return [{ failure: failureOf(error) }]
      const alone: Outcome[] = []
      for (const call of calls) alone.push(...(await this.#runGroup(unit, [call])))
      return alone
    }
  }

  #transaction(): Transaction<never> {
    const isContended = performance.now() - this.#interactiveAt < QUIET_MS
    return { engine: 'sqlite', now: this.#now, isContended, lockNames: async () => {}, ...this.#reader }
  }

  #scrub(ids: readonly number[]): void {
    let isDone = false
    try {
      isDone = this.#checkpoint('truncate').busy === 0
      if (isDone) {
        // The cache holds pages as they were before their unused space was overwritten.
        this.#connection.pragma('shrink_memory')
        this.#unused.overwriteNoted()
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error
    }
    this.#post({ kind: 'scrubbed', ids, isDone })
  }

  /** What SQLite would do by itself. A reader may hold the log; then it is tried again when as much has come to it. */
  #keepLogShort(): void {
    try {
      const { log } = this.#steps.measureLog.get() as LogState
      if (log < LOG_PAGES_MAX) this.#checkpointAt = LOG_PAGES_MAX
      if (log < this.#checkpointAt) return
      this.#checkpoint('passive')
      this.#checkpointAt = log + LOG_PAGES_MAX
    } catch (error) {
      if (!isUnavailable(error)) throw error
    }
  }

  /** Every checkpoint goes this way, so that no page reaches the file without being noted. */
  #checkpoint(mode: 'passive' | 'truncate'): LogState {
    this.#unused.noteWritten()
    return this.#logState(mode)
  }

  #logState(mode: 'passive' | 'truncate'): LogState {
    const [state] = this.#connection.pragma(`wal_checkpoint(${mode})`) as LogState[]
    return state ?? { busy: 1, log: 0 }
  }
}

/** What every transaction runs, prepared once. */
function prepareSteps(connection: Connection) {
  return {
    begin: connection.prepare('begin immediate'),
    commit: connection.prepare('commit'),
    savepoint: connection.prepare('savepoint unit'),
    release: connection.prepare('release unit'),
    measureLog: connection.prepare('pragma wal_checkpoint(noop)'),
  }
}

/** `log`: pages in the write-ahead log. */
interface LogState {
  readonly busy: number
  readonly log: number
}

function failureOf(error: unknown): Failure {
  return isUnavailable(error) ? { kind: 'unavailable' } : { kind: 'fault', error }
}
