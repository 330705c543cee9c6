/**
 * Loads a working set under locks and writes it back. The order of locks is the same in every transaction: names
 * (aliases, tokens), then device rows by key, then guards of apps, then tags, then apps, then the counters of a day; so none waits for another in a
 * circle.
 */

import type { Platform } from '@lethe/protocol/platform.ts'
import { assert } from '../kernel/assert.ts'
import type { Alias, RegistrationId, Tag } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import { saveActivity } from './activity.store.ts'
import { saveTags } from './device-tags.store.ts'
import { type DeviceKey, keyOf, noCount, type WorkingDevice, type WorkingSet } from './working-set.ts'

/** What a transaction is going to touch. */
export interface Wanted {
  readonly keys: readonly DeviceKey[]
  /** Devices among `keys` whose tags are changed or hidden. */
  readonly tagsOf?: readonly DeviceKey[]
  /** Aliases that are to be set; whoever holds one is loaded and locked too. */
  readonly aliases?: readonly { readonly appKey: string; readonly alias: Alias }[]
  /** Tokens that are to be set, by digest; likewise. */
  readonly tokens?: readonly { readonly appKey: string; readonly digest: string }[]
  /** Tags that are to be added: their counts are loaded, for the limits. */
  readonly addedTags?: readonly { readonly appKey: string; readonly tag: Tag }[]
}

/** Devices that do not exist are simply not in the set. */
export async function loadWorkingSet(tx: Tx, wanted: Wanted): Promise<WorkingSet> {
  const aliases = wanted.aliases ?? []
  const tokens = wanted.tokens ?? []
  await tx.lockNames([
    ...aliases.map(({ appKey, alias }) => keyOf(appKey, alias)),
    ...tokens.map(({ appKey, digest }) => keyOf(appKey, digest)),
  ])
  const holders = [
    ...(await tx.query(
      ALIAS_HOLDERS,
      aliases.map(({ appKey, alias }) => ({ app_key: appKey, name: alias })),
    )),
    ...(await tx.query(
      TOKEN_HOLDERS,
      tokens.map(({ appKey, digest }) => ({ app_key: appKey, name: digest })),
    )),
  ]
  const keys = new Map(
    [...wanted.keys.map(wireKey), ...holders].map((key) => [keyOf(key.app_key, key.registration_id), key]),
  )
  const rows = await tx.query(LOCK_DEVICES, [...keys.values()])
  const tags = await tx.query(TAGS_OF_DEVICES, (wanted.tagsOf ?? []).map(wireKey))
  return {
    ...workingDevices(
      rows,
      Map.groupBy(tags, (row) => keyOf(row.app_key, row.registration_id)),
    ),
    ...(await loadCounts(tx, wanted)),
  }
}

/** Writes back what changed since `loadWorkingSet`. `now`: milliseconds, by the clock of the node that was called. */
export async function saveWorkingSet(tx: Tx, set: WorkingSet, now: number): Promise<void> {
  const devices = [...set.devices.values()]
  await saveLosses(tx, set, now)
  await saveBirths(tx, devices, now)
  await saveGains(tx, devices, now)
  await saveTags(tx, devices)
  await saveCounts(tx, set)
  await saveActivity(tx, devices)
}

/** What frees a unique value goes first: dropped aliases, tokens that moved, off the rows of hidden devices too. */
async function saveLosses(tx: Tx, set: WorkingSet, now: number): Promise<void> {
  const known = [...set.devices.values()].filter((device) => device.before !== null)
  await tx.query(
    HIDE,
    known
      .filter((device) => device.hiddenBy !== null)
      .map((device) => ({ ...wireKey(device), erasure_id: device.hiddenBy })),
  )
  await tx.query(
    CLEAR_ALIAS,
    known.filter((device) => device.before?.alias && device.before.alias !== device.alias).map(wireKey),
  )
  await tx.query(
    DETACH,
    known.filter((device) => device.isDetached || isOldTokenTaken(set, device)).map(wireKey),
    now,
  )
}

/** Whether another device of the set takes over the token that this one gives up for a new one. */
function isOldTokenTaken(
  set: WorkingSet,
  { appKey, before, newToken, registrationId }: WorkingDevice,
): boolean {
  if (!newToken || before?.tokenDigest == null) return false
  const holder = set.tokenHolders.get(keyOf(appKey, before.tokenDigest))
  return holder !== undefined && holder.registrationId !== registrationId
}

