/** Randomness, as the rest of the server receives it. */

import { randomBytes } from 'node:crypto'

export interface Random {
  bytes(count: number): Uint8Array
}

/** Cut from blocks: one call of the generator for some hundred ids. What was given out is wiped from the block. */
export const systemRandom: Random = { bytes: createBlocks() }

const BLOCK_BYTES = 4_096

function createBlocks(): Random['bytes'] {
  let block = new Uint8Array(0)
  return (count) => {
    if (count > BLOCK_BYTES) return randomBytes(count)
    if (block.length < count) block = new Uint8Array(randomBytes(BLOCK_BYTES))
    const bytes = block.slice(0, count)
    block.fill(0, 0, count)
    block = block.subarray(count)
    return bytes
  }
}

/** 128 random bits as 32 lower-case hex characters: the form of every id and device secret that Lethe mints. */
export function randomId(random: Random): string {
  return randomHex(random, 16)
}

/**
 * An id that sorts by time, for rows that are made in great numbers: 48 bits of milliseconds and 80 random bits, as 32 hex
 * characters. Neighbours in time are neighbours on disk, so that a batch writes few pages instead of one for each row.
 */
export function orderedId(random: Random, nowMs: number): string {
  return nowMs.toString(16).padStart(12, '0') + randomHex(random, 10)
}

/** The least id that `orderedId` makes at this instant: a bound for those that were made since. */
export function orderedIdFloor(ms: number): string {
  return Math.max(0, ms).toString(16).padStart(12, '0')
}

/** `bytes` random bytes as lower-case hex. */
export function randomHex(random: Random, bytes: number): string {
  return Buffer.from(random.bytes(bytes)).toString('hex')
}
