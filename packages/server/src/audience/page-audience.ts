/** The users of an audience, page by page, with what a sender needs. */

import type { Platform } from '@lethe/protocol/platform.ts'
import { assert } from '../kernel/assert.ts'
import type { Fact, RegistrationId, Token } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { readHolders } from './audience.store.ts'
import { type Audience, tagsIn } from './audience.ts'
import { compilePage, type PageRow } from './audience-sql.ts'

/** A user of the audience and its address at the moment of the page: look again before sending. */
export interface Recipient {
  readonly registrationId: RegistrationId
  readonly platform: Platform
  readonly token: Token
  /** Web Push only. */
  readonly p256dh: Token | null
  /** Web Push only. */
  readonly auth: Token | null
  /** APNs only. */
  readonly environment: 'production' | 'sandbox' | null
  /** BCP 47; null where it is unknown. */
  readonly language: Fact | null
  /** Since when the token has been this one, in milliseconds. */
  readonly tokenChangedAt: number | null
}

export interface PageInput {
  readonly appKey: string
  readonly audience: Audience
  readonly platforms: readonly Platform[]
  /** Users behind this text, in the database's order of texts; the empty text is before all. */
  readonly after: string
  /** Users up to this text and with it; undefined: up to the last. Need not be an id, so ranges can be stored that name nobody. */
  readonly until?: string
  /** Users that the page looks at, 1 to 10,000; it has as many or fewer of them, even none. */
  readonly candidatesMax: number
}

export interface Page {
  readonly recipients: readonly Recipient[]
  /** The `after` of the next page; undefined when there is none. An id, perhaps of somebody who is being erased: do not store it. */
  readonly next: string | undefined
}

/** One page must not hold up the others: SQLite answers it on the thread that answers everybody. */
export const PAGE_CANDIDATES_MAX = 10_000

/**
 * The next page in the order of registration ids. Whoever is in the audience all the time stands in exactly one of the
 * pages, whoever comes or goes meanwhile in at most one, and nobody who is not live and reachable when his page is read.
 */
export async function pageAudience(
  { database }: { readonly database: Pick<Db, 'read' | 'engine'> },
  { appKey, audience, platforms, after, until, candidatesMax }: PageInput,
): Promise<Page> {
  assert(candidatesMax <= PAGE_CANDIDATES_MAX, 'a page of too many candidates')
  const holders = await readHolders(database.read, appKey, tagsIn(audience))
  const { statement, rows } = compilePage({
    audience,
    holders,
    engine: database.engine,
    platforms,
    members: 'reachable',
    isBounded: until !== undefined,
    candidatesMax,
  })
  const bounds = until === undefined ? [after] : [after, until]
  const candidates = await database.read.query(statement, rows, appKey, ...bounds)
  return {
    recipients: candidates.flatMap(recipientIn),
    next: candidates.length < candidatesMax ? undefined : candidates.at(-1)?.registration_id,
  }
}

function recipientIn(row: PageRow): Recipient[] {
  if (row.token === null) return []
  return [
    {
      registrationId: row.registration_id,
      platform: row.platform,
      token: row.token,
      p256dh: row.token_p256dh,
      auth: row.token_auth,
      environment: row.token_environment,
      tokenChangedAt: row.token_changed_at,
      language: row.language,
    },
  ]
}
