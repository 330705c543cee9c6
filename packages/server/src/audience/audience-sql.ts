/**
 * The compiler: an audience becomes the text of a statement and the rows that are bound to it. Pure. Every name that a
 * caller gave travels as a bound row (kind, place, value); the text is made of words of ours alone.
 */

import { platforms as everyPlatform, type Platform } from '@lethe/protocol/platform.ts'
import { assert } from '../kernel/assert.ts'
import type { RegistrationId, Token } from '../kernel/personal.ts'
import type { Tables } from '../schema.ts'
import type { Engine } from '../storage/database.ts'
import { ONCE, type Statement, type StatementText, statement } from '../storage/statement.ts'
import type { Holders } from './audience.store.ts'
import type { Audience, ConditionKind } from './audience.ts'
import { type BoundName, boundNames, keyOfShape, type Shape, shapeOf } from './audience-shape.ts'

export interface CompileInput {
  readonly audience: Audience
  readonly holders: Holders
  readonly engine: Engine
}

/** A statement and the rows that it is called with. Its first scalar is the app key. */
export interface Compiled<Row> {
  readonly statement: Statement<BoundName | Record<never, never>, Row>
  readonly rows: readonly (BoundName | Record<never, never>)[]
}

/** Users of the audience; those of hmos are the rest of the total. */
export type CountRow = Readonly<Record<'total' | Exclude<Platform, 'hmos'>, number>>

/**
 * A candidate, that is a user who fits the start; with its platform and address if it is in the audience, else with nulls. A live
 * member who cannot be reached has a platform and no token.
 */
export type PageRow = { readonly registration_id: RegistrationId } & (
  | ({ readonly token: Token } & Pick<
      Tables['device'],
      'platform' | 'token_p256dh' | 'token_auth' | 'token_environment' | 'token_changed_at' | 'language'
    >)
  | { readonly token: null; readonly platform: Platform | null }
)

/** Counts the audience by platform. Scalars: app key. */
export function compileCount({ audience, holders, engine }: CompileInput): Compiled<CountRow> {
  const shape = shapeOf(audience, holders)
  return compile<CountRow>({
    name: `count:${engine}:${keyOfShape(shape)}`,
    rows: boundNames(audience, holders, shape),
    write: (q) => countText({ q, engine, shape }),
  })
}

export interface PageInput extends CompileInput {
  readonly platforms: readonly Platform[]
  /** Whom the page holds: users who can be reached, as sending asks, or all live ones, as deleting does. */
  readonly members: 'reachable' | 'live'
  /** Whether there is a third scalar. */
  readonly isBounded: boolean
  /** How many candidates a page looks at. Stands in the text, because the planner must know it. */
  readonly candidatesMax: number
}

/**
 * The next candidates in the order of registration ids, members of the audience or not: what one page costs is bounded.
 * Scalars: app key, after this id, and up to this one if bounded.
 */
export function compilePage(input: PageInput): Compiled<PageRow> {
  const { audience, holders, engine, members, isBounded, candidatesMax } = input
  assert(Number.isSafeInteger(candidatesMax) && candidatesMax > 0, 'a page of no candidates')
  // A page is small: what it asks about unwanted tags is asked for each candidate.
  const shape: Shape = { ...shapeOf(audience, holders), isStartLarge: false, isNoTagSet: false }
  const isEvery = everyPlatform.every((platform) => input.platforms.includes(platform))
  const platforms = isEvery ? [] : input.platforms.map((value, place) => ({ kind: 'platform', place, value }))
  return compile<PageRow>({
    name: `${members === 'live' ? 'live' : 'page'}:${engine}:${keyOfShape(shape)}:${isEvery ? 'all' : 'some'}:${isBounded ? 'range' : 'rest'}:${candidatesMax}`,
    rows: [...boundNames(audience, holders, shape), ...platforms],
    write: (q) =>
      pageText({ q, engine, shape }, { members, isBounded, candidatesMax, isEveryPlatform: isEvery }),
  })
}

const BOUND_NAME = { kind: 'text', place: 'bigint', value: 'text' } as const

/** PostgreSQL cuts longer names off. */
const STATEMENT_NAME_MAX = 63

const compiled = new Map<string, Statement>()

function compile<Row>(input: {
  name: string
  rows: readonly BoundName[]
  write: (q: StatementText) => string
}): Compiled<Row> {
  // A text that looks at no names has no batch: PostgreSQL refuses parameters that are not used.
  const isBare = input.rows.length === 0
  const name = `audience.${input.name}`
  assert(name.length <= STATEMENT_NAME_MAX, 'two statements could get one name')
  const known = compiled.get(name)
  const fresh = known ?? statement<Row>()(name, isBare ? {} : BOUND_NAME, input.write)
  compiled.set(name, fresh as Statement)
  return { statement: fresh as Compiled<Row>['statement'], rows: isBare ? ONCE : input.rows }
}

