/** What is read of the registry around an audience: who holds its tags, how many users there are, and some of them closely. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { Alias, RegistrationId, Tag } from '../kernel/personal.ts'
import type { Read } from '../schema.ts'
import { ONCE, statement } from '../storage/statement.ts'

/** How many live users hold each tag; a tag that nobody holds is missing. */
export type Holders = ReadonlyMap<Tag, number>

export async function readHolders(read: Read, appKey: string, tags: readonly Tag[]): Promise<Holders> {
  const rows = await read.query(
    HOLDERS,
    tags.map((tag) => ({ app_key: appKey, tag })),
  )
  return new Map(rows.map(({ tag, holders }) => [tag, holders]))
}

const HOLDERS = statement<{ tag: Tag; holders: number }>()(
  'audience.holders',
  { app_key: 'text', tag: 'text' },
  (q) => `select t.tag, t.web_count + t.android_count + t.ios_count + t.hmos_count as holders
    from ${q.input} join tag t on t.app_key = input.app_key and t.tag = input.tag`,
)

/** Users counted in one step, so that everybody else has a turn between two. */
const COUNTED_AT_ONCE = 20_000

/** All live users of the app, step by step: whoever comes or goes meanwhile may be counted or not. */
export async function countLive(read: Read, appKey: string): Promise<number> {
  let count = 0
  for (let after: string | null = ''; after !== null; ) {
    const [step]: { count: number; last: string | null }[] = await read.query(
      COUNT_LIVE,
      ONCE,
      appKey,
      after,
      COUNTED_AT_ONCE,
    )
    count += step?.count ?? 0
    after = step && step.count === COUNTED_AT_ONCE ? step.last : null
  }
  return count
}

const COUNT_LIVE = statement<{ count: number; last: string | null }>()(
  'audience.count-live',
  {},
  (q) => `select count(*) as count, max(registration_id) as last from (
      select d.registration_id from device d
      where d.app_key = ${q.value(1)} and d.state = 'live' and d.registration_id > ${q.value(2)}
      order by d.registration_id limit ${q.value(3)}) as step`,
)

/** A live user as somebody sees it who asks whether this is the one. */
export interface SampleRow {
  readonly registrationId: RegistrationId
  readonly platform: Platform
  readonly isReachable: boolean
  readonly alias: Alias | null
  /** Sorted. */
  readonly tags: readonly Tag[]
}

/** Those of the users that are live, in the order of registration ids. */
export async function readSample(
  read: Read,
  appKey: string,
  registrationIds: readonly RegistrationId[],
): Promise<SampleRow[]> {
  const rows = await read.query(
    SAMPLE,
    registrationIds.map((registration_id) => ({ app_key: appKey, registration_id })),
  )
  return [...Map.groupBy(rows, (row) => row.registration_id).values()].flatMap(([first, ...others]) => {
    if (!first) return []
    return [
      {
        registrationId: first.registration_id,
        platform: first.platform,
        isReachable: first.has_token === 1,
        alias: first.alias,
        tags: [first, ...others].flatMap(({ tag }) => (tag === null ? [] : [tag])),
      },
    ]
  })
}

const SAMPLE = statement<{
  registration_id: RegistrationId
  platform: Platform
  has_token: 0 | 1
  alias: Alias | null
  tag: Tag | null
}>()(
  'audience.sample',
  { app_key: 'text', registration_id: 'text' },
  (
    q,
  ) => `select d.registration_id, d.platform, d.alias, case when d.token is null then 0 else 1 end as has_token, t.tag
    from ${q.input} join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    left join device_tag t on t.app_key = d.app_key and t.registration_id = d.registration_id
    where d.state = 'live' order by d.registration_id, t.tag`,
)
