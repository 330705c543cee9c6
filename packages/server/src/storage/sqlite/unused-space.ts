/**
 * Overwrites the bytes of the database file that belong to nothing. `secure_delete` overwrites a cell when it is deleted;
 * but when SQLite balances a B-tree it builds pages anew and leaves copies of cells that moved away in the space between
 * a page's cell pointers and its cells. Nothing reads them, nothing deletes them, and a deletion overwrites only the
 * copy in use. So after a checkpoint that space is overwritten here, in every page that was written since the last time.
 *
 * Only bytes that the page itself calls unused are touched, and only in the file, so readers may go on reading; the
 * writer's cache must be dropped first, or it writes the old bytes back.
 */

import { closeSync, existsSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { assert } from '../../kernel/assert.ts'

export class UnusedSpace {
  readonly #logFile: string
  readonly #descriptor: number
  readonly #pageBytes: number
  readonly #zeros: Buffer
  readonly #written = new Set<number>()

  /** `descriptor`: the file, open for reading and writing. Closing it would end SQLite's own locks in this process. */
  constructor(file: string, descriptor: number) {
    this.#logFile = `${file}-wal`
    this.#descriptor = descriptor
    this.#pageBytes = pageBytesOf(descriptor)
    this.#zeros = Buffer.alloc(this.#pageBytes)
  }

  /** Notes which pages the write-ahead log holds. To be called before every checkpoint: afterwards the log begins anew. */
  noteWritten(): void {
    if (!existsSync(this.#logFile)) return
    // Locks of the log are held on another file, so this descriptor may be closed.
    const log = openSync(this.#logFile, 'r')
    try {
      this.#noteFrames(log)
    } finally {
      closeSync(log)
    }
  }

  /** Overwrites what is unused in the pages noted, and forgets them. On disk when it returns. */
  overwriteNoted(): void {
    const page = Buffer.alloc(this.#pageBytes)
    let isChanged = false
    for (const number of this.#written) {
      const at = (number - 1) * this.#pageBytes
      // A page at the end may have been given back to the file system.
      if (readSync(this.#descriptor, page, 0, page.length, at) < page.length) continue
      if (this.#overwrite(page, at)) isChanged = true
    }
    this.#written.clear()
    if (isChanged) fdatasyncSync(this.#descriptor)
  }

  /** Overwrites what is unused in the whole file: for a start, when nobody knows what was written before. */
  overwriteAll(): void {
    const chunk = Buffer.alloc(this.#pageBytes * PAGES_PER_CHUNK)
    let isChanged = false
    for (let at = 0; ; at += chunk.length) {
      const bytes = readSync(this.#descriptor, chunk, 0, chunk.length, at)
      for (let from = 0; from + this.#pageBytes <= bytes; from += this.#pageBytes) {
        if (this.#overwrite(chunk.subarray(from, from + this.#pageBytes), at + from)) isChanged = true
      }
      if (bytes < chunk.length) break
    }
    if (isChanged) fdatasyncSync(this.#descriptor)
  }

  #noteFrames(log: number): void {
    const head = Buffer.alloc(LOG_HEAD_BYTES)
    if (readSync(log, head, 0, head.length, 0) < head.length) return
    const salts = head.subarray(16, 24)
    const frame = Buffer.alloc(FRAME_HEAD_BYTES)
    const stride = FRAME_HEAD_BYTES + this.#pageBytes
    for (let at = LOG_HEAD_BYTES; readSync(log, frame, 0, frame.length, at) === frame.length; at += stride) {
      // Frames with other salts are left over from before the log began anew.
      if (frame.compare(salts, 0, 8, 8, 16) !== 0) return
      this.#written.add(frame.readUInt32BE(0))
    }
  }

  #overwrite(page: Buffer, at: number): boolean {
    const unused = unusedIn(page, at === 0 ? FILE_HEAD_BYTES : 0)
    if (!unused || this.#zeros.compare(page, unused.from, unused.to, 0, unused.to - unused.from) === 0)
      return false
    writeSync(this.#descriptor, this.#zeros, 0, unused.to - unused.from, at + unused.from)
    return true
  }
}

/** The file format's numbers: https://www.sqlite.org/fileformat2.html, sections 1.3, 1.6 and 4.1. */
const FILE_HEAD_BYTES = 100
const LOG_HEAD_BYTES = 32
const FRAME_HEAD_BYTES = 24
const LEAVES = new Set([10, 13])
const INTERIORS = new Set([2, 5])
/** Pages read at once during a start: 1 MB. */
const PAGES_PER_CHUNK = 256
/**
 * Other pages begin with a page number of four bytes. As long as none is as large as this (137 GB), its first byte cannot be
 * taken for the type of a B-tree page.
 */
const PAGES_MAX = 0x0200_0000

function pageBytesOf(descriptor: number): number {
  const head = Buffer.alloc(FILE_HEAD_BYTES)
  assert(readSync(descriptor, head, 0, head.length, 0) === head.length, 'a migrated file has a head')
  const stored = head.readUInt16BE(16)
  const pageBytes = stored === 1 ? 65_536 : stored
  if (fstatSync(descriptor).size / pageBytes >= PAGES_MAX) {
    throw new Error('The database file has reached 137 GB, too large to be erased in: use PostgreSQL.')
  }
  return pageBytes
}

/** Where a B-tree page has nothing: behind the pointers to its cells and before the first cell. */
function unusedIn(page: Buffer, head: number): { from: number; to: number } | undefined {
  const type = page.readUInt8(head)
  if (!LEAVES.has(type) && !INTERIORS.has(type)) return undefined
  const pointersAt = head + (LEAVES.has(type) ? 8 : 12)
  const from = pointersAt + 2 * page.readUInt16BE(head + 3)
  const to = page.readUInt16BE(head + 5) || 65_536
  return from < to && to <= page.length ? { from, to } : undefined
}
