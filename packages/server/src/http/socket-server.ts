/**
 * Makes WebSockets of connections that were upgraded, and tells whoever takes them what comes in. It alone knows the library
 * that speaks the protocol; what is said is not its business.
 */

import { clientFrameBytesMax } from '@lethe/protocol/socket.ts'
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { App } from '../apps/authenticate-app.ts'
import type { Upgrade } from './server.ts'

/** Hears what comes over one socket. */
export interface SocketListener {
  /** A frame of the client; undefined: one that is not text. */
  heard(text: string | undefined): void
  ponged(): void
  /** The socket is gone, whoever ended it: told once, and the last. */
  gone(): void
}

/** Takes a socket that was opened for an app. */
export type AcceptSocket = (socket: WebSocket, appKey: string) => SocketListener

/** A client that does not answer a close is cut off after this time; ours. */
const CLOSE_MS = 5_000

/** The answer takes upgraded connections of callers that are apps. */
export function createSocketServer(accept: AcceptSocket): (upgrade: Upgrade) => void {
  const server = new WebSocketServer(OPTIONS)
  const follow = createFollow()
  return ({ request, head, caller }) => {
    // The admission of the client API gives an app as the caller.
    const { appKey } = caller as App
    server.handleUpgrade(request, request.socket, head, (socket) => follow(socket, accept(socket, appKey)))
  }
}

/** The types of the library do not know `closeTimeout` yet. */
const OPTIONS: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: clientFrameBytesMax,
  closeTimeout: CLOSE_MS,
}

/** Listeners are functions that all sockets share: one for each would cost memory a hundred thousand times. */
function createFollow(): (socket: WebSocket, listener: SocketListener) => void {
  const listeners = new Map<WebSocket, SocketListener>()
  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    listeners.get(this)?.heard(isBinary || !Buffer.isBuffer(data) ? undefined : data.toString())
  }
  function onPong(this: WebSocket): void {
    listeners.get(this)?.ponged()
  }
  function onClose(this: WebSocket): void {
    listeners.get(this)?.gone()
    listeners.delete(this)
  }
  return (socket, listener) => {
    listeners.set(socket, listener)
    socket.on('message', onMessage).on('pong', onPong).on('close', onClose).on('error', ignore)
  }
}

/** What breaks a socket, or breaks the protocol, is always followed by its close. */
function ignore(): void {}
