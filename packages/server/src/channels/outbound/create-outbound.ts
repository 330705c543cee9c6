/** Makes the way to the outside that all channels of a process share. */

import { createDial, type Resolve } from './dial.ts'
import { OriginConnections } from './origin-connections.ts'
import { type Outbound, OutboundError, type OutboundRequest, type OutboundResponse } from './outbound.ts'

export interface OutboundOptions {
  /** Development: allows private and loopback addresses. */
  readonly allowPrivateNetwork: boolean
  /** PEM of a certificate authority that is trusted besides the usual ones. */
  readonly ca?: string
  /** How names are resolved; a test gives another. */
  readonly resolve?: Resolve
  /** Milliseconds for a connection to open; a test gives less. */
  readonly connectMsMax?: number
}

/** Ours: names, TCP and TLS across the world take some hundred milliseconds. */
const CONNECT_MS_MAX = 10_000
/** Origins with connections. Users of Web Push name them, so there must be an end; there are a handful of push services. Ours. */
const ORIGINS_MAX = 1_000
/** How often connections are pinged and unused ones closed. */
const TEND_MS = 15_000

export function createOutbound(options: OutboundOptions): Outbound {
  const dial = createDial({ ...options, connectMsMax: options.connectMsMax ?? CONNECT_MS_MAX })
  return new SharedOutbound((origin) => new OriginConnections(origin, dial))
}

class SharedOutbound implements Outbound {
  readonly #connect: (origin: URL) => OriginConnections
  /** The least recently used first. */
  readonly #origins = new Map<string, OriginConnections>()
  readonly #tending: NodeJS.Timeout
  #isClosed = false

  constructor(connect: (origin: URL) => OriginConnections) {
    this.#connect = connect
    this.#tending = setInterval(() => {
      for (const connections of this.#origins.values()) connections.tend()
    }, TEND_MS)
    this.#tending.unref()
  }

  async request(request: OutboundRequest): Promise<OutboundResponse> {
    if (this.#isClosed) throw new OutboundError('closed', 'requests to the outside have ended')
    return this.#connectionsOf(request.origin).request(request)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#tending)
    for (const connections of this.#origins.values()) connections.close()
    this.#origins.clear()
  }

  #connectionsOf(origin: string): OriginConnections {
    const known = this.#origins.get(origin)
    if (known) return known
    const url = URL.parse(origin)
    if (url?.protocol !== 'https:' || url.username !== '' || url.origin !== origin.toLowerCase()) {
      throw new OutboundError('addressRefused', 'the address is not one that may be called')
    }
    if (this.#origins.size >= ORIGINS_MAX) this.#dropIdle()
    const connections = this.#connect(url)
    this.#origins.set(origin, connections)
    return connections
  }

  #dropIdle(): void {
    for (const [origin, connections] of this.#origins) {
      if (!connections.isIdle) continue
      connections.close()
      this.#origins.delete(origin)
      return
    }
    throw new OutboundError('unreachable', 'too many addresses are called at once')
  }
}