interface Text {
  readonly q: StatementText
  readonly engine: Engine
  readonly shape: Shape
}

/** Exactly what the index `device_reachable` holds. */
function isReachable({ q }: Text, device: string): string {
  return `${device}.app_key = ${q.value(1)} and ${device}.state = 'live' and ${device}.token_digest is not null`
}

const FIGURES = `count(*) as total, count(*) filter (where d.platform = 'web') as web,
  count(*) filter (where d.platform = 'android') as android, count(*) filter (where d.platform = 'ios') as ios`

function countText(text: Text): string {
  const { engine, shape } = text
  const all = `select ${FIGURES} from device d where ${isReachable(text, 'd')}`
  const isEveryone = shape.start === 'everyone'
  const startsIn = (start: Text) =>
    isEveryone ? all : `${all} and d.registration_id in (${startText(start)})`
  if (!shape.checks.includes('noTag')) return startsIn(text)

  const unwanted = holdersText(text, 'noTag')
  const wanted = { ...text, shape: { ...shape, checks: shape.checks.filter((kind) => kind !== 'noTag') } }
  if (engine === 'postgres' && (isEveryone || shape.isStartLarge)) {
    // A join that leaves the holders out, since whole indexes are read anyway.
    return `${startsIn(wanted)} and not exists (${unwanted} and t.registration_id = d.registration_id)`
  }
  if (!isEveryone) return startsIn(text)
  // SQLite counts all and takes off the unwanted, which is two to three times as fast as asking for each user.
  const difference = ['total', 'web', 'android', 'ios'].map(
    (name) => `everyone.${name} - unwanted.${name} as ${name}`,
  )
  return `select ${difference.join(', ')}
    from (${all}) as everyone, (${all} and d.registration_id in (${unwanted})) as unwanted`
}

/** Ids of all users who fit the start and the checks. */
function startText(text: Text): string {
  const { q, shape } = text
  switch (shape.start) {
    case 'everyone':
      throw new Error('everyone has no start')
    case 'anyId':
      return `select input.value from ${q.input} where input.kind = 'anyId'${checks(text, 'input.value')}`
    case 'anyAlias':
      return `${aliasHoldersText(text)}${checks(text, 'a.registration_id')}`
    case 'anyTag':
      return `${holdersText(text, 'anyTag')}${checks(text, 't.registration_id')}`
    case 'allTags':
      return `${holdersOfPlace(text, 'allTags', 0)}${checks(text, 't.registration_id')}`
  }
}

interface PageShape {
  readonly members: PageInput['members']
  readonly isBounded: boolean
  readonly candidatesMax: number
  readonly isEveryPlatform: boolean
}

function pageText(text: Text, page: PageShape): string {
  const platforms = page.isEveryPlatform ? '' : ` and d.platform in (${namesText(text, 'platform')})`
  const isMember = `${isCounted(text, page)} and d.registration_id = c.registration_id
    ${page.members === 'reachable' ? ' and d.token is not null' : ''}${platforms}${checks(text, 'c.registration_id')}`
  // PostgreSQL would rather read a whole table of 50,000 users than look 500 of them up, which is five times as fast.
  const device =
    text.engine === 'postgres'
      ? `lateral (select * from device d where ${isMember} limit 1) as d on true`
      : `device d on ${isMember}`
  return `select c.registration_id, d.platform, d.token, d.token_p256dh, d.token_auth, d.token_environment,
      d.token_changed_at, d.language
    from (${candidatesText(text, page)}) as c left join ${device}
    order by c.registration_id`
}

function isCounted(text: Text, { members }: PageShape): string {
  return members === 'reachable'
    ? isReachable(text, 'd')
    : `d.app_key = ${text.q.value(1)} and d.state = 'live'`
}

/** The next users who fit the start, in order. Each way reads no more of an index than it gives. */
function candidatesText(text: Text, page: PageShape): string {
  const { q, shape } = text
  const next = (select: string, column: string) => nextOf(select, column, { q, ...page })
  switch (shape.start) {
    case 'everyone':
      return next(
        `select d.registration_id from device d where ${isCounted(text, page)}`,
        'd.registration_id',
      )
    case 'anyId':
      return next(
        `select input.value as registration_id from ${q.input} where input.kind = 'anyId'`,
        'input.value',
      )
    case 'anyAlias':
      return next(aliasHoldersText(text), 'a.registration_id')
    case 'allTags':
      return next(holdersOfPlace(text, 'allTags', 0), 't.registration_id')
    case 'anyTag': {
      // The next holders of each tag, and of those the next: `union` leaves who holds several of them in once.
      const branches = Array.from({ length: shape.places.anyTag }, (_, place) => {
        const holders = next(holdersOfPlace(text, 'anyTag', place), 't.registration_id')
        return `select registration_id from (${holders}) as tag${place}`
      })
      return `select registration_id from (${branches.join(' union ')}) as holder
        order by registration_id limit ${page.candidatesMax}`
    }
  }
}

