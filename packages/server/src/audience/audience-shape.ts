/**
 * Everything about an audience that decides the text of its statements, and the names that are bound to them. A statement
 * starts from the smallest set that an index gives, its start, and checks the other conditions user by user. Which set is
 * smallest is estimated from the counts of tags: a wrong estimate costs time, never a user.
 */

import { assert } from '../kernel/assert.ts'
import type { Holders } from './audience.store.ts'
import { type Audience, type Condition, type ConditionKind, conditionsOf, namesIn } from './audience.ts'

export interface Shape {
  readonly start: 'everyone' | Exclude<ConditionKind, 'noTag'>
  /** What is checked of those who fit the start, in the order of `parseAudience`: the cheapest first. */
  readonly checks: readonly ConditionKind[]
  /** How many places the text has for tags of which each is looked up by itself. */
  readonly places: { readonly anyTag: number; readonly allTags: number }
  /** Whether the start names so many users that PostgreSQL does better to read the whole index of who can be reached. */
  readonly isStartLarge: boolean
  /** Whether the holders of unwanted tags are gathered first, instead of asking for each user. */
  readonly isNoTagSet: boolean
}

/** A name as it is bound. Kinds are those of conditions, and `platform`. */
export interface BoundName {
  readonly kind: string
  readonly place: number
  readonly value: string
}

/** Lists of tags have at most 20. Few sizes make few texts; the last tag of a list fills the places that are too many. */
const PLACES = [1, 2, 5, 10, 20] as const

/**
 * Measured at 1,000,000 users: looking up 25,000 of them one by one takes PostgreSQL as long as reading the index of all.
 * For small apps both are fast.
 */
const LOOKED_UP_MAX = 25_000

/** Memory: a set of this many ids takes about 30 MB while the statement runs. */
const SET_MAX = 200_000

export function shapeOf(audience: Audience, holders: Holders): Shape {
  const conditions = conditionsOf(audience)
  const [start] = conditions
    .filter(({ kind }) => kind !== 'noTag')
    .toSorted((one, other) => sizeOf(one, holders) - sizeOf(other, holders))
  const startSize = start ? sizeOf(start, holders) : Number.POSITIVE_INFINITY
  const noTag = conditions.find(({ kind }) => kind === 'noTag')
  const noTagSize = noTag ? sizeOf(noTag, holders) : 0
  const places = { anyTag: placesFor(conditions, 'anyTag'), allTags: placesFor(conditions, 'allTags') }
  return {
    start: start ? startKind(start) : 'everyone',
    // Of tags that must all be there a statement starts from one, and checks the others.
    checks: conditions
      .filter((condition) => condition !== start || (condition.kind === 'allTags' && places.allTags > 1))
      .map(({ kind }) => kind),
    places,
    isStartLarge: startSize > LOOKED_UP_MAX,
    isNoTagSet: noTagSize <= Math.min(2 * startSize, SET_MAX),
  }
}

/** Two audiences with one key get one text. Short, since it becomes a part of the statement's name. */
export function keyOfShape({ start, checks, places, isStartLarge, isNoTagSet }: Shape): string {
  const kinds = [start, ...checks].map((kind) => LETTERS[kind]).join('')
  return `${kinds}:${places.anyTag}:${places.allTags}:${isStartLarge ? 'large' : 'small'}:${isNoTagSet ? 'set' : 'ask'}`
}

const LETTERS = { everyone: 'E', anyId: 'I', anyAlias: 'A', anyTag: 'T', allTags: 'L', noTag: 'N' } as const

/** The names of the conditions. Of tags that must all be there the rarest comes first, so that most users fail at once. */
export function boundNames(audience: Audience, holders: Holders, { places }: Shape): BoundName[] {
  return conditionsOf(audience).flatMap((condition) => {
    const { kind } = condition
    const names: readonly string[] =
      kind === 'allTags'
        ? condition.tags.toSorted((one, other) => (holders.get(one) ?? 0) - (holders.get(other) ?? 0))
        : namesIn(condition)
    const count = kind === 'allTags' || kind === 'anyTag' ? places[kind] : names.length
    return Array.from({ length: count }, (_, place) => ({
      kind,
      place,
      value: names[Math.min(place, names.length - 1)] ?? '',
    }))
  })
}

function startKind({ kind }: Condition): Shape['start'] {
  assert(kind !== 'noTag', 'a statement cannot start from who is not wanted')
  return kind
}

function placesFor(conditions: readonly Condition[], kind: 'anyTag' | 'allTags'): number {
  const condition = conditions.find((one) => one.kind === kind)
  if (!condition) return 0
  const count = namesIn(condition).length
  const places = PLACES.find((size) => size >= count)
  assert(places !== undefined, 'a list of more tags than the schema lets through')
  return places
}

/** An upper bound, by the counts of tags, of the users who fit the condition; for unwanted tags, of those who do not. */
function sizeOf(condition: Condition, holders: Holders): number {
  if (!('tags' in condition)) return namesIn(condition).length
  const counts = condition.tags.map((tag) => holders.get(tag) ?? 0)
  return condition.kind === 'allTags' ? Math.min(...counts) : counts.reduce((sum, count) => sum + count, 0)
}
