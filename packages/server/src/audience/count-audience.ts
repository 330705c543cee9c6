/** How many users an audience has. */

import { platforms as everyPlatform, type Platform } from '@lethe/protocol/platform.ts'
import { assert } from '../kernel/assert.ts'
import type { Db } from '../schema.ts'
import { readHolders } from './audience.store.ts'
import { type Audience, tagsIn } from './audience.ts'
import { compileCount } from './audience-sql.ts'

export interface AudienceCount {
  /** Users on the platforms that were asked about. */
  readonly total: number
  /** Platforms that were not asked about have 0. */
  readonly byPlatform: Readonly<Record<Platform, number>>
}

export interface CountInput {
  readonly appKey: string
  readonly audience: Audience
  readonly platforms: readonly Platform[]
}

/** Users who are in the audience and live and reachable at one moment, on these platforms. */
export async function countAudience(
  { database }: { readonly database: Pick<Db, 'read' | 'engine'> },
  { appKey, audience, platforms }: CountInput,
): Promise<AudienceCount> {
  const holders = await readHolders(database.read, appKey, tagsIn(audience))
  const { statement, rows } = compileCount({ audience, holders, engine: database.engine })
  const [row] = await database.read.query(statement, rows, appKey)
  assert(row, 'a count gave no row')
  const { total, web, android, ios } = row
  const found = { web, android, ios, hmos: total - web - android - ios }
  const wanted = everyPlatform.map((platform): [Platform, number] => [
    platform,
    platforms.includes(platform) ? found[platform] : 0,
  ])
  return {
    total: wanted.reduce((sum, [, count]) => sum + count, 0),
    byPlatform: Object.fromEntries(wanted) as Record<Platform, number>,
  }
}
