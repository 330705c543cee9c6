/**
 * The last step of bytes on their way out of this process. HTTP/2 gathers what the requests of a turn write, and keeps what a
 * request has to say until the other side has room for it; meanwhile the process may stand still for a minute. So whoever
 * wrote a request is asked again as its bytes leave, in the same breath as the call of the operating system.
 */

import { Duplex, type Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'

type Done = (error?: Error | null) => void

export class GuardedWire extends Duplex {
  readonly #socket: TLSSocket
  /** Of requests that have not left yet as a whole. */
  readonly #guards = new Map<Writable, () => boolean>()

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
  guard(holds: () => boolean, request: Writable): void {
    this.#guards.set(request, holds)
    const release = () => this.#guards.delete(request)
    request.once('finish', release)
    request.once('close', release)
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
    for (const holds of this.#guards.values()) {
      if (holds()) continue
      done(new Error('the gate holds no more'))
      return false
    }
    return true
  }
}
