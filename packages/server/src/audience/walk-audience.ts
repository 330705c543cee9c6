/**
 * All live users of an audience, those included who cannot be reached: for whoever looks at them before something is done that
 * cannot be undone. Sending asks `page-audience.ts`, which leaves out whom nothing would reach.
 */

import { type Platform, platforms } from '@lethe/protocol/platform.ts'
import type { RegistrationId, Token } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { readHolders } from './audience.store.ts'
import { type Audience, tagsIn } from './audience.ts'
import { compilePage, type PageRow } from './audience-sql.ts'

/** A live user of the audience. */
export interface Member {
  readonly registrationId: RegistrationId
  readonly platform: Platform
  /** Null: nothing can reach the user. */
  readonly token: Token | null
}

/** Users that a step looks at. Between two steps everybody else has a turn: SQLite answers on the thread that answers all. */
const CANDIDATES_MAX = 2_000

/**
 * Gives the members in the order of registration ids, a handful at a time, perhaps none. Whoever is in the audience all the
 * time comes exactly once, whoever comes or goes meanwhile at most once.
 */
export async function* walkAudience(
  { database }: { readonly database: Pick<Db, 'read' | 'engine'> },
  { appKey, audience }: { readonly appKey: string; readonly audience: Audience },
): AsyncGenerator<readonly Member[]> {
  const holders = await readHolders(database.read, appKey, tagsIn(audience))
  const { statement, rows } = compilePage({
    audience,
    holders,
    engine: database.engine,
    platforms,
    members: 'live',
    isBounded: false,
    candidatesMax: CANDIDATES_MAX,
  })
  let after: string | undefined = ''
  while (after !== undefined) {
    const candidates: PageRow[] = await database.read.query(statement, rows, appKey, after)
    yield candidates.flatMap(memberIn)
    after = candidates.length < CANDIDATES_MAX ? undefined : candidates.at(-1)?.registration_id
  }
}

function memberIn({ registration_id: registrationId, platform, token }: PageRow): Member[] {
  return platform === null ? [] : [{ registrationId, platform, token }]
}
