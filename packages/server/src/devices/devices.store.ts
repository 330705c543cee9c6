/** Reads of the registry. A user that is not live is in none of them. */

import type { Platform } from '@lethe/protocol/platform.ts'
import type { Alias, Fact, RegistrationId, Tag } from '../kernel/personal.ts'
import type { Read, Tables } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import type { DeviceKey } from './working-set.ts'

/** A device's row, as its own client may see it while it is live. */
export interface DeviceRow {
  readonly registrationId: RegistrationId
  readonly platform: Platform
  readonly isLive: boolean
  /** The erasure that hides the device; null while it is live. */
  readonly erasureId: string | null
  readonly secretDigest: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly isReachable: boolean
  readonly alias: Alias | null
  readonly facts: Readonly<Record<FactColumn, Fact | null>>
}

export const factColumns = [
  'os',
  'browser',
  'model',
  'app_version',
  'sdk_version',
  'language',
  'timezone',
  'notification_permission',
] as const
export type FactColumn = (typeof factColumns)[number]

/** The row of this id, live or still being erased; undefined when there is none. */
export async function readDeviceRow(read: Read, key: DeviceKey): Promise<DeviceRow | undefined> {
  const [row] = await read.query(DEVICE_ROW, [{ app_key: key.appKey, registration_id: key.registrationId }])
  if (!row) return undefined
  return {
    registrationId: row.registration_id,
    platform: row.platform,
    isLive: row.state === 'live',
    erasureId: row.erasure_id,
    secretDigest: row.secret_digest,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    isReachable: row.has_token === 1,
    alias: row.alias,
    facts: row,
  }
}

/** Tags, sorted, alias and version of a live device; undefined when it is not live. One statement, so one moment. */
export async function readTagsAndAlias(
  read: Read,
  key: DeviceKey,
): Promise<{ tags: Tag[]; alias: Alias | null; version: number } | undefined> {
  const rows = await read.query(TAGS_AND_ALIAS, [
    { app_key: key.appKey, registration_id: key.registrationId },
  ])
  const [first] = rows
  if (!first) return undefined
  const tags = rows.flatMap(({ tag }) => (tag === null ? [] : [tag]))
  return { tags, alias: first.alias, version: first.version }
}

/** Whether a live device holds the tag; undefined when it is not live. */
export async function readHasTag(read: Read, key: DeviceKey, tag: Tag): Promise<boolean | undefined> {
  const [row] = await read.query(HAS_TAG, [{ app_key: key.appKey, registration_id: key.registrationId, tag }])
  return row && row.has_tag === 1
}

/** When each of these live devices was last seen; others are left out. */
export async function readLastSeen(
  read: Read,
  appKey: string,
  registrationIds: readonly RegistrationId[],
): Promise<{ registration_id: RegistrationId; last_seen_at: number }[]> {
  return read.query(
    LAST_SEEN,
    registrationIds.map((registrationId) => ({ app_key: appKey, registration_id: registrationId })),
  )
}

/** The live device that holds the alias, if it is on one of these platforms. */
export async function readAliasHolder(
  read: Read,
  input: { appKey: string; alias: Alias; platforms: readonly Platform[] },
): Promise<RegistrationId | undefined> {
  const [row] = await read.query(ALIAS_HOLDER, [{ app_key: input.appKey, alias: input.alias }])
  return row && input.platforms.includes(row.platform) ? row.registration_id : undefined
}

/** All tags of the app that a live device holds, sorted. */
export async function readTags(read: Read, appKey: string): Promise<Tag[]> {
  const rows = await read.kysely
    .selectFrom('tag')
    .select('tag')
    .where('app_key', '=', appKey)
    .orderBy('tag')
    .execute()
  return rows.map((row) => row.tag)
}

/** How many live devices on these platforms hold each tag; 0 where nobody does. */
export async function readTagCounts(
  read: Read,
  input: { appKey: string; tags: readonly Tag[]; platforms: readonly Platform[] },
): Promise<Map<Tag, number>> {
  const rows = await read.query(
    TAG_COUNTS,
    input.tags.map((tag) => ({ app_key: input.appKey, tag })),
  )
  const counts = new Map<Tag, number>(input.tags.map((tag) => [tag, 0]))
  for (const row of rows) {
    counts.set(
      row.tag,
      input.platforms.reduce((sum, platform) => sum + row[`${platform}_count`], 0),
    )
  }
  return counts
}

/** How many different tags and how many aliases the app holds. */
export async function readUsage(
  read: Read,
  appKey: string,
): Promise<{ tagCount: number; aliasCount: number }> {
  const row = await read.kysely
    .selectFrom('app_usage')
    .select(['tag_count', 'alias_count'])
    .where('app_key', '=', appKey)
    .executeTakeFirst()
  return { tagCount: row?.tag_count ?? 0, aliasCount: row?.alias_count ?? 0 }
}

const KEY = { app_key: 'text', registration_id: 'text' } as const

type StoredDevice = Pick<
  Tables['device'],
  | 'registration_id'
  | 'platform'
  | 'state'
  | 'erasure_id'
  | 'secret_digest'
  | 'created_at'
  | 'last_seen_at'
  | 'alias'
  | FactColumn
>

const DEVICE_ROW = statement<StoredDevice & { has_token: 0 | 1 }>()(
  'devices.row',
  KEY,
  (
    q,
  ) => `select d.registration_id, d.platform, d.state, d.erasure_id, d.secret_digest, d.created_at, d.last_seen_at, d.alias,
      case when d.token is null then 0 else 1 end as has_token, ${factColumns.map((name) => `d.${name}`).join(', ')}
    from ${q.input} join device d on d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const TAGS_AND_ALIAS = statement<{ alias: Alias | null; version: number; tag: Tag | null }>()(
  'devices.tags-and-alias',
  KEY,
  (q) => `select d.alias, d.version, t.tag from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    left join device_tag t on t.app_key = d.app_key and t.registration_id = d.registration_id
    where d.state = 'live' order by t.tag`,
)

const HAS_TAG = statement<{ has_tag: 0 | 1 }>()(
  'devices.has-tag',
  { ...KEY, tag: 'text' },
  (q) => `select case when t.tag is null then 0 else 1 end as has_tag from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    left join device_tag t on t.app_key = d.app_key and t.registration_id = d.registration_id and t.tag = input.tag
    where d.state = 'live'`,
)

const LAST_SEEN = statement<{ registration_id: RegistrationId; last_seen_at: number }>()(
  'devices.last-seen',
  KEY,
  (q) => `select d.registration_id, d.last_seen_at from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    where d.state = 'live'`,
)

const ALIAS_HOLDER = statement<{ registration_id: RegistrationId; platform: Platform }>()(
  'devices.alias-holder',
  { app_key: 'text', alias: 'text' },
  (q) => `select d.registration_id, d.platform from ${q.input}
    join device d on d.app_key = input.app_key and d.alias = input.alias
    where d.alias is not null and d.state = 'live'`,
)

const TAG_COUNTS = statement<Tables['tag']>()(
  'tags.counts',
  { app_key: 'text', tag: 'text' },
  (q) => `select t.app_key, t.tag, t.web_count, t.android_count, t.ios_count, t.hmos_count from ${q.input}
    join tag t on t.app_key = input.app_key and t.tag = input.tag`,
)