function nextOf(
  select: string,
  column: string,
  { q, isBounded, candidatesMax }: { q: StatementText; isBounded: boolean; candidatesMax: number },
): string {
  const until = isBounded ? ` and ${column} <= ${q.value(3)}` : ''
  return `${select} and ${column} > ${q.value(2)}${until} order by ${column} limit ${candidatesMax}`
}

/** The checks of a user whose id stands in this column, each with its `and`. */
function checks(text: Text, column: string): string {
  return text.shape.checks.map((kind) => ` and ${check(text, kind, column)}`).join('')
}

function check(text: Text, kind: ConditionKind, column: string): string {
  const { shape } = text
  switch (kind) {
    case 'anyId':
      return `${column} in (${namesText(text, 'anyId')})`
    case 'anyAlias':
      return `${column} in (${aliasHoldersText(text)})`
    case 'allTags': {
      const first = shape.start === 'allTags' ? 1 : 0
      return Array.from({ length: shape.places.allTags - first }, (_, index) =>
        isHolder(text, column, `o.tag = (${nameText(text, 'allTags', first + index)})`),
      ).join(' and ')
    }
    case 'anyTag':
      return isHolder(text, column, isOneOfUsersTags(text, 'anyTag'))
    case 'noTag':
      return shape.isNoTagSet
        ? `${column} not in (${holdersText(text, 'noTag')})`
        : `not ${isHolder(text, column, isOneOfUsersTags(text, 'noTag'))}`
  }
}

/**
 * Whether the user holds a tag. With `offset` PostgreSQL looks at each user by itself; with `is true` it may gather all
 * holders first, which pays for many users. Without either it would weigh the orders of a join of twenty tables.
 */
function isHolder({ q, shape }: Text, column: string, isTag: string): string {
  const holds = `select 1 from device_tag o where o.app_key = ${q.value(1)} and o.registration_id = ${column} and ${isTag}`
  return shape.isStartLarge ? `(exists (${holds}) is true)` : `exists (${holds} limit 1 offset 0)`
}

/** To a look at one user both engines read its few tags: plainly named, each of the twenty would be looked for. */
function isOneOfUsersTags(text: Text, kind: 'anyTag' | 'noTag'): string {
  const tag = text.shape.isStartLarge && text.engine === 'postgres' ? 'o.tag' : "(o.tag || '')"
  return `${tag} ${isAmong(text, kind, 'array')}`
}

/** Who holds any of the tags; somebody who holds several stands in it several times. */
function holdersText(text: Text, kind: 'anyTag' | 'noTag'): string {
  const isLarge = kind === 'anyTag' ? text.shape.isStartLarge : true
  const tag = isAmong(text, kind, isLarge ? 'array' : 'list')
  return `select t.registration_id from device_tag t where t.app_key = ${text.q.value(1)} and t.tag ${tag}`
}

/**
 * PostgreSQL takes a list for one tag and looks its holders up one by one; an array it takes for ten tags, and reads the
 * whole index of who can be reached beside it. To SQLite both are the same.
 */
function isAmong(text: Text, kind: ConditionKind, form: 'list' | 'array'): string {
  const names = namesText(text, kind)
  return text.engine === 'postgres' && form === 'array' ? `= any (array(${names}))` : `in (${names})`
}

function holdersOfPlace(text: Text, kind: 'anyTag' | 'allTags', place: number): string {
  return `select t.registration_id from device_tag t
    where t.app_key = ${text.q.value(1)} and t.tag = (${nameText(text, kind, place)})`
}

function aliasHoldersText({ q }: Text): string {
  return `select a.registration_id from ${q.input} join device a on a.app_key = ${q.value(1)} and a.alias = input.value
    where input.kind = 'anyAlias' and a.alias is not null`
}

function namesText({ q }: Text, kind: ConditionKind | 'platform'): string {
  return `select input.value from ${q.input} where input.kind = '${kind}'`
}

function nameText(text: Text, kind: ConditionKind, place: number): string {
  return `${namesText(text, kind)} and input.place = ${place}`
}
