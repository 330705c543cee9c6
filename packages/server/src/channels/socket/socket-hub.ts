/**
 * The sockets of users that are open on this node. A user has one: a newer takes the place of the older. Nothing is kept here
 * that has to survive: what waits for a user stands in the database, and who is connected to which node as well.
 */

import { type CloseCode, closeCodes, type SocketEvent } from '@lethe/protocol/socket.ts'
import type { ClientHello } from '@lethe/protocol/socket-client-frame.ts'
import type { Clock } from '../../kernel/clock.ts'
import { errorFields, type Log } from '../../kernel/log.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import { Connection, type ConnectionHost, type OutgoingMessage, type SocketLike } from './connection.ts'
import { TimingWheel } from './timing-wheel.ts'
import { Turns } from './turns.ts'
import type { DeliveryEnd } from './waiting.ts'

export interface SocketUser {
  readonly appKey: string
  readonly registrationId: RegistrationId
}

export interface SocketReport {
  readonly msgId: number
  readonly event: SocketEvent
}

export interface ConnectedSocket extends SocketUser {
  /** `replaced`: by a newer one on another node. `lost`: nobody else knows of it. Without effect on one that is closed. */
  close(reason: 'replaced' | 'lost'): void
}

/** Who is at the other end. Whether the user was deleted is decided before the secret is looked at. */
export type Standing = 'live' | 'deleted' | 'unknown' | 'wrongSecret'

export interface SocketHubDeps {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly log: Pick<Log, 'error'>
  /** A rejection closes the socket; the client comes back later. */
  authenticate(user: SocketUser, deviceSecret: string): Promise<Standing>
  /**
   * The user's socket is open, and messages may be given to `deliver`. Answers whether the user is still live: asked only
   * now, so that no deletion falls between the authentication and the moment from which `closeDeleted` finds the socket.
   * A rejection closes the socket. Calls about one user never overlap.
   */
  onConnected(user: SocketUser): Promise<boolean>
  /** The user has no socket here any more; follows `onConnected`, once for several that replaced one another. */
  onDisconnected(user: SocketUser): Promise<void>
  /** Reported by the client, perhaps twice, and perhaps before the end of the delivery is on disk. */
  onEvent(user: SocketUser, event: SocketReport): void
  /** Sockets of this node, those that have not said hello yet included; absent: `CONNECTIONS_MAX`. */
  readonly connectionsMax?: number
}

/** Ours: an idle socket was measured to take 11 KB, so that these take about a gigabyte. */
const CONNECTIONS_MAX = 100_000
const TICK_MS = 1_000
/** How long clients may take to close when the server stops. Ours. */
const GRACE_MS = 2_000

export function createSocketHub(deps: SocketHubDeps): SocketHub {
  return new SocketHub(deps)
}

export class SocketHub implements ConnectionHost {
  readonly wheel = new TimingWheel()
  readonly #deps: SocketHubDeps
  readonly #connectionsMax: number
  readonly #sockets = new Set<Connection>()
  readonly #byApp = new Map<string, Map<RegistrationId, Connection>>()
  /** Users whose last socket was closed, which is not told yet. */
  readonly #leaving = new Map<string, Connection>()
  readonly #turns = new Turns()
  readonly #stopping = new AbortController()
  readonly #ticking: Promise<void>
  #onEmpty = () => {}

  constructor(deps: SocketHubDeps) {
    this.#deps = deps
    this.#connectionsMax = deps.connectionsMax ?? CONNECTIONS_MAX
    this.#ticking = this.#tick()
  }

  /** How many sockets there are, whoever is at the other end. */
  get size(): number {
    return this.#sockets.size
  }

