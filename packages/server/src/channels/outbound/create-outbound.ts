/** Makes the way to the outside that all channels of a process share. */

import { createDial, type Resolve } from './dial.ts'
import { type ConnectionTimes, OriginConnections } from './origin-connections.ts'
import { type Outbound, OutboundError, type OutboundRequest, type OutboundResponse } from './outbound.ts'

export interface OutboundOptions {
  /** Development: allows private and loopback addresses. */
  readonly allowPrivateNetwork: boolean
  /** PEM of a certificate authority that is trusted besides the usual ones. */
  readonly ca?: string
  /** How names are resolved; a test gives another. */
  readonly resolve?: Resolve
  /** What differs from the usual times; a test gives shorter ones. */
  readonly times?: Partial<OutboundTimes>
}

export interface OutboundTimes extends ConnectionTimes {
  /** For the name, the connection and TLS together. */
  readonly connectMsMax: number
  /** Between looks at all connections. */
  readonly tendMs: number
}

/** Ours. Names, TCP and TLS across the world take some hundred milliseconds; APNs keeps connections that nobody uses for an hour. */
const TIMES: OutboundTimes = {
  connectMsMax: 10_000,
  tendMs: 5_000,
  idleMs: 300_000,
  quietMs: 60_000,
  suspectMs: 10_000,
  pingMs: 10_000,
  stuckMs: 15_000,
}

/** Origins with connections. Users of Web Push name them, so there must be an end; there are a handful of push services. Ours. */
const ORIGINS_MAX = 1_000

export function createOutbound(options: OutboundOptions): Outbound {
  const times = { ...TIMES, ...options.times }
  const dial = createDial({ ...options, connectMsMax: times.connectMsMax })
  return new SharedOutbound((origin) => new OriginConnections(origin, dial, times), times)
}

class SharedOutbound implements Outbound {
  readonly #connect: (origin: URL) => OriginConnections
  readonly #idleMs: number
  /** By origin and group. */
  readonly #origins = new Map<string, OriginConnections>()
  readonly #tending: NodeJS.Timeout
  #isClosed = false

  constructor(connect: (origin: URL) => OriginConnections, { tendMs, idleMs }: OutboundTimes) {
    this.#connect = connect
    this.#idleMs = idleMs
    this.#tending = setInterval(() => this.#tend(), tendMs)
    this.#tending.unref()
  }

  async request(request: OutboundRequest): Promise<OutboundResponse> {
    if (this.#isClosed) throw new OutboundError('closed', 'requests to the outside have ended')
    return this.#connectionsOf(request).request(request)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#tending)
    for (const key of this.#origins.keys()) this.#drop(key)
  }

  #connectionsOf({ origin, group }: OutboundRequest): OriginConnections {
    const key = group === undefined ? origin : `${origin} ${group}`
    const known = this.#origins.get(key)
    if (known) return known
    const url = URL.parse(origin)
    if (url?.protocol !== 'https:' || url.username !== '' || url.origin !== origin.toLowerCase()) {
      throw new OutboundError('addressRefused', 'the address is not one that may be called')
    }
    if (this.#origins.size >= ORIGINS_MAX) this.#dropLeastUsed()
    const connections = this.#connect(url)
    this.#origins.set(key, connections)
    return connections
  }

  #tend(): void {
    for (const [key, connections] of this.#origins) {
      if ((connections.unusedMs ?? 0) > this.#idleMs) this.#drop(key)
      else connections.tend()
    }
  }

  #dropLeastUsed(): void {
    const unused = [...this.#origins].flatMap(([key, { unusedMs }]) =>
      unusedMs === undefined ? [] : [{ key, unusedMs }],
    )
    const [first] = unused.sort((left, right) => right.unusedMs - left.unusedMs)
    if (!first) throw new OutboundError('unreachable', 'too many addresses are called at once')
    this.#drop(first.key)
  }

  #drop(key: string): void {
    this.#origins.get(key)?.close()
    this.#origins.delete(key)
  }
}
