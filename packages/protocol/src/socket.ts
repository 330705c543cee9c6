/** A user's own socket: close codes, limits, and the frames of the server. Those of clients are parsed elsewhere. */
import type { MessageFrame, WelcomeFrame, WithdrawFrame } from './socket.schemas.ts'
import type { SocketMessage } from './socket-message.ts'

/**
 * Why a socket was closed. Those from 4400 on are ours (RFC 6455 section 7.4.2) and say what the HTTP status of the same
 * last two digits would; those below are of the registry that the RFC founded.
 */
export const closeCodes = {
  /** The node goes away: connect again, to the same address, after a moment. */
  serverRestarts: 1012,
  /** The server cannot look the user up just now: connect again later. */
  tryAgainLater: 1013,
  /** A frame that is none of ours, or not at this time: a fault of the client. */
  badFrame: 4400,
  /** The device secret is wrong. */
  wrongSecret: 4401,
  /** No user of this app has this id: drop it, and register afresh. */
  unknownUser: 4404,
  /** No hello came in time. */
  helloTimeout: 4408,
  /** The same user has opened a newer socket: do not connect again. */
  replaced: 4409,
  /** The user was deleted: drop the id for good. */
  deleted: 4410,
  /** The client reads more slowly than messages come: connect again. */
  tooSlow: 4413,
  /** The node has as many sockets as it takes: connect again later. */
  tooMany: 4429,
} as const

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes]

/** What a client reports over its socket; that a message arrived is its acknowledgement. */
export const socketEvents = ['shown', 'clicked'] as const
export type SocketEvent = (typeof socketEvents)[number]

/** Bytes of a client's frame (ours: the longest hello has 1.3 KB). */
export const clientFrameBytesMax = 4096

/** Messages that a hello can name as received (ours: more than what one socket has unacknowledged when it breaks off). */
export const receivedIdsMax = 50

/** Characters of a device secret (ours: Lethe's have 32). */
export const deviceSecretCharactersMax = 128

/** Seconds without a word of the client after which it is pinged (ours: below the idle time of the usual proxies and NATs). */
export const pingSeconds = 60

/** Seconds in which the hello must come (ours). */
export const helloSeconds = 10

/** Seconds in which a message must be acknowledged (ours: below the hard deadline of a send, which is 30). */
export const ackSeconds = 20

export function welcomeFrame(): string {
  return JSON.stringify({ type: 'welcome', ping_seconds: pingSeconds } satisfies WelcomeFrame)
}

export function messageFrame(message: SocketMessage): string {
  return JSON.stringify({ type: 'message', message } satisfies MessageFrame)
}

export function withdrawFrame(msgId: number): string {
  return JSON.stringify({ type: 'withdraw', msg_id: String(msgId) } satisfies WithdrawFrame)
}
