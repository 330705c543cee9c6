/**
 * The space of registration ids, cut into equal slices by the first four hex digits. Ids are 128 random bits in hex, so
 * slices hold about equally many users, and a position between two slices names nobody. Ids of another form, should there be
 * any, fall into some slice too: every text is in exactly one.
 */

import { assert } from '../kernel/assert.ts'

export const SLICES = 65_536

/** The texts that bound slices `from` to before `to`: ids above `after` and up to `until`; undefined: up to the last. */
export function boundsOf(from: number, to: number): { readonly after: string; readonly until?: string } {
  assert(from >= 0 && from < to && to <= SLICES, 'slices that there are not')
  const after = from === 0 ? '' : digits(from)
  return to === SLICES ? { after } : { after, until: digits(to) }
}

/** A part of all slices through which a push goes from one end to the other. */
export interface Span {
  readonly span: number
  readonly start: number
  readonly end: number
  readonly chunkSlices: number
}

/** Users of one chunk: what is repeated when a node dies, and what is held in memory. Ours. */
export const CHUNK_USERS = 1_000
/** Nodes that may work on one push at once. Ours. */
const SPANS_MAX = 8
/** Below this, one span: several would only make small chunks. */
const USERS_PER_SPAN_MIN = 5_000
/** A push that is spread goes out in at least this many steps. */
const SPREAD_STEPS_MIN = 256

/** How a push to about `users` users is cut. */
export function planSpans(users: number, isSpread: boolean): Span[] {
  const count = Math.max(1, Math.min(SPANS_MAX, Math.floor(users / USERS_PER_SPAN_MIN)))
  const size = SLICES / SPANS_MAX
  const perChunk = Math.floor((SLICES * CHUNK_USERS) / Math.max(users, CHUNK_USERS))
  const chunkSlices = Math.max(1, isSpread ? Math.min(perChunk, SLICES / SPREAD_STEPS_MIN) : perChunk)
  const edges = Array.from(
    { length: count + 1 },
    (_, index) => Math.round((index * SPANS_MAX) / count) * size,
  )
  return edges
    .slice(0, -1)
    .map((start, span) => ({ span, start, end: edges[span + 1] ?? SLICES, chunkSlices }))
}

function digits(slice: number): string {
  return slice.toString(16).padStart(4, '0')
}
