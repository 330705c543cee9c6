/** Reads what a client says over its socket. */
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { parseMessageId } from './message-id.ts'
import { accepted, type Parsed, refused } from './parsed.ts'
import { AckFrame, EventFrame, HelloFrame } from './socket.schemas.ts'
import type { SocketEvent } from './socket.ts'

export type ClientFrame =
  | ClientHello
  | { readonly type: 'ack'; readonly msgId: number }
  | { readonly type: 'event'; readonly msgId: number; readonly event: SocketEvent }

export type ClientHello = {
  readonly type: 'hello'
  readonly registrationId: string
  readonly deviceSecret: string
  /** Messages that the client has. */
  readonly received: readonly number[]
}

/** One frame. Refuses whatever is not exactly one of the three. */
export function parseClientFrame(text: string): Parsed<ClientFrame> {
  const frame = parseJson(text)
  if (isHello(frame)) return helloOf(frame)
  if (isAck(frame)) return withMessageId(frame.msg_id, (msgId) => ({ type: 'ack', msgId }))
  if (isEvent(frame))
    return withMessageId(frame.msg_id, (msgId) => ({ type: 'event', msgId, event: frame.event }))
  return refused('a frame is the JSON of a hello, an ack or an event')
}

const isHello = guardOf<HelloFrame>(HelloFrame)
const isAck = guardOf<AckFrame>(AckFrame)
const isEvent = guardOf<EventFrame>(EventFrame)

function guardOf<Frame>(schema: TSchema): (value: unknown) => value is Frame {
  const validator = Compile(schema)
  return (value): value is Frame => validator.Check(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function helloOf({ registration_id, device_secret, received = [] }: HelloFrame): Parsed<ClientHello> {
  const ids: number[] = []
  for (const text of received) {
    const parsed = parseMessageId(text)
    if (!parsed.ok) return parsed
    ids.push(parsed.value)
  }
  return accepted({
    type: 'hello',
    registrationId: registration_id,
    deviceSecret: device_secret,
    received: ids,
  })
}

function withMessageId(text: string, frameOf: (msgId: number) => ClientFrame): Parsed<ClientFrame> {
  const parsed = parseMessageId(text)
  return parsed.ok ? accepted(frameOf(parsed.value)) : parsed
}