async function saveBirths(tx: Tx, devices: readonly WorkingDevice[], now: number): Promise<void> {
  const born = devices.filter((device) => device.birth !== null)
  await tx.query(
    INSERT_DEVICES,
    born.map((device) => ({
      ...wireKey(device),
      platform: device.platform,
      // The request may have been repeated within the batch; the secret of its last answer is good.
      secret_digest: device.newSecretDigest ?? device.birth?.secretDigest ?? null,
      last_seen_at: device.seenAt,
      request_digest: device.birth?.requestDigest ?? null,
      ...wireToken(device),
      token_changed_at: device.newToken ? now : null,
      detached_at: device.isDetached ? now : null,
      alias: device.alias,
      ...wireFacts(device),
    })),
    now,
  )
}

async function saveGains(tx: Tx, devices: readonly WorkingDevice[], now: number): Promise<void> {
  const live = devices.filter((device) => device.before !== null && device.isLive)
  const seen = live.filter((device) => device.seenAt !== null)
  await tx.query(
    UPDATE_FACTS,
    seen.map((device) => ({ ...wireKey(device), last_seen_at: device.seenAt, ...wireFacts(device) })),
  )
  await tx.query(
    SET_ALIAS,
    live
      .filter((device) => device.alias !== null && device.before?.alias !== device.alias)
      .map((device) => ({ ...wireKey(device), alias: device.alias })),
  )
  await tx.query(
    SET_TOKEN,
    live
      .filter((device) => device.newToken !== null)
      .map((device) => ({ ...wireKey(device), ...wireToken(device) })),
    now,
  )
  await tx.query(
    SET_SECRET,
    live
      .filter((device) => device.newSecretDigest !== null)
      .map((device) => ({ ...wireKey(device), secret_digest: device.newSecretDigest })),
  )
}

async function saveCounts(tx: Tx, set: WorkingSet): Promise<void> {
  const changed = [...set.tagCounts.values()].filter(({ change }) =>
    Object.values(change).some((by) => by !== 0),
  )
  const input = changed.map(({ appKey, tag, change }) => ({ app_key: appKey, tag, ...change }))
  const after = await tx.query(COUNT_TAGS, input)
  const gone = after.filter((row) => row.total === 0)
  await tx.query(DELETE_EMPTY_TAGS, gone)
  const usage = new Map(
    [...set.usage].map(([appKey, { aliasChange }]) => [appKey, { tags: 0, aliases: aliasChange }]),
  )
  for (const row of after) {
    assert(row.total >= 0, 'a tag is held by a negative number of devices')
    const change = set.tagCounts.get(keyOf(row.app_key, row.tag))?.change
    assert(change, 'a tag was counted that is not in the working set')
    const before = row.total - change.web - change.android - change.ios - change.hmos
    const app = usage.get(row.app_key) ?? { tags: 0, aliases: 0 }
    app.tags += Number(row.total > 0) - Number(before > 0)
    usage.set(row.app_key, app)
  }
  const rows = [...usage].filter(([, { tags, aliases }]) => tags !== 0 || aliases !== 0)
  await tx.query(
    COUNT_USAGE,
    rows.map(([appKey, change]) => ({ app_key: appKey, ...change })),
  )
}

async function loadCounts(tx: Tx, wanted: Wanted): Promise<Pick<WorkingSet, 'tagCounts' | 'usage'>> {
  const added = wanted.addedTags ?? []
  const unique = new Map(added.map(({ appKey, tag }) => [keyOf(appKey, tag), { app_key: appKey, tag }]))
  const counts = await tx.query(TAG_TOTALS, [...unique.values()])
  const apps = new Set([...added, ...(wanted.aliases ?? [])].map(({ appKey }) => appKey))
  const usage = await tx.query(
    USAGE,
    [...apps].map((appKey) => ({ app_key: appKey })),
  )
  return {
    tagCounts: new Map(
      counts.map((row) => [keyOf(row.app_key, row.tag), noCount(row.app_key, row.tag, row.total)]),
    ),
    usage: new Map(
      usage.map((row) => [
        row.app_key,
        {
          appKey: row.app_key,
          tagCount: row.tag_count,
          aliasCount: row.alias_count,
          tagChange: 0,
          aliasChange: 0,
        },
      ]),
    ),
  }
}

function workingDevices(
  rows: readonly LockedRow[],
  tagsByKey: ReadonlyMap<string, readonly { tag: Tag }[]>,
): Pick<WorkingSet, 'devices' | 'aliasHolders' | 'tokenHolders'> {
  const devices = new Map<string, WorkingDevice>()
  const aliasHolders = new Map<string, WorkingDevice>()
  const tokenHolders = new Map<string, WorkingDevice>()
  for (const row of rows) {
    const key = keyOf(row.app_key, row.registration_id)
    const tags = new Set((tagsByKey.get(key) ?? []).map(({ tag }) => tag))
    const device: WorkingDevice = {
      appKey: row.app_key,
      registrationId: row.registration_id,
      platform: row.platform,
      before: {
        alias: row.alias,
        tokenDigest: row.token_digest,
        tags,
        requestDigest: row.request_digest,
        lastSeenAt: row.last_seen_at,
        isDetached: row.detached_at !== null,
        version: row.version,
        erasureId: row.erasure_id,
      },
      isLive: row.state === 'live',
      hiddenBy: null,
      alias: row.alias,
      tokenDigest: row.token_digest,
      newToken: null,
      tags: new Set(tags),
      isDetached: false,
      facts: {},
      seenAt: null,
      newSecretDigest: null,
      birth: null,
    }
    devices.set(key, device)
    if (device.alias !== null) aliasHolders.set(keyOf(device.appKey, device.alias), device)
    if (device.tokenDigest !== null) tokenHolders.set(keyOf(device.appKey, device.tokenDigest), device)
  }
  return { devices, aliasHolders, tokenHolders }
}

