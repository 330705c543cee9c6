/**
 * How the engines run the statements of audiences, each shape that there is: tags and users are found by an index, and a page
 * reads no table from its beginning.
 */

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { platforms } from '@lethe/protocol/platform.ts'
import Sqlite from 'better-sqlite3'
import pg from 'pg'
import type { Audience, Condition } from '../../src/audience/audience.ts'
import { tagsIn } from '../../src/audience/audience.ts'
import { type Compiled, compileCount, compilePage } from '../../src/audience/audience-sql.ts'
import type { Alias, RegistrationId, Tag } from '../../src/kernel/personal.ts'
import type { Engine } from '../../src/storage/database.ts'
import { postgresDialect } from '../../src/storage/postgres/dialect.ts'
import { sqliteDialect } from '../../src/storage/sqlite/dialect.ts'
import type { Statement } from '../../src/storage/statement.ts'
import { openTestPostgres, openTestSqlite } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'
import { openRegistry } from '../support/registry.ts'

const USERS = 50_000

function rowsOf(numbers: string): string {
  const tags = [`'shared'`, `'tag' || (n % 1000)`, `'group' || (n % 40)`]
  return [
    `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at, alias, token, token_digest)
      select 'registry', 'id' || (n * 7919 % ${USERS}), 'web', 'live', 1, n, 'alias' || n, 'token' || n, 'digest' || n from ${numbers}`,
    ...tags.map(
      (tag) => `insert into device_tag (app_key, registration_id, tag)
        select 'registry', 'id' || (n * 7919 % ${USERS}), ${tag} from ${numbers}`,
    ),
  ].join(';\n')
}

const tags = (count: number) => Array.from({ length: count }, (_, n) => `tag${n}` as Tag)
const lists: Condition[] = [
  { kind: 'anyId', registrationIds: ['id1', 'id2'] as RegistrationId[] },
  { kind: 'anyAlias', aliases: ['alias1', 'alias2'] as Alias[] },
  { kind: 'allTags', tags: tags(3) },
  { kind: 'anyTag', tags: tags(20) },
  { kind: 'noTag', tags: tags(20) },
]
const audiences: Audience[] = [{ kind: 'everyone' }]
for (let chosen = 1; chosen < 2 ** lists.length; chosen++) {
  const conditions = lists.filter((_, index) => (chosen & (2 ** index)) !== 0)
  audiences.push({ kind: 'intersection', conditions })
}

/** Every combination of conditions, with tags of few holders and of many. */
function statementsOf(engine: Engine): { name: string; compiled: Compiled<unknown>; scalars: string[] }[] {
  return audiences.flatMap((audience) =>
    [1, 10_000, 100_000].flatMap((count) => {
      const holders = new Map(tagsIn(audience).map((tag): [Tag, number] => [tag, count]))
      const input = { audience, holders, engine }
      const page = { ...input, members: 'reachable', candidatesMax: 500 } as const
      return [
        { compiled: compileCount(input), scalars: ['registry'] },
        { compiled: compilePage({ ...page, platforms, isBounded: false }), scalars: ['registry', 'id1'] },
        {
          compiled: compilePage({ ...page, members: 'live', platforms, isBounded: false }),
          scalars: ['registry', 'id1'],
        },
        {
          compiled: compilePage({ ...page, platforms: ['web'], isBounded: true }),
          scalars: ['registry', 'id1', 'id5'],
        },
      ].map((one) => ({ ...one, name: one.compiled.statement.name }))
    }),
  )
}

test('SQLite searches users and their tags by an index, whatever is asked', async (t) => {
  const opened = await openTestSqlite()
  t.after(opened.close)
  await openRegistry(opened.database)
  const numbers = `(with recursive counted (n) as (select 1 union all select n + 1 from counted where n < ${USERS}) select n from counted)`
  await runOutside(opened, rowsOf(numbers))
  const connection = new Sqlite(path.join(opened.directory, 'lethe.sqlite'), { readonly: true })
  t.after(() => connection.close())
  const wrong = new Set<string>()
  for (const { name, compiled, scalars } of statementsOf('sqlite')) {
    const statement = compiled.statement as Statement
    const explain = connection.prepare(`explain query plan ${sqliteDialect.text(statement)}`)
    const steps = explain.all(...sqliteDialect.parameters(statement, compiled.rows, scalars))
    for (const { detail } of steps as { detail: string }[]) {
      const isOfTable = / (device|device_tag|d|t|o|a)( |$)/.test(detail.replace(/ USING.*/, ''))
      if (isOfTable && !/^SEARCH /.test(detail)) wrong.add(`${name}: ${detail}`)
      // Nothing but the look at who can be reached goes through all users of an app.
      if (/\(app_key=\?\)/.test(detail) && !(name.includes('count:') && detail.includes('device_reachable')))
        wrong.add(`${name}: ${detail}`)
    }
  }
  assert.deepEqual([...wrong], [])
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly PlanNode[]
}

function scannedIn(node: PlanNode): string[] {
  const own = node['Node Type'] === 'Seq Scan' ? [node['Relation Name'] ?? ''] : []
  return [...own, ...(node.Plans ?? []).flatMap(scannedIn)]
}

test('PostgreSQL searches users and their tags by an index, whatever is asked', async (t) => {
  const opened = await openTestPostgres()
  await openRegistry(opened.database)
  await runOutside(opened, rowsOf(`generate_series(1, ${USERS}) as numbers (n)`))
  const client = new pg.Client({ connectionString: opened.url })
  await client.connect()
  t.after(async () => {
    await client.end()
    await opened.close()
  })
  await client.query('vacuum analyze')
  const wrong = new Set<string>()
  for (const { name, compiled, scalars } of statementsOf('postgres')) {
    const statement = compiled.statement as Statement
    const text = postgresDialect.text(statement)
    const values = postgresDialect.parameters(statement, compiled.rows, scalars)
    // A plan that is kept for all values, and one that is made for these.
    const plans = [
      await client.query(`explain (generic_plan, format json) ${text}`),
      await client.query(`explain (format json) ${text}`, values),
    ]
    for (const { rows } of plans) {
      const [{ Plan: plan }] = rows[0]['QUERY PLAN'] as [{ Plan: PlanNode }]
      for (const table of scannedIn(plan)) {
        // A count that goes through everybody, or through a tenth of them, may do so in the table when it is small.
        if (!(table === 'device' && /count:.*:large:/.test(name))) wrong.add(`${name}: ${table}`)
      }
    }
  }
  assert.deepEqual([...wrong], [])
})
