// Made-up users, the same in every run, and how they come into a database before a measurement: by bulk inserts, since over
// HTTP that would take longer than the measurement itself. Counts of tags and aliases are kept right.
import { createHash } from 'node:crypto'
import type { App } from '../../packages/server/src/apps/app.ts'
import { idTombstones, tokenDigest, tokenTombstones } from '../../packages/server/src/devices/digests.ts'
import type { RegistrationId, Token } from '../../packages/server/src/kernel/personal.ts'
import { statement } from '../../packages/server/src/storage/statement.ts'
import { openSession, type Place, type Session } from './place.ts'

export type Kind = 'plain' | 'tagged'

/** A range of users. Every user has a token and facts of its device; a tagged one also five tags and an alias. */
export type Users = {
  kind: Kind
  /** Ranges in one database do not overlap. */
  from: number
  count: number
  /** Accepted: the deletion was accepted at this moment, in milliseconds, and everything else is still to be done. */
  acceptedAt?: number
}

const kindWords: Record<Kind, string> = { plain: 'plain user', tagged: 'user with 5 tags and an alias' }

export function nameOfKind(kind: Kind): string {
  return kindWords[kind]
}

/** 32 hexadecimal characters in no order, as the server mints them. */
export function idOf(n: number): RegistrationId {
  return md5(`user ${n}`) as RegistrationId
}

/** Like the server's own, these ids sort by time. Ten deletions a millisecond. */
export function erasureIdOf(n: number): string {
  return (
    Math.floor(n / 10)
      .toString(16)
      .padStart(12, '0') + md5(`erasure ${n}`).slice(0, 20)
  )
}

export function idsOf({ from, count }: Pick<Users, 'from' | 'count'>): RegistrationId[] {
  return Array.from({ length: count }, (_, index) => idOf(from + index))
}

/** One common tag, rarer ones, and one of thousands. */
export function tagsOf(n: number): string[] {
  return [
    `language_${n % 5}`,
    `country_${n % 50}`,
    `city_${n % 400}`,
    `interest_${n % 1_009}`,
    `cohort_${n % 4_999}`,
  ]
}

/** Loads the users and brings the database into the state of one that has been running: statistics fresh, nothing to flush. */
export async function loadUsers(place: Place, app: App, groups: readonly Users[]): Promise<void> {
  const session = await openSession(place)
  try {
    // Only here: what is loaded need not outlive a power cut.
    await session.run(place.engine === 'sqlite' ? 'pragma synchronous = off' : 'set synchronous_commit = off')
    for (const users of groups) await loadGroup(session, app, users)
    await session.run(COUNT_TAGS)
    await session.run(COUNT_USAGE)
    for (const text of place.engine === 'sqlite' ? SETTLE_SQLITE : SETTLE_POSTGRES) await session.run(text)
  } finally {
    await session.close()
  }
}

const SETTLE_SQLITE = ['pragma wal_checkpoint(truncate)']
const SETTLE_POSTGRES = ['vacuum analyze', 'checkpoint']
const batchRows = 5_000

async function loadGroup(session: Session, app: App, users: Users): Promise<void> {
  for (let done = 0; done < users.count; done += batchRows) {
    const numbers = Array.from(
      { length: Math.min(batchRows, users.count - done) },
      (_, index) => users.from + done + index,
    )
    await session.run('begin')
    await loadBatch(session, app, { ...users, numbers })
    await session.run('commit')
  }
}

async function loadBatch(
  { read }: Session,
  app: App,
  { kind, acceptedAt, numbers }: Users & { numbers: readonly number[] },
): Promise<void> {
  const key = (n: number) => ({ app_key: app.appKey, registration_id: idOf(n) })
  const token = (n: number) => `token-${md5(`token ${n}`)}${md5(`more of token ${n}`)}` as Token
  const digest = (n: number) => tokenDigest('android', token(n))
  await read.query(
    INSERT_DEVICES,
    numbers.map((n) => ({
      ...key(n),
      state: acceptedAt === undefined ? 'live' : 'erasing',
      secret_digest: md5(`secret ${n}`),
      token: token(n),
      token_digest: digest(n),
      alias: kind === 'tagged' ? `alias_${n}` : null,
      erasure_id: acceptedAt === undefined ? null : erasureIdOf(n),
    })),
    1_700_000_000_000,
  )
  if (kind === 'tagged') {
    const tags = numbers.flatMap((n) => tagsOf(n).map((tag) => ({ ...key(n), tag })))
    await read.query(INSERT_TAGS, tags)
  }
  if (acceptedAt === undefined) return
  await read.query(
    INSERT_ERASURES,
    numbers.map((n) => ({
      ...key(n),
      erasure_id: erasureIdOf(n),
      id_digest: idTombstones(app.erasureKeys, idOf(n))[0] ?? '',
      token_digest: tokenTombstones(app.erasureKeys, digest(n))[0] ?? null,
    })),
    acceptedAt,
  )
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

const INSERT_DEVICES = statement()(
  'bench.devices',
  {
    app_key: 'text',
    registration_id: 'text',
    state: 'text',
    secret_digest: 'text',
    token: 'text',
    token_digest: 'text',
    alias: 'text',
    erasure_id: 'text',
  },
  (
    q,
  ) => `insert into device (app_key, registration_id, platform, state, secret_digest, created_at, last_seen_at, token,
      token_digest, token_changed_at, alias, erasure_id, os, model, app_version, sdk_version, language, timezone,
      notification_permission)
    select app_key, registration_id, 'android', state, secret_digest, ${q.value(1)}, ${q.value(1)}, token,
      token_digest, ${q.value(1)}, alias, erasure_id, 'Android 16', 'Pixel 9', '4.2.0', '1.0.3', 'de', 'Europe/Berlin', 'granted'
    from ${q.input} order by app_key, registration_id`,
)

const INSERT_TAGS = statement()(
  'bench.tags',
  { app_key: 'text', registration_id: 'text', tag: 'text' },
  (q) => `insert into device_tag (app_key, registration_id, tag)
    select app_key, registration_id, tag from ${q.input} order by app_key, registration_id, tag`,
)

const INSERT_ERASURES = statement()(
  'bench.erasures',
  { app_key: 'text', registration_id: 'text', erasure_id: 'text', id_digest: 'text', token_digest: 'text' },
  (
    q,
  ) => `insert into erasure (erasure_id, app_key, registration_id, id_digest, token_digest, key_version, origin, state,
      accepted_at, attempts, run_at)
    select erasure_id, app_key, registration_id, id_digest, token_digest, 1, 'server', 'accepted', ${q.value(1)}, 0,
      ${q.value(1)}
    from ${q.input}`,
)

/** Live users only, as the server counts them. All of ours are on Android. */
const COUNT_TAGS = `insert into tag (app_key, tag, web_count, android_count, ios_count, hmos_count)
  select t.app_key, t.tag, 0, count(*), 0, 0 from device_tag t
    join device d on d.app_key = t.app_key and d.registration_id = t.registration_id
  where d.state = 'live' group by t.app_key, t.tag`

const COUNT_USAGE = `insert into app_usage (app_key, tag_count, alias_count)
  select a.app_key, (select count(*) from tag t where t.app_key = a.app_key),
    (select count(*) from device d where d.app_key = a.app_key and d.state = 'live' and d.alias is not null)
  from app a where true
  on conflict (app_key) do update set tag_count = excluded.tag_count, alias_count = excluded.alias_count`
