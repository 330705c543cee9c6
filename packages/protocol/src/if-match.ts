/** The header `If-Match` (RFC 9110, 13.1.1), by which a deletion says what the user looked like when it was decided. */

import { accepted, type Parsed, refused } from './parsed.ts'

/** `any`: whatever it looks like, as long as it exists. Else one of these versions. */
export type IfMatch = 'any' | readonly number[]

/** The entity tag of a version of a user. */
export function versionTag(version: number): string {
  return `"${version}"`
}

/**
 * Reads the header; undefined: it was not sent. A tag that is weak, or none of ours, is well-formed and fits no version: the RFC
 * wants the strong comparison.
 */
export function parseIfMatch(header: string | undefined): Parsed<IfMatch | undefined> {
  if (header === undefined) return accepted(undefined)
  const text = header.trim()
  if (text === '*') return accepted('any')
  if (text.length > HEADER_CHARACTERS_MAX || !LIST.test(text)) return refused(WRONG)
  const tags = text.match(TAG) ?? []
  return accepted(tags.flatMap((tag) => (OURS.test(tag) ? [Number(tag.slice(1, -1))] : [])))
}

/** Some dozens of versions; a bound for what is read. Ours. */
const HEADER_CHARACTERS_MAX = 1_024
const WRONG = 'If-Match: must be * or entity tags in quotation marks, as the header ETag has them'
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g
const LIST = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*$/
const OURS = /^"[1-9]\d{0,15}"$/
