// Compares what callers expect with what stands in the database after the server has stopped: nobody missing, nobody too
// many, every unanswered call done wholly or not at all, every count as it is counted anew.
import { createHash } from 'node:crypto'
import type { Caller, Observed } from './after-crash.ts'
import {
  factNames,
  type Household,
  isSharedAlias,
  isSharedToken,
  ownTokens,
  platforms,
  type User,
} from './household.ts'
import type { Look, Row } from './store.ts'

export type Reckoning = { households: Household[]; complaints: string[] }

type Snapshot = {
  /** Rows of `device` that are live, by id. */
  devices: Map<string, Row>
  tagsById: Map<string, Set<string>>
}

export async function reckon(
  look: Look,
  input: { callers: readonly Caller[]; observed: Observed },
): Promise<Reckoning> {
  const snapshot = await readSnapshot(look)
  const complaints = [...(await look.damage()), ...(await checkTables(look))]
  const byOwner = Map.groupBy(snapshot.devices.values(), ownerOf(input.callers))
  for (const row of byOwner.get(undefined) ?? [])
    complaints.push(`nobody made the user ${row['registration_id']}`)
  const households = input.callers.map((caller) => {
    const rows = byOwner.get(caller.household.number) ?? []
    const { household, wrong } = resolve(caller, snapshot, rows)
    complaints.push(...wrong)
    return household
  })
  complaints.push(...compareObserved(input.observed, snapshot))
  complaints.push(...(await compareCounts(look, input.observed)))
  return { households, complaints }
}

/** Of the two ways in which a caller's last call may have ended, the one that the database shows. */
function resolve(
  { household, pending }: Caller,
  snapshot: Snapshot,
  rows: readonly Row[],
): { household: Household; wrong: string[] } {
  const candidates = pending ? [household, pending.after(household, undefined)] : [household]
  const judged = candidates.map((one) => ({ one, wrong: mismatches(one, snapshot, rows) }))
  const right = judged.find(({ wrong }) => wrong.length === 0)
  if (right) return { household: adopt(right.one, snapshot, rows), wrong: [] }
  const wrong = judged.map(
    ({ wrong }, index) =>
      `${index === 0 ? '' : 'or, had the unanswered call been done, '}${wrong.join('; ')}`,
  )
  const call = pending ? ` (unanswered: ${JSON.stringify(pending.call)})` : ''
  return { household, wrong: [`household ${household.number}: ${wrong.join(' ')}${call}`] }
}

function mismatches(household: Household, snapshot: Snapshot, rows: readonly Row[]): string[] {
  const found = new Set<Row>()
  const wrong = [...household.users.values()].flatMap((user) => {
    const row = rowOf(user, rows)
    if (!row) return [`the user ${user.id} is gone`]
    found.add(row)
    return mismatchesOf(user, row, snapshot)
  })
  const unexpected = rows.filter((row) => !found.has(row))
  return [...wrong, ...unexpected.map((row) => `the user ${row['registration_id']} should not be there`)]
}

function mismatchesOf(user: User, row: Row, { tagsById }: Snapshot): string[] {
  const tags = [...(tagsById.get(String(row['registration_id'])) ?? [])].sort().join(',')
  const wanted = [...user.tags].sort().join(',')
  const alias = row['alias'] ?? ''
  const token = row['token'] ?? ''
  const isTaken = isSharedToken(user.token) && token === '' && row['detached_at'] !== null
  const wrong: [boolean, string][] = [
    [row['platform'] === user.platform, 'platform'],
    [tags === wanted, `tags ${tags} instead of ${wanted}`],
    [
      alias === user.alias || (alias === '' && isSharedAlias(user.alias)),
      `alias ${alias} instead of ${user.alias}`,
    ],
    [token === user.token || isTaken, `token ${token} instead of ${user.token}`],
    [user.mark === '' || row['model'] === user.mark, 'mark'],
    [user.secret === undefined || row['secret_digest'] === sha256(user.secret), 'secret'],
    ...factNames.map((name): [boolean, string] => [
      (row[name] ?? undefined) === user.facts[name],
      `${name} ${row[name]} instead of ${user.facts[name]}`,
    ]),
  ]
  return wrong.flatMap(([isRight, what]) => (isRight ? [] : [`${user.id}: ${what}`]))
}

/** From here on the household expects what is there: shared names may have gone, an unanswered user has its id. */
function adopt(household: Household, _: Snapshot, rows: readonly Row[]): Household {
  const users = [...household.users.values()].map((user): [string, User] => {
    const row = rowOf(user, rows)
    const id = String(row?.['registration_id'])
    return [id, { ...user, id, alias: String(row?.['alias'] ?? ''), token: String(row?.['token'] ?? '') }]
  })
  return { ...household, users: new Map(users) }
}

function rowOf(user: User, rows: readonly Row[]): Row | undefined {
  if (!user.id.startsWith('?')) return rows.find((row) => row['registration_id'] === user.id)
  return rows.find((row) => (user.mark === '' ? row['token'] === user.token : row['model'] === user.mark))
}