function wireKey(key: DeviceKey): { app_key: string; registration_id: RegistrationId } {
  return { app_key: key.appKey, registration_id: key.registrationId }
}

function wireToken(device: WorkingDevice) {
  const token = device.newToken
  return {
    token: token?.value ?? null,
    token_digest: token?.digest ?? null,
    token_p256dh: token?.p256dh ?? null,
    token_auth: token?.auth ?? null,
    token_environment: token?.environment ?? null,
  }
}

function wireFacts({ facts }: WorkingDevice) {
  return {
    os: facts.os ?? null,
    browser: facts.browser ?? null,
    model: facts.model ?? null,
    app_version: facts.appVersion ?? null,
    sdk_version: facts.sdkVersion ?? null,
    language: facts.language ?? null,
    timezone: facts.timezone ?? null,
    notification_permission: facts.notificationPermission ?? null,
  }
}

interface LockedRow {
  app_key: string
  registration_id: RegistrationId
  platform: Platform
  state: 'live' | 'erasing'
  alias: Alias | null
  token_digest: string | null
  request_digest: string | null
  last_seen_at: number
  detached_at: number | null
  version: number
  erasure_id: string | null
}

const KEY = { app_key: 'text', registration_id: 'text' } as const
const FACTS = {
  os: 'text',
  browser: 'text',
  model: 'text',
  app_version: 'text',
  sdk_version: 'text',
  language: 'text',
  timezone: 'text',
  notification_permission: 'text',
} as const
const TOKEN = {
  token: 'text',
  token_digest: 'text',
  token_p256dh: 'text',
  token_auth: 'text',
  token_environment: 'text',
} as const

const ALIAS_HOLDERS = statement<{ app_key: string; registration_id: RegistrationId }>()(
  'devices.alias-holders',
  { app_key: 'text', name: 'text' },
  (q) => `select d.app_key, d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.alias = input.name
    where d.alias is not null`,
)

const TOKEN_HOLDERS = statement<{ app_key: string; registration_id: RegistrationId }>()(
  'devices.token-holders',
  { app_key: 'text', name: 'text' },
  (q) => `select d.app_key, d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.token_digest = input.name
    where d.token_digest is not null`,
)

const LOCK_DEVICES = statement<LockedRow>()(
  'devices.lock',
  KEY,
  (q) => `select d.app_key, d.registration_id, d.platform, d.state, d.alias, d.token_digest,
      d.request_digest, d.last_seen_at, d.detached_at, d.version, d.erasure_id from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    order by d.app_key, d.registration_id ${q.lockRows('d')}`,
)

const TAGS_OF_DEVICES = statement<{ app_key: string; registration_id: RegistrationId; tag: Tag }>()(
  'devices.tags',
  KEY,
  (q) => `select t.app_key, t.registration_id, t.tag from ${q.input}
    join device_tag t on t.app_key = input.app_key and t.registration_id = input.registration_id`,
)

