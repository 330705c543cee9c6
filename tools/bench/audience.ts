// `npm run bench:audience [-- --engine sqlite|postgres] [--users <count>] [--runs <count>] [--plans]`: how long it takes to
// count audiences and to page through them in an app of a million users, loaded by bulk SQL. --plans prints how the engines
// run each statement. The goals are those of counts with twenty tags: 100 ms on PostgreSQL, 200 ms on SQLite.
//
// Every user has six tags: a thousand users have the same interest, 5,000 the same city, 20,000 the same country, and 100,000,
// as many as a tag may have, the same first, second and third topic. One in ten cannot be reached.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { platforms } from '../../packages/protocol/src/platform.ts'
import { readHolders } from '../../packages/server/src/audience/audience.store.ts'
import type { Audience, Condition } from '../../packages/server/src/audience/audience.ts'
import { tagsIn } from '../../packages/server/src/audience/audience.ts'
import { type Compiled, compileCount, compilePage } from '../../packages/server/src/audience/audience-sql.ts'
import { countAudience } from '../../packages/server/src/audience/count-audience.ts'
import { pageAudience } from '../../packages/server/src/audience/page-audience.ts'
import type { Tag } from '../../packages/server/src/kernel/personal.ts'
import type { Db } from '../../packages/server/src/schema.ts'
import type { Engine } from '../../packages/server/src/storage/database.ts'
import type { Statement } from '../../packages/server/src/storage/statement.ts'
import { startPostgres } from '../postgres/embedded-postgres.ts'
import { describeMachine, describeSource } from './machine.ts'
import { appKey, openPlace, openSession, type Place, placesOf } from './place.ts'
import { percentile, type Result, terminalTable } from './results.ts'

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string' },
    users: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '7' },
    plans: { type: 'boolean', default: false },
  },
})
const users = Number(options.users)
const runs = Number(options.runs)
const engines: Engine[] = (['sqlite', 'postgres'] as const).filter(
  (engine) => options.engine === undefined || options.engine === engine,
)
const goalMs: Record<Engine, number> = { postgres: 100, sqlite: 200 }
const pageCandidates = 500

const list = (name: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `${name}_${from + index}` as Tag)
const any = (tags: Tag[]): Condition => ({ kind: 'anyTag', tags })
const every = (tags: Tag[]): Condition => ({ kind: 'allTags', tags })
const no = (tags: Tag[]): Condition => ({ kind: 'noTag', tags })
const both = (...conditions: Condition[]): Audience => ({ kind: 'intersection', conditions })

type Question = { what: string; audience: Audience; isGoal: boolean }

/** Goals are set for tags of up to 5,000 users; beyond that the figures are shown without. */
const questions: Question[] = [
  { what: 'everyone', audience: { kind: 'everyone' }, isGoal: false },
  { what: 'one tag of 1,000', audience: both(any(list('interest', 1))), isGoal: true },
  { what: 'any of 20 tags of 1,000', audience: both(any(list('interest', 20))), isGoal: true },
  { what: 'any of 20 tags of 5,000', audience: both(any(list('city', 20))), isGoal: true },
  { what: 'any of 20 tags of 20,000', audience: both(any(list('country', 20))), isGoal: false },
  {
    what: 'any of 20 tags of 100,000',
    audience: both(any([...list('first', 10), ...list('second', 10)])),
    isGoal: false,
  },
  {
    what: 'all of 20 tags, the rarest of 1,000',
    audience: both(every([...list('interest', 1), ...list('first', 10), ...list('second', 9)])),
    isGoal: true,
  },
  {
    what: 'all of 3 tags: 5,000, 100,000, 100,000',
    audience: both(every([...list('city', 1), ...list('first', 1, 3), ...list('second', 1, 3)])),
    isGoal: true,
  },
  {
    what: 'all of 20 tags of 100,000',
    audience: both(every([...list('first', 10), ...list('second', 10)])),
    isGoal: false,
  },
  { what: 'none of 20 tags of 1,000', audience: both(no(list('interest', 20))), isGoal: true },
  { what: 'none of 20 tags of 5,000', audience: both(no(list('city', 20))), isGoal: true },
  { what: 'none of 20 tags of 20,000', audience: both(no(list('country', 20))), isGoal: false },
  {
    what: 'any of 20 of 5,000, none of 20 of 1,000',
    audience: both(any(list('city', 20)), no(list('interest', 20))),
    isGoal: true,
  },
  {
    what: 'any of 20 of 5,000, all of 2 of 100,000, none of 20 of 1,000',
    audience: both(
      every([...list('first', 1), ...list('second', 1)]),
      any(list('city', 20)),
      no(list('interest', 20)),
    ),
    isGoal: true,
  },
]

async function main(): Promise<void> {
  console.log([describeSource(), ...describeMachine()].join('\n'))
  const postgres = engines.includes('postgres') ? await startPostgres({ fsync: true }) : undefined
  try {
    const results: Result[] = []
    for (const engine of engines) {
      const place = await placesOf(engine, postgres)()
      try {
        results.push(...(await measure(engine, place)))
      } finally {
        await place.remove()
      }
    }
    console.log(`\n${terminalTable(results)}`)
  } finally {
    await postgres?.stop()
  }
}

async function measure(engine: Engine, place: Place): Promise<Result[]> {
  const { database } = await openPlace(place)
  try {
    console.log(`${engine}: loading ${users.toLocaleString('en-GB')} users`)
    await load(place)
    const results: Result[] = []
    for (const question of questions) {
      if (options.plans) await explain(question, { engine, place, database })
      results.push({ engine, ...(await counted(question, database, engine)) })
    }
    for (const question of questions.filter(({ what }) =>
      /^(everyone|one tag|any|none of 20 tags of 20)/.test(what),
    ))
      results.push({ engine, ...(await paged(question, database)) })
    return results
  } finally {
    await database.close()
  }
}