/** Whose user a row is: the mark tells, or the token, or that the household knows the id. */
function ownerOf(callers: readonly Caller[]): (row: Row) => number | undefined {
  const ids = new Map<string, number>()
  const tokens = new Map<string, number>()
  for (const { household } of callers) {
    for (const id of household.users.keys()) ids.set(id, household.number)
    for (const platform of platforms)
      for (const token of ownTokens(household, platform)) tokens.set(token, household.number)
  }
  return (row) => {
    const marked = /^m_(\d+)_/.exec(String(row['model'] ?? ''))?.[1]
    return marked === undefined
      ? (ids.get(String(row['registration_id'])) ?? tokens.get(String(row['token'])))
      : Number(marked)
  }
}

async function readSnapshot(look: Look): Promise<Snapshot> {
  const devices = await look.query(`select * from device where state = 'live'`)
  const tags = await look.query('select registration_id, tag from device_tag')
  const tagsById = new Map<string, Set<string>>()
  for (const { registration_id, tag } of tags) {
    const known = tagsById.get(String(registration_id)) ?? new Set()
    tagsById.set(String(registration_id), known.add(String(tag)))
  }
  return { devices: new Map(devices.map((row) => [String(row['registration_id']), row])), tagsById }
}

/** Questions to which every row of the answer is a fault. */
const faults: Record<string, string> = {
  'a user is still being erased': `select registration_id from device where state <> 'live'`,
  'an erasure is open': `select erasure_id, state, attempts, failure from erasure where state <> 'erased'`,
  'an erasure keeps an id or has no receipt': `select erasure_id from erasure
    where registration_id is not null or receipt is null or erased_at is null or removed_at is null`,
  'an erasure has no tombstone': `select e.erasure_id from erasure e where not exists (select 1 from tombstone t
    where t.erasure_id = e.erasure_id and t.kind = 'registration_id' and t.digest = e.id_digest)`,
  'a tombstone has no erasure': `select t.digest from tombstone t where not exists (select 1 from erasure e
    where e.erasure_id = t.erasure_id)`,
  'a tag is held by nobody who is there': `select t.registration_id, t.tag from device_tag t where not exists
    (select 1 from device d where d.app_key = t.app_key and d.registration_id = t.registration_id)`,
  'an alias has two holders': `select alias from device where alias is not null group by app_key, alias having count(*) > 1`,
  'a token has two holders': `select token_digest from device where token_digest is not null
    group by app_key, token_digest having count(*) > 1`,
  'a tag is counted wrongly': `select tag, sum(counted) as counted, sum(there) as there from (
      select tag, web_count + android_count + ios_count + hmos_count as counted, 0 as there from tag
      union all select tag, 0, 1 from device_tag) as both_sides
    group by tag having sum(counted) <> sum(there) or sum(counted) = 0`,
  'a tag is counted wrongly on a platform': `select t.tag from tag t where
    t.web_count <> (select count(*) from device_tag h join device d on d.registration_id = h.registration_id
      where h.tag = t.tag and d.platform = 'web') or
    t.ios_count <> (select count(*) from device_tag h join device d on d.registration_id = h.registration_id
      where h.tag = t.tag and d.platform = 'ios')`,
  'an app is counted wrongly': `select tag_count, alias_count from app_usage where
    tag_count <> (select count(*) from tag) or
    alias_count <> (select count(*) from device where alias is not null)`,
}

async function checkTables(look: Look): Promise<string[]> {
  const complaints: string[] = []
  for (const [fault, sql] of Object.entries(faults)) {
    for (const row of (await look.query(sql)).slice(0, 3)) complaints.push(`${fault}: ${JSON.stringify(row)}`)
  }
  return complaints
}

/** What the server told a moment before it stopped must be what is there. */
function compareObserved({ devices }: Observed, snapshot: Snapshot): string[] {
  return [...devices].flatMap(([id, { server, self }]) => {
    const row = snapshot.devices.get(id)
    const tags = [...(snapshot.tagsById.get(id) ?? [])].sort()
    const there = row && JSON.stringify({ tags, alias: row['alias'] ?? '' })
    if (JSON.stringify(server.body) !== there)
      return [`${id} was read as ${JSON.stringify(server.body)}, there is ${there}`]
    if (!self) return []
    const told = self.body as Record<string, unknown>
    const differs =
      factNames.some((name) => told[name] !== row?.[name]) || told['reachable'] !== (row?.['token'] !== null)
    return differs ? [`${id} read itself as ${JSON.stringify(told)}`] : []
  })
}

async function compareCounts(look: Look, { tagsCount, quota }: Observed): Promise<string[]> {
  const rows = await look.query('select tag, count(*) as holders from device_tag group by tag')
  const there = Object.fromEntries(rows.map((row) => [row['tag'], row['holders']]))
  const told = JSON.stringify(Object.entries(tagsCount).sort())
  const counted = JSON.stringify(Object.entries(there).sort())
  const [aliases] = await look.query('select count(*) as holders from device where alias is not null')
  const usage = `${quota.useTagQuota} tags, ${quota.useAliasQuota} aliases`
  const right = `${rows.length} tags, ${aliases?.['holders']} aliases`
  return [
    ...(told === counted ? [] : [`tags were counted as ${told}, there are ${counted}`]),
    ...(usage === right ? [] : [`the quota told of ${usage}, there are ${right}`]),
  ]
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
