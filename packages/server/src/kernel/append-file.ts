/** A file that only grows, for what must be on disk before something else may happen. What stands in it is its owner's business. */

import { statSync } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import path from 'node:path'

export interface AppendFile {
  readonly path: string
  /** Bytes that stand. */
  readonly size: number
  /** What stands, from the beginning. */
  read(): AsyncIterable<Uint8Array>
  /** Resolves once the bytes are on disk. When it rejects, none of them stands, also after a crash in the middle. */
  append(bytes: Uint8Array): Promise<void>
  /** Cuts off what stands behind the first `size` bytes. */
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

const READ_BYTES = 1 << 18

/** Opens the file and makes it, and its folder, when missing; nobody else on the machine may read it. */
export async function openAppendFile(file: string): Promise<AppendFile> {
  const at = path.resolve(file)
  await mkdir(path.dirname(at), { recursive: true, mode: 0o700 })
  // Not in append mode: every write says where it goes, so what a failed one left behind is written over.
  const handle = await openOrMake(at)
  await handle.chmod(0o600)
  await syncFolder(path.dirname(at))
  return new OpenFile(at, handle, (await handle.stat()).size)
}

/** Whether both files are lost with one disk: they are on the same device. A path that does not exist shares nothing. */
export function shareDevice(one: string, other: string): boolean {
  const [left, right] = [one, other].map((file) => statSync(file, { throwIfNoEntry: false })?.dev)
  return left !== undefined && left === right
}

/** What stands in a file that somebody else may be appending to. */
export async function* readFrom(file: string): AsyncGenerator<Uint8Array> {
  const handle = await open(file, 'r')
  try {
    yield* readChunks(handle, Number.POSITIVE_INFINITY)
  } finally {
    await handle.close()
  }
}

class OpenFile implements AppendFile {
  readonly path: string
  readonly #handle: FileHandle
  #size: number
  /** A write failed: what it left behind is cut off before the next one. */
  #isDirty = false

  constructor(file: string, handle: FileHandle, size: number) {
    this.path = file
    this.#handle = handle
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  read(): AsyncIterable<Uint8Array> {
    return readChunks(this.#handle, this.#size)
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#isDirty) await this.truncate(this.#size)
    this.#isDirty = true
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(
        bytes,
        written,
        bytes.length - written,
        this.#size + written,
      )
      written += bytesWritten
    }
    await this.#handle.sync()
    this.#size += bytes.length
    this.#isDirty = false
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size)
    await this.#handle.sync()
    this.#size = size
    this.#isDirty = false
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

async function openOrMake(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r+')
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    return open(file, 'wx+', 0o600)
  }
}

async function* readChunks(handle: FileHandle, end: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < end; ) {
    const chunk = new Uint8Array(READ_BYTES)
    const { bytesRead } = await handle.read(chunk, 0, Math.min(READ_BYTES, end - at), at)
    if (bytesRead === 0) return
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

/** Makes the name of a new file durable. Windows cannot open a folder, and keeps names by itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  await handle.sync()
  await handle.close()
}
