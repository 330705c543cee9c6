// Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding), as much as Google's device protocols need. Fields
// have numbers here; what they mean is known to who writes and reads them.

export type ProtobufValue = bigint | Buffer

/** Values of each field, in the order in which they came. */
export type ProtobufFields = ReadonlyMap<number, readonly ProtobufValue[]>

/** A number of variable length at a place, and where it ends; undefined while it is not whole. */
export function readVarint(bytes: Buffer, from: number): { value: bigint; end: number } | undefined {
  let value = 0n
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes.readUInt8(at)
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - from))
    if (byte < 0x80) return { value, end: at + 1 }
  }
  return undefined
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Buffer.from(bytes)
}

/** A whole number. */
export function numberField(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

/** A whole number that always takes eight bytes. */
export function fixed64Field(field: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return Buffer.concat([varint((field << 3) | 1), bytes])
}

/** Text, bytes, or a message that is written already. */
export function bytesField(field: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as Buffer)
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes])
}

/** @throws RangeError for bytes that are no message. */
export function parseProtobuf(bytes: Buffer): ProtobufFields {
  const fields = new Map<number, ProtobufValue[]>()
  for (let at = 0; at < bytes.length; ) {
    const key = wholeVarint(bytes, at)
    const { value, end } = readValue(bytes, Number(key.value & 7n), key.end)
    const field = Number(key.value >> 3n)
    fields.set(field, [...(fields.get(field) ?? []), value])
    at = end
  }
  return fields
}

/** The text of a field; empty when there is none. */
export function textOf(fields: ProtobufFields, field: number): string {
  return String(fields.get(field)?.[0] ?? '')
}

function readValue(bytes: Buffer, wireType: number, from: number): { value: ProtobufValue; end: number } {
  switch (wireType) {
    case 0:
      return wholeVarint(bytes, from)
    case 1:
      return { value: bytes.readBigUInt64LE(from), end: from + 8 }
    case 2: {
      const length = wholeVarint(bytes, from)
      const end = length.end + Number(length.value)
      return { value: bytes.subarray(length.end, end), end }
    }
    case 5:
      return { value: BigInt(bytes.readUInt32LE(from)), end: from + 4 }
    default:
      throw new RangeError(`the wire type ${wireType} is not spoken here`)
  }
}

function wholeVarint(bytes: Buffer, from: number): { value: bigint; end: number } {
  const found = readVarint(bytes, from)
  if (!found) throw new RangeError('a message that ends within a number')
  return found
}
