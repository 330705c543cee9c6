// One connection of Mobile Connection Server, over which Google's push service speaks with a browser: a version byte, and from
// then on messages of a tag, a length and Protocol Buffers (Chromium: google_apis/gcm/protocol/mcs.proto). Messages to
// the browser are acknowledged by their persistent ids when it logs in the next time.
import type { Socket } from 'node:net'
import {
  bytesField,
  numberField,
  type ProtobufFields,
  parseProtobuf,
  readVarint,
  textOf,
  varint,
} from './protobuf.ts'

/** A message as `DataMessageStanza`, ready to send. */
export type McsMessage = { persistentId: string; stanza: Buffer }

export type McsEvents = {
  /** `received`: persistent ids of messages that this device has got. */
  onLogin(login: { deviceId: string; received: ReadonlySet<string> }): void
  onClose(): void
}

const version = 41
const tags = { heartbeatPing: 0, heartbeatAck: 1, loginRequest: 2, loginResponse: 3, dataMessage: 8 } as const
/** Fields of `LoginRequest`. */
const login = { user: 3, receivedPersistentId: 10 } as const

export class McsConnection {
  readonly #socket: Socket
  readonly #events: McsEvents
  #bytes = Buffer.alloc(0)
  #hasGreeted = false

  constructor(socket: Socket, events: McsEvents) {
    this.#socket = socket
    this.#events = events
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    // A browser that ends tears its connections down.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => events.onClose())
  }

  send({ stanza }: McsMessage): void {
    this.#write(tags.dataMessage, stanza)
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (!this.#hasGreeted) {
      this.#hasGreeted = true
      this.#bytes = this.#bytes.subarray(1)
      this.#socket.write(Buffer.from([version]))
    }
    for (let frame = this.#nextFrame(); frame; frame = this.#nextFrame()) this.#take(frame.tag, frame.content)
  }

  /** Undefined while the next one is not whole. */
  #nextFrame(): { tag: number; content: Buffer } | undefined {
    const length = readVarint(this.#bytes, 1)
    if (!length) return undefined
    const end = length.end + Number(length.value)
    if (this.#bytes.length < end) return undefined
    const frame = { tag: this.#bytes.readUInt8(0), content: this.#bytes.subarray(length.end, end) }
    this.#bytes = this.#bytes.subarray(end)
    return frame
  }

  #take(tag: number, content: Buffer): void {
    if (tag === tags.heartbeatPing) this.#write(tags.heartbeatAck, Buffer.alloc(0))
    if (tag === tags.loginRequest) this.#logIn(parseProtobuf(content))
  }

  #logIn(fields: ProtobufFields): void {
    const deviceId = textOf(fields, login.user)
    const response = [bytesField(1, 'login'), bytesField(2, deviceId), numberField(8, Date.now())]
    this.#write(tags.loginResponse, Buffer.concat(response))
    const received = new Set((fields.get(login.receivedPersistentId) ?? []).map(String))
    this.#events.onLogin({ deviceId, received })
  }

  #write(tag: number, content: Buffer): void {
    this.#socket.write(Buffer.concat([Buffer.from([tag]), varint(content.length), content]))
  }
}
