// The load generator, in a thread of its own: ready-made requests over raw sockets, answers told apart by status line and
// Content-Length and not looked into. It is this plain so that it takes as little of the machine as it can.
//
//   closed   every connection sends its next request when the answer to its last one is complete
//   open     requests are due at fixed moments, whatever the answers do; latency counts from when a request was due
//
// Both end when the time is over, the requests are used up, or a message says so, and then wait for what is under way.
import { connect, type Socket } from 'node:net'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Load, LoadOutcome } from './load.ts'

/** How often an open load looks what is due. Its latencies include this millisecond. */
const tickMs = 1

type OnAnswer = (connection: Connection, text: string) => void

class Connection {
  readonly #socket: Socket
  readonly #onAnswer: OnAnswer
  #text = ''
  /** When the request that is under way was due. */
  dueAt = 0

  constructor(load: Load, buffer: Buffer, onAnswer: OnAnswer) {
    this.#onAnswer = onAnswer
    const callback = (count: number, bytes: Uint8Array) => {
      this.#receive((bytes as Buffer).toString('latin1', 0, count))
      return true
    }
    this.#socket = connect({ host: load.host, port: load.port, noDelay: true, onread: { buffer, callback } })
  }

  opened(onEnd: (error: Error) => void): Promise<void> {
    this.#socket.on('error', onEnd)
    this.#socket.on('end', () => onEnd(new Error('the server closed a connection')))
    return new Promise((resolve) => this.#socket.once('connect', resolve))
  }

  send(request: string, dueAt: number): void {
    this.dueAt = dueAt
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: string): void {
    this.#text += chunk
    const headEnd = this.#text.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#text)?.[1]
    if (length === undefined) throw new Error('an answer without Content-Length')
    if (this.#text.length < headEnd + 4 + Number(length)) return
    const text = this.#text
    this.#text = ''
    this.#onAnswer(this, text)
  }
}

class Generator {
  readonly #load: Load
  readonly #port: MessagePort
  readonly #connections: Connection[]
  readonly #latenciesMs: number[] = []
  readonly #statuses: Record<string, number> = {}
  readonly #examples: Record<string, string> = {}
  readonly #collected: { header: string; dueAt: number }[] = []
  readonly #idle: Connection[] = []
  /** Open: when requests were due that found no idle connection. */
  readonly #due: number[] = []
  #startedAt = 0
  #scheduledCount = 0
  #sentCount = 0
  #isOver = false

  constructor(load: Load, port: MessagePort) {
    this.#load = load
    this.#port = port
    const buffer = Buffer.allocUnsafe(65_536)
    const onAnswer: OnAnswer = (connection, text) => this.#settle(connection, text)
    this.#connections = Array.from({ length: load.connections }, () => new Connection(load, buffer, onAnswer))
  }

  async start(): Promise<void> {
    const fail = (error: Error) => {
      throw error
    }
    await Promise.all(this.#connections.map((connection) => connection.opened(fail)))
    this.#startedAt = performance.now()
    if (this.#load.perSecond === undefined) for (const connection of this.#connections) this.#goOn(connection)
    else {
      this.#idle.push(...this.#connections)
      this.#tick(this.#load.perSecond)
    }
  }

  stop(): void {
    this.#isOver = true
  }

  #settle(connection: Connection, text: string): void {
    this.#latenciesMs.push(performance.now() - connection.dueAt)
    const status = text.slice(9, 12)
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    this.#examples[status] ??= text
    const { collect } = this.#load
    if (collect !== undefined) {
      const from = text.indexOf(`\r\n${collect}: `) + collect.length + 4
      const header = text.slice(from, text.indexOf('\r\n', from))
      this.#collected.push({ header, dueAt: connection.dueAt + performance.timeOrigin })
    }
    this.#goOn(connection)
  }

  #goOn(connection: Connection): void {
    const isOpen = this.#load.perSecond !== undefined
    const dueAt = isOpen ? this.#due.shift() : this.#hasMore() ? performance.now() : undefined
    if (dueAt === undefined) {
      this.#idle.push(connection)
      this.#finishWhenIdle()
    } else this.#send(connection, dueAt)
  }

  #send(connection: Connection, dueAt: number): void {
    const { requests } = this.#load
    connection.send(requests[this.#sentCount++ % requests.length] ?? '', dueAt)
  }

  #hasMore(): boolean {
    const { seconds, requests, isRepeating } = this.#load
    if (performance.now() - this.#startedAt >= seconds * 1_000) this.#isOver = true
    if (!isRepeating && Math.max(this.#sentCount, this.#scheduledCount) >= requests.length)
      this.#isOver = true
    return !this.#isOver
  }

  #tick(perSecond: number): void {
    const dueCount = ((performance.now() - this.#startedAt) / 1_000) * perSecond
    while (this.#hasMore() && this.#scheduledCount < dueCount)
      this.#due.push(this.#startedAt + (this.#scheduledCount++ / perSecond) * 1_000)
    for (;;) {
      const dueAt = this.#idle.length > 0 ? this.#due.shift() : undefined
      if (dueAt === undefined) break
      const connection = this.#idle.pop()
      if (connection) this.#send(connection, dueAt)
    }
    if (this.#isOver) this.#finishWhenIdle()
    else setTimeout(() => this.#tick(perSecond), tickMs)
  }

  #finishWhenIdle(): void {
    if (!this.#isOver || this.#due.length > 0 || this.#idle.length < this.#connections.length) return
    const outcome: LoadOutcome = {
      seconds: (performance.now() - this.#startedAt) / 1_000,
      count: this.#latenciesMs.length,
      latenciesMs: Float64Array.from(this.#latenciesMs),
      statuses: this.#statuses,
      examples: this.#examples,
      collected: this.#collected,
    }
    for (const connection of this.#connections) connection.close()
    this.#port.postMessage(outcome)
    this.#port.close()
  }
}

if (!parentPort) throw new Error('the load generator runs in a worker thread only')
const generator = new Generator(workerData as Load, parentPort)
parentPort.on('message', () => generator.stop())
await generator.start()
