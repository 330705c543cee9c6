// A desktop for a browser without one: a D-Bus session bus of its own, on which `org.freedesktop.Notifications` is the only
// service. A browser shows its notifications there, as it does on any Linux desktop, and learns of clicks from there, so
// that a click takes the browser's own way from its first step. (Desktop Notifications Specification 1.2)
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { makeTemporaryFolder } from '../temporary-folder.ts'
import {
  type DbusMessage,
  DbusReader,
  type DbusValue,
  parseMessage,
  writeBody,
  writeMessage,
} from './dbus-message.ts'

export type DesktopNotification = {
  id: number
  title: string
  body: string
  /** Keys of what can be clicked; `default` is the notification itself. */
  actions: string[]
}

const busName = 'org.freedesktop.DBus'
const serviceName = 'org.freedesktop.Notifications'
const servicePath = '/org/freedesktop/Notifications'
/** The service's own address on the bus. */
const serviceAddress = ':1.0'
const capabilities = ['actions', 'body', 'persistence']
/** Of a notification that the browser took back. */
const closedByCall = 3
/** Of a notification that the user dismissed, which a click does too. */
const closedByUser = 2

export async function startFakeDesktop(): Promise<FakeDesktop> {
  const desktop = new FakeDesktop()
  await desktop.listen()
  return desktop
}

export class FakeDesktop {
  readonly #folder = makeTemporaryFolder('desktop')
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  readonly #shown = new Map<number, DesktopNotification>()
  #notificationCount = 0
  #connectionCount = 0

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** For the environment of the browser: `DBUS_SESSION_BUS_ADDRESS`. */
  get address(): string {
    return `unix:path=${this.#socketFile}`
  }

  /** Those that the user sees now, oldest first. */
  get shown(): readonly DesktopNotification[] {
    return [...this.#shown.values()]
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#socketFile)
    await once(this.#server, 'listening')
  }

  /** The user clicks the notification (`default`) or one of its buttons. It goes, as on a desktop. */
  click(id: number, action = 'default'): void {
    this.#signal('ActionInvoked', [id, action])
    this.#close(id, closedByUser)
  }

  /** The user closes them all. */
  dismissAll(): void {
    for (const { id } of this.shown) this.#close(id, closedByUser)
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#connections) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    this.#folder.remove()
  }

  get #socketFile(): string {
    return path.join(this.#folder.path, 'bus')
  }

  #accept(socket: Socket): void {
    const name = `:1.${++this.#connectionCount}`
    const connection = new Connection(name, socket, (message) => {
      if (message.kind === 'call') this.#answer(connection, message)
    })
    this.#connections.add(connection)
    socket.once('close', () => this.#connections.delete(connection))
  }

  #answer(connection: Connection, call: DbusMessage): void {
    const values = call.destination === busName ? this.#askBus(connection, call) : this.#askService(call)
    const sender = call.destination === busName ? busName : serviceAddress
    const answer = { replySerial: call.serial, destination: connection.name, sender }
    if (values) connection.send({ kind: 'return', ...answer, values })
    else {
      const errorName = `${busName}.Error.ServiceUnknown`
      connection.send({ kind: 'error', ...answer, errorName, values: ['There is no such service.'] })
    }
  }

  /** Undefined: refused. */
  #askBus(connection: Connection, { member, body }: DbusMessage): readonly DbusValue[] | undefined {
    switch (member) {
      case 'Hello':
        return [connection.name]
      case 'AddMatch':
      case 'RemoveMatch':
        // Everybody hears every signal; the rules only say what of them is wanted.
        return []
      case 'NameHasOwner':
        return [new DbusReader(body).text() === serviceName]
      case 'GetNameOwner':
        return new DbusReader(body).text() === serviceName ? [serviceAddress] : undefined
      case 'ListNames':
      case 'ListActivatableNames':
        return [[busName, serviceName]]
      default:
        return undefined
    }
  }

  #askService(call: DbusMessage): readonly DbusValue[] | undefined {
    if (call.destination !== serviceName && call.destination !== serviceAddress) return undefined
    switch (call.member) {
      case 'GetCapabilities':
        return [capabilities]
      case 'GetServerInformation':
        return ['Lethe fake desktop', 'Lethe', '1.0', '1.2']
      case 'Notify':
        return [this.#show(new DbusReader(call.body))]
      case 'CloseNotification':
        this.#close(new DbusReader(call.body).uint32(), closedByCall)
        return []
      default:
        return undefined
    }
  }

  /** Notify(application s, replaces u, icon s, summary s, body s, actions as, …): its hints are not read. */
  #show(reader: DbusReader): number {
    reader.text()
    const id = reader.uint32() || ++this.#notificationCount
    reader.text()
    const [title, body] = [reader.text(), reader.text()]
    const actions = reader.texts().filter((_, index) => index % 2 === 0)
    this.#shown.set(id, { id, title, body, actions })
    return id
  }

  #close(id: number, reason: number): void {
    if (this.#shown.delete(id)) this.#signal('NotificationClosed', [id, reason])
  }

  #signal(member: string, values: readonly DbusValue[]): void {
    const signal = {
      kind: 'signal',
      path: servicePath,
      interface: serviceName,
      sender: serviceAddress,
    } as const
    for (const connection of this.#connections) connection.send({ ...signal, member, values })
  }
}

type Outgoing = Omit<DbusMessage, 'serial' | 'body' | 'signature'> & { values: readonly DbusValue[] }

/** One program on the bus. It greets in lines of text ("Authentication Protocol"), and from BEGIN on it sends messages. */
class Connection {
  readonly name: string
  readonly socket: Socket
  readonly #onMessage: (message: DbusMessage) => void
  #bytes = Buffer.alloc(0)
  #hasBegun = false
  #serial = 0

  constructor(name: string, socket: Socket, onMessage: (message: DbusMessage) => void) {
    this.name = name
    this.socket = socket
    this.#onMessage = onMessage
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    // A browser that ends tears its connections down.
    socket.on('error', () => socket.destroy())
  }

  send({ values, ...message }: Outgoing): void {
    const { signature, body } = writeBody(values)
    const typed = signature === '' ? {} : { signature }
    this.socket.write(writeMessage({ ...message, ...typed, serial: ++this.#serial, body }))
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    while (!this.#hasBegun) {
      const end = this.#bytes.indexOf('\r\n')
      if (end < 0) return
      const line = this.#bytes.toString('latin1', 0, end).replace(/^\0/, '')
      this.#bytes = this.#bytes.subarray(end + 2)
      this.#greet(line)
    }
    for (let found = parseMessage(this.#bytes); found; found = parseMessage(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(found.length)
      this.#onMessage(found.message)
    }
  }

  #greet(line: string): void {
    if (line === 'BEGIN') this.#hasBegun = true
    else if (line.startsWith('AUTH EXTERNAL ')) this.socket.write(`OK ${randomBytes(16).toString('hex')}\r\n`)
    else this.socket.write(line.startsWith('AUTH') ? 'REJECTED EXTERNAL\r\n' : 'ERROR\r\n')
  }
}
