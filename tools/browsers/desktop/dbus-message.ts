// Messages of D-Bus as bytes (D-Bus Specification 0.43, "Message Format"), as far as a session bus with one service needs
// them: little-endian, basic types and lists of strings. Who sends what is left to the bus.

export type MessageKind = 'call' | 'return' | 'error' | 'signal'

export type DbusMessage = {
  kind: MessageKind
  serial: number
  /** Of the call that is answered. */
  replySerial?: number
  path?: string
  interface?: string
  member?: string
  errorName?: string
  destination?: string
  sender?: string
  /** Types of the body, in D-Bus's letters. */
  signature?: string
  body: Buffer
}

/** A value of one of the types that are spoken here: `s`, `u`, `b` and `as`. */
export type DbusValue = string | number | boolean | readonly string[]

const kinds: readonly MessageKind[] = ['call', 'return', 'error', 'signal']

/** Header fields that hold text, by their code. */
const textFields = {
  path: [1, 'o'],
  interface: [2, 's'],
  member: [3, 's'],
  errorName: [4, 's'],
  destination: [6, 's'],
  sender: [7, 's'],
  signature: [8, 'g'],
} as const
const replySerialCode = 5
const littleEndian = 'l'.charCodeAt(0)
const fixedHeaderBytes = 16

/** The first message in the bytes and how many bytes it takes; undefined while it is not whole. */
export function parseMessage(bytes: Buffer): { message: DbusMessage; length: number } | undefined {
  if (bytes.length < fixedHeaderBytes) return undefined
  if (bytes[0] !== littleEndian) throw new Error('a D-Bus message that is not little-endian')
  const kind = kinds[(bytes[1] ?? 0) - 1]
  if (kind === undefined) throw new Error(`a D-Bus message of the unknown type ${bytes[1]}`)
  const fieldsEnd = fixedHeaderBytes + bytes.readUInt32LE(12)
  const start = aligned(fieldsEnd, 8)
  const length = start + bytes.readUInt32LE(4)
  if (bytes.length < length) return undefined
  const fields = parseFields(new DbusReader(bytes.subarray(0, fieldsEnd), fixedHeaderBytes))
  const body = Buffer.from(bytes.subarray(start, length))
  return { message: { kind, serial: bytes.readUInt32LE(8), ...fields, body }, length }
}

export function writeMessage(message: DbusMessage): Buffer {
  const fields = new DbusWriter(fixedHeaderBytes)
  for (const [name, [code, type]] of Object.entries(textFields)) {
    const value = message[name as keyof typeof textFields]
    if (value !== undefined) fields.field(code, type, value)
  }
  if (message.replySerial !== undefined) fields.field(replySerialCode, 'u', message.replySerial)
  const written = fields.bytes()
  const header = Buffer.alloc(aligned(fixedHeaderBytes + written.length, 8))
  header.set([littleEndian, kinds.indexOf(message.kind) + 1, 0, 1])
  header.writeUInt32LE(message.body.length, 4)
  header.writeUInt32LE(message.serial, 8)
  header.writeUInt32LE(written.length, 12)
  written.copy(header, fixedHeaderBytes)
  return Buffer.concat([header, message.body])
}

/** A body with its signature, both from the values. */
export function writeBody(values: readonly DbusValue[]): { signature: string; body: Buffer } {
  const writer = new DbusWriter(0)
  const signature = values.map((value) => writer.value(value)).join('')
  return { signature, body: writer.bytes() }
}

/** Reads values one after another, each aligned as its type asks for. */
export class DbusReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  align(to: number): void {
    this.#at = aligned(this.#at, to)
  }

  byte(): number {
    const value = this.#bytes.readUInt8(this.#at)
    this.#at += 1
    return value
  }

  uint32(): number {
    this.align(4)
    const value = this.#bytes.readUInt32LE(this.#at)
    this.#at += 4
    return value
  }

  text(): string {
    return this.#text(this.uint32())
  }

  signature(): string {
    return this.#text(this.byte())
  }

  texts(): string[] {
    const end = this.uint32() + this.#at
    const found: string[] = []
    while (this.#at < end) found.push(this.text())
    return found
  }

  /** Behind the text stands a zero that does not count. */
  #text(length: number): string {
    const value = this.#bytes.toString('utf8', this.#at, this.#at + length)
    this.#at += length + 1
    return value
  }
}

class DbusWriter {
  readonly #parts: Buffer[] = []
  #at: number

  /** `at`: where the bytes will stand in the message, since that decides on their alignment. */
  constructor(at: number) {
    this.#at = at
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** The value's type, written along. */
  value(value: DbusValue): string {
    switch (typeof value) {
      case 'string':
        this.#text(value)
        return 's'
      case 'number':
        this.#uint32(value)
        return 'u'
      case 'boolean':
        this.#uint32(value ? 1 : 0)
        return 'b'
      default:
        this.#texts(value)
        return 'as'
    }
  }

  /** A field of the header: its code, and a variant. */
  field(code: number, type: 'o' | 's' | 'g' | 'u', value: string | number): void {
    this.#align(8)
    this.#push(Buffer.from([code]))
    this.#signature(type)
    if (typeof value === 'number') this.#uint32(value)
    else if (type === 'g') this.#signature(value)
    else this.#text(value)
  }

  #uint32(value: number): void {
    this.#align(4)
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    this.#push(bytes)
  }

  #text(value: string): void {
    this.#uint32(Buffer.byteLength(value))
    this.#push(Buffer.from(`${value}\0`))
  }

  #signature(value: string): void {
    this.#push(Buffer.from([Buffer.byteLength(value)]))
    this.#push(Buffer.from(`${value}\0`))
  }

  #texts(values: readonly string[]): void {
    this.#align(4)
    const inner = new DbusWriter(this.#at + 4)
    for (const value of values) inner.#text(value)
    const bytes = inner.bytes()
    this.#uint32(bytes.length)
    this.#push(bytes)
  }

  #align(to: number): void {
    this.#push(Buffer.alloc(aligned(this.#at, to) - this.#at))
  }

  #push(bytes: Buffer): void {
    this.#parts.push(bytes)
    this.#at += bytes.length
  }
}

function parseFields(reader: DbusReader): Omit<DbusMessage, 'kind' | 'serial' | 'body'> {
  const fields: Record<string, string | number> = {}
  while (!reader.isAtEnd) {
    reader.align(8)
    const code = reader.byte()
    const type = reader.signature()
    const value = type === 'u' ? reader.uint32() : type === 'g' ? reader.signature() : reader.text()
    const name = Object.entries(textFields).find(([, [known]]) => known === code)?.[0]
    if (code === replySerialCode) fields['replySerial'] = value
    else if (name !== undefined) fields[name] = value
  }
  return fields
}

function aligned(at: number, to: number): number {
  return Math.ceil(at / to) * to
}