  /** Takes over a socket that was just opened; whoever has it tells the answer what comes in, and when it is gone. */
  accept(socket: SocketLike, appKey: string): Pick<Connection, 'heard' | 'ponged' | 'gone'> {
    const connection = new Connection(this, socket, appKey)
    const isFull = this.#sockets.size >= this.#connectionsMax
    this.#sockets.add(connection)
    if (this.#stopping.signal.aborted) connection.close(closeCodes.serverRestarts)
    else if (isFull) connection.close(closeCodes.tooMany)
    return connection
  }

  isConnected(user: SocketUser): boolean {
    return this.#connectionOf(user) !== undefined
  }

  /** Every socket whose user is written down as connected here. */
  *connected(): Generator<ConnectedSocket> {
    for (const [appKey, connections] of this.#byApp)
      for (const [registrationId, connection] of connections)
        if (connection.isKnown)
          yield { appKey, registrationId, close: (reason) => connection.close(REASONS[reason]) }
  }

  /**
   * Writes a message in this turn of the event loop, and answers when the client has acknowledged it. `unacked`: it did
   * not in time, the socket was closed, the client does not keep up, or `signal` aborted.
   */
  deliver(
    user: SocketUser,
    message: OutgoingMessage,
    signal: AbortSignal,
  ): Promise<DeliveryEnd | 'notConnected'> {
    return this.#connectionOf(user)?.deliver(message, signal) ?? Promise.resolve('notConnected')
  }

  /** Told to those who got the message over the socket that they have now, and not twice. */
  withdraw(appKey: string, msgId: number): void {
    for (const connection of this.#byApp.get(appKey)?.values() ?? []) connection.withdraw(msgId)
  }

  /** The user was deleted: closes the socket, if there is one, and nothing more is written to it. */
  closeDeleted(user: SocketUser): void {
    this.#connectionOf(user)?.closeDeleted()
  }

  /** Clients come back, to another node where there is one. */
  closeAll(): void {
    for (const connection of [...this.#sockets]) connection.close(closeCodes.serverRestarts)
  }

  /** Closes all, cuts those that take their time, and resolves once everybody was told. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.closeAll()
    const waited = new AbortController()
    this.#onEmpty = () => waited.abort()
    if (this.#sockets.size > 0) await this.#deps.clock.sleep(GRACE_MS, waited.signal)
    for (const connection of [...this.#sockets]) connection.terminate()
    await this.#turns.drained()
    await this.#ticking
  }

  onHello(connection: Connection, { registrationId, deviceSecret, received }: ClientHello): void {
    const user = { appKey: connection.appKey, registrationId: registrationId as RegistrationId }
    const welcome = async () => {
      const standing = await this.#deps.authenticate(user, deviceSecret)
      if (standing !== 'live') connection.close(CLOSE_CODES[standing])
      else if (!connection.isClosed) await this.#open(connection, user, received)
    }
    this.#turns.take(nameOf(user), welcome).catch((error) => {
      this.#deps.log.error(errorFields(error), 'socket.hello-failed')
      connection.close(closeCodes.tryAgainLater)
    })
  }

  onEvent(connection: Connection, report: SocketReport): void {
    const user = userOf(connection)
    if (user) this.#deps.onEvent(user, report)
  }

  onClosed(connection: Connection): void {
    const user = userOf(connection)
    if (!user) return
    const connections = this.#byApp.get(user.appKey)
    if (connections?.get(user.registrationId) === connection) connections.delete(user.registrationId)
    if (connections?.size === 0) this.#byApp.delete(user.appKey)
    const name = nameOf(user)
    this.#leaving.set(name, connection)
    const leave = async () => {
      // A newer socket may have been opened meanwhile; then its end is the one to tell.
      if (this.#leaving.get(name) !== connection) return
      this.#leaving.delete(name)
      await this.#deps.onDisconnected(user)
    }
    this.#turns.take(name, leave).catch((error) => {
      this.#deps.log.error(errorFields(error), 'socket.leave-failed')
    })
  }

  onGone(connection: Connection): void {
    this.#sockets.delete(connection)
    if (this.#sockets.size === 0) this.#onEmpty()
  }

  async #open(connection: Connection, user: SocketUser, received: readonly number[]): Promise<void> {
    this.#connectionOf(user)?.close(closeCodes.replaced)
    this.#leaving.delete(nameOf(user))
    this.#connectionsOf(user.appKey).set(user.registrationId, connection)
    connection.welcome(user.registrationId, received)
    if (await this.#deps.onConnected(user)) connection.isKnown = true
    else connection.closeDeleted()
  }

  #connectionOf({ appKey, registrationId }: SocketUser): Connection | undefined {
    return this.#byApp.get(appKey)?.get(registrationId)
  }

  #connectionsOf(appKey: string): Map<RegistrationId, Connection> {
    const known = this.#byApp.get(appKey)
    if (known) return known
    const connections = new Map<RegistrationId, Connection>()
    this.#byApp.set(appKey, connections)
    return connections
  }

  async #tick(): Promise<void> {
    const { clock } = this.#deps
    const begunAt = clock.monotonic()
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal)
      const tick = Math.floor((clock.monotonic() - begunAt) / TICK_MS)
      for (const item of this.wheel.advance(tick)) item.onDue()
    }
  }
}

const CLOSE_CODES: Readonly<Record<Exclude<Standing, 'live'>, CloseCode>> = {
  deleted: closeCodes.deleted,
  unknown: closeCodes.unknownUser,
  wrongSecret: closeCodes.wrongSecret,
}

const REASONS: Readonly<Record<Parameters<ConnectedSocket['close']>[0], CloseCode>> = {
  replaced: closeCodes.replaced,
  lost: closeCodes.serverRestarts,
}

function nameOf({ appKey, registrationId }: SocketUser): string {
  return `${appKey}\n${registrationId}`
}

function userOf({ appKey, registrationId }: Connection): SocketUser | undefined {
  return registrationId === undefined ? undefined : { appKey, registrationId }
}