async function counted(
  { what, audience, isGoal }: Question,
  database: Db,
  engine: Engine,
): Promise<Omit<Result, 'engine'>> {
  const times: number[] = []
  let total = 0
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now()
    total = (await countAudience({ database }, { appKey, audience, platforms })).total
    times.push(performance.now() - startedAt)
  }
  return {
    what: `count: ${what}`,
    value: percentile(times, 0.5),
    unit: 'ms',
    ...(isGoal && { goal: goalMs[engine] }),
    beside: `${total.toLocaleString('en-GB')} users; best ${Math.min(...times).toFixed(0)}, worst ${Math.max(...times).toFixed(0)} ms`,
  }
}

/** A hundred pages from the middle of the registry on. */
async function paged({ what, audience }: Question, database: Db): Promise<Omit<Result, 'engine'>> {
  const times: number[] = []
  let after: string | undefined = '7'
  let found = 0
  while (after !== undefined && times.length < 100) {
    const startedAt = performance.now()
    const page = await pageAudience(
      { database },
      { appKey, audience, platforms, after, candidatesMax: pageCandidates },
    )
    times.push(performance.now() - startedAt)
    after = page.next
    found += page.recipients.length
  }
  return {
    what: `page of ${pageCandidates}: ${what}`,
    value: percentile(times, 0.5),
    unit: 'ms',
    beside: `${times.length} pages, ${found.toLocaleString('en-GB')} users; p99 ${percentile(times, 0.99).toFixed(1)} ms`,
  }
}

async function explain(
  { what, audience }: Question,
  { engine, place, database }: { engine: Engine; place: Place; database: Db },
): Promise<void> {
  const holders = await readHolders(database.read, appKey, tagsIn(audience))
  const count = compileCount({ audience, holders, engine })
  const page = compilePage({
    members: 'reachable',
    audience,
    holders,
    engine,
    platforms,
    isBounded: false,
    candidatesMax: pageCandidates,
  })
  const session = await openSession(place)
  try {
    for (const [name, { statement, rows: bound }] of [
      ['count', count],
      ['page', page],
    ] as [string, Compiled<unknown>][]) {
      const rows = await session.read.query(
        explained(statement, engine),
        bound,
        appKey,
        ...(name === 'page' ? [''] : []),
      )
      const steps = rows.map((row) => `      ${row['detail'] ?? row['QUERY PLAN']}`)
      console.log(`   ${name}: ${what}\n${steps.join('\n')}`)
    }
  } finally {
    await session.close()
  }
}

function explained(
  { name, columns, write }: Compiled<unknown>['statement'],
  engine: Engine,
): Statement<unknown, Record<string, unknown>> {
  const word = engine === 'sqlite' ? 'explain query plan' : 'explain'
  return { name: `explained.${name}`.slice(0, 63), columns, write: (q) => `${word} ${write(q)}` }
}

async function load(place: Place): Promise<void> {
  const session = await openSession(place)
  const isSqlite = place.engine === 'sqlite'
  const numbers = isSqlite
    ? `(with recursive counted (n) as (select 1 union all select n + 1 from counted where n < ${users}) select n from counted)`
    : `generate_series(1, ${users}) as counted (n)`
  // Ids in no order, as the server mints them: 32 hexadecimal characters.
  const id = isSqlite ? 'lower(hex(randomblob(16)))' : 'md5(random()::text || n)'
  const big = isSqlite ? 'integer' : 'bigint'
  try {
    for (const text of [
      // Only here: what is loaded need not outlive a power cut.
      ...(isSqlite
        ? ['pragma synchronous = off', 'pragma foreign_keys = off']
        : ['set synchronous_commit = off']),
      'begin',
      `create temporary table loaded (n ${big} primary key, id text not null)`,
      `insert into loaded (n, id) select n, ${id} from ${numbers}`,
      `insert into device (app_key, registration_id, platform, state, secret_digest, created_at, last_seen_at, token, token_digest,
          token_changed_at, os, model, app_version, sdk_version, language, timezone, notification_permission)
        select '${appKey}', id, case n % 4 when 0 then 'web' when 1 then 'ios' else 'android' end, 'live', id || id, 1, 1,
          case when n % 10 = 0 then null else id || id || id || id || id end, case when n % 10 = 0 then null else id || id end, 1,
          'Android 16', 'Pixel 9', '4.2.0', '1.0.3', 'de', 'Europe/Berlin', 'granted'
        from loaded order by id`,
      `insert into device_tag (app_key, registration_id, tag) select '${appKey}', id, tag from (
          select id, 'interest_' || (n % 1000) as tag from loaded union all
          select id, 'city_' || (n / 1000 % 200) from loaded union all
          select id, 'country_' || (n / 20 % 50) from loaded union all
          select id, 'first_' || (n * 7 / 3 % 10) from loaded union all
          select id, 'second_' || (n / 10 % 10) from loaded union all
          select id, 'third_' || (n / 100 % 10) from loaded
        ) as given order by id, tag`,
      `insert into tag (app_key, tag, web_count, android_count, ios_count, hmos_count)
        select app_key, tag, 0, count(*), 0, 0 from device_tag group by app_key, tag`,
      'commit',
      ...(isSqlite ? ['pragma wal_checkpoint(truncate)'] : ['vacuum analyze', 'checkpoint']),
    ])
      await session.run(text)
  } finally {
    await session.close()
  }
}

try {
  await main()
} catch (error) {
  process.exitCode = 1
  console.error(error instanceof Error ? error.stack : error)
}