const HIDE = statement()(
  'devices.hide',
  { ...KEY, erasure_id: 'text' },
  (q) => `update device as d set state = 'erasing', erasure_id = input.erasure_id from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const CLEAR_ALIAS = statement()(
  'devices.clear-alias',
  KEY,
  (q) => `update device as d set alias = null, version = d.version + 1 from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const DETACH = statement()(
  'devices.detach',
  KEY,
  (q) => `update device as d set token = null, token_digest = null, token_p256dh = null, token_auth = null,
      token_environment = null, token_changed_at = ${q.value(1)}, detached_at = ${q.value(1)} from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const INSERT_DEVICES = statement()(
  'devices.insert',
  {
    ...KEY,
    platform: 'text',
    secret_digest: 'text',
    last_seen_at: 'bigint',
    request_digest: 'text',
    ...TOKEN,
    token_changed_at: 'bigint',
    detached_at: 'bigint',
    alias: 'text',
    ...FACTS,
  },
  (
    q,
  ) => `insert into device (app_key, registration_id, platform, state, secret_digest, created_at, last_seen_at,
      request_digest, token, token_digest, token_p256dh, token_auth, token_environment, token_changed_at, detached_at, alias,
      os, browser, model, app_version, sdk_version, language, timezone, notification_permission)
    select app_key, registration_id, platform, 'live', secret_digest, ${q.value(1)}, last_seen_at,
      request_digest, token, token_digest, token_p256dh, token_auth, token_environment, token_changed_at, detached_at, alias,
      os, browser, model, app_version, sdk_version, language, timezone, notification_permission
    from ${q.input}`,
)

/** True when a fact is told that was not known, or was another. */
const FACTS_CHANGE = Object.keys(FACTS)
  .map((fact) => `(input.${fact} is not null and input.${fact} is distinct from d.${fact})`)
  .join(' or ')

/** A fact that was not told stays as it is. A late heartbeat does not turn the time of the last one back. */
const UPDATE_FACTS = statement()(
  'devices.update-facts',
  { ...KEY, last_seen_at: 'bigint', ...FACTS },
  (q) => `update device as d set
      last_seen_at = case when input.last_seen_at > d.last_seen_at then input.last_seen_at else d.last_seen_at end,
      os = coalesce(input.os, d.os), browser = coalesce(input.browser, d.browser), model = coalesce(input.model, d.model),
      app_version = coalesce(input.app_version, d.app_version), sdk_version = coalesce(input.sdk_version, d.sdk_version),
      language = coalesce(input.language, d.language), timezone = coalesce(input.timezone, d.timezone),
      notification_permission = coalesce(input.notification_permission, d.notification_permission),
      version = d.version + case when ${FACTS_CHANGE} then 1 else 0 end from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const SET_ALIAS = statement()(
  'devices.set-alias',
  { ...KEY, alias: 'text' },
  (q) => `update device as d set alias = input.alias, version = d.version + 1 from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const SET_TOKEN = statement()(
  'devices.set-token',
  { ...KEY, ...TOKEN },
  (q) => `update device as d set token = input.token, token_digest = input.token_digest,
      token_p256dh = input.token_p256dh, token_auth = input.token_auth, token_environment = input.token_environment,
      token_changed_at = ${q.value(1)}, detached_at = null from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const SET_SECRET = statement()(
  'devices.set-secret',
  { ...KEY, secret_digest: 'text' },
  (q) => `update device as d set secret_digest = input.secret_digest from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id`,
)

const TAG_TOTALS = statement<{ app_key: string; tag: Tag; total: number }>()(
  'tags.totals',
  { app_key: 'text', tag: 'text' },
  (
    q,
  ) => `select t.app_key, t.tag, t.web_count + t.android_count + t.ios_count + t.hmos_count as total from ${q.input}
    join tag t on t.app_key = input.app_key and t.tag = input.tag`,
)

const USAGE = statement<{ app_key: string; tag_count: number; alias_count: number }>()(
  'apps.usage',
  { app_key: 'text' },
  (q) =>
    `select u.app_key, u.tag_count, u.alias_count from ${q.input} join app_usage u on u.app_key = input.app_key`,
)

const COUNT_TAGS = statement<{ app_key: string; tag: Tag; total: number }>()(
  'tags.count',
  { app_key: 'text', tag: 'text', web: 'bigint', android: 'bigint', ios: 'bigint', hmos: 'bigint' },
  (q) => `insert into tag (app_key, tag, web_count, android_count, ios_count, hmos_count)
    select app_key, tag, web, android, ios, hmos from ${q.input} where true order by app_key, tag
    on conflict (app_key, tag) do update set
      web_count = tag.web_count + excluded.web_count, android_count = tag.android_count + excluded.android_count,
      ios_count = tag.ios_count + excluded.ios_count, hmos_count = tag.hmos_count + excluded.hmos_count
    returning app_key, tag, web_count + android_count + ios_count + hmos_count as total`,
)

/** Asks for the count again: on PostgreSQL another transaction may have waited for the row and raised it. */
const DELETE_EMPTY_TAGS = statement()(
  'tags.delete-empty',
  { app_key: 'text', tag: 'text' },
  (q) => `delete from tag where (app_key, tag) in (select app_key, tag from ${q.input})
    and web_count + android_count + ios_count + hmos_count = 0`,
)

const COUNT_USAGE = statement()(
  'apps.count-usage',
  { app_key: 'text', tags: 'bigint', aliases: 'bigint' },
  (q) => `insert into app_usage (app_key, tag_count, alias_count)
    select app_key, tags, aliases from ${q.input} where true order by app_key
    on conflict (app_key) do update set tag_count = app_usage.tag_count + excluded.tag_count,
      alias_count = app_usage.alias_count + excluded.alias_count`,
)
