/**
 * Tags and aliases have one rule: some bytes of certain characters. The REST documents allow letters, digits, underscore
 * and Chinese characters; the client SDKs allow `@!#$&*+=.|` as well, and what a client may set a server must accept. So
 * a letter is a letter of any script here. A comma, slash or space is never part of one: tags can be joined by commas.
 */
import { tagsPerCountMax } from './limits.ts'
import { accepted, type Parsed, refused } from './parsed.ts'
import { splitQueryList } from './query-list.ts'
import { utf8Bytes } from './utf8.ts'

const characters = /^[\p{L}\p{M}\p{N}_@!#$&*+=.|]+$/u

/** One tag of at most `bytesMax` bytes. Upper and lower case differ; the text is kept exactly as it came. */
export function parseTag(text: string, bytesMax: number): Parsed<string> {
  return parseText('tag', text, bytesMax)
}

/** One alias of at most `bytesMax` bytes. The empty string, which clears an alias, is for the caller to handle first. */
export function parseAlias(text: string, bytesMax: number): Parsed<string> {
  return parseText('alias', text, bytesMax)
}

/**
 * The `tags` of a query, repeated or joined by commas: at least one, at most a thousand, each once, in the order given.
 * `tagBytesMax` is the app's limit on one tag.
 */
export function parseTagsQuery(
  query: string | readonly string[] | undefined,
  tagBytesMax: number,
): Parsed<string[]> {
  const tags = [...new Set(splitQueryList(query))]
  if (tags.length === 0) return refused('at least one tag is needed')
  if (tags.length > tagsPerCountMax)
    return refused(`at most ${tagsPerCountMax} tags, these are ${tags.length}`)
  for (const tag of tags) {
    const parsed = parseTag(tag, tagBytesMax)
    if (!parsed.ok) return parsed
  }
  return accepted(tags)
}

function parseText(word: 'tag' | 'alias', text: string, bytesMax: number): Parsed<string> {
  const bytes = utf8Bytes(text)
  if (bytes === 0) return refused(`the ${word} is empty`)
  if (bytes > bytesMax) return refused(`the ${word} has ${bytes} bytes of at most ${bytesMax}`)
  if (!characters.test(text)) return refused(`the ${word} may have letters, digits and _@!#$&*+=.| only`)
  return accepted(text)
}
