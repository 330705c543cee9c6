/**
 * The last step of bytes on their way out of this process. HTTP/2 gathers what the requests of a turn write, and keeps what a
 * request has to say until the other side has room for it; meanwhile the process may stand still for a minute. So whoever
 * wrote a request is asked again as its bytes leave, in the same breath as the call of the operating system.
 */

import { Duplex, type Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'

type Done = (error?: Error | null) => void

interface Guarded {
  readonly holds: (hasBegun: boolean) => boolean
  /** Whether some of the request has left. */
  hasBegun: boolean
}

export class GuardedWire extends Duplex {
  readonly #socket: TLSSocket
  /** Of requests that have not left yet as a whole. */
  readonly #guards = new Map<Writable, Guarded>()

  constructor(socket: TLSSocket) {
    super()
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  /** While bytes of the request are left, nothing leaves once `holds` says false: the connection is ended. */
  guard(holds: Guarded['holds'], request: Writable): Pick<Guarded, 'hasBegun'> {
    const guarded: Guarded = { holds, hasBegun: false }
    this.#guards.set(request, guarded)
    const release = () => this.#guards.delete(request)
    request.once('finish', release)
    request.once('close', release)
    return guarded
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#mayLeave(done)) this.#socket.write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    if (!this.#mayLeave(done)) return
    this.#socket.cork()
    const last = chunks.pop()
    for (const { chunk } of chunks) this.#socket.write(chunk)
    this.#socket.write(last?.chunk ?? '', done)
    this.#socket.uncork()
  }

  override _final(done: Done): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.destroy()
    done(error)
  }

  #mayLeave(done: Done): boolean {
    for (const { holds, hasBegun } of this.#guards.values()) {
      if (holds(hasBegun)) continue
      done(new Error('the gate holds no more'))
      return false
    }
    // What HTTP/2 writes at once holds the heads of all requests that were made before.
    for (const guarded of this.#guards.values()) guarded.hasBegun = true
    return true
  }
}
