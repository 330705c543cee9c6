/**
 * How the engines run the prepared statements: none may read through a whole table of users, however many there are. The
 * statements are all that are declared, so a new one is tested as soon as it exists.
 */

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import pg from 'pg'
import { prepareDatabase } from '../../src/app.ts'
import { createRoutes } from '../../src/http/routes.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { postgresDialect } from '../../src/storage/postgres/dialect.ts'
import { sqliteDialect } from '../../src/storage/sqlite/dialect.ts'
import { declaredStatements } from '../../src/storage/statement.ts'
import { units } from '../../src/units.ts'
import { openTestPostgres, openTestSqlite } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'

const TABLES = [
  'device',
  'device_tag',
  'tag',
  'tombstone',
  'erasure',
  'pending_message',
  'message_status',
  'socket_presence',
  'deletion_target',
]
const ROWS = 5_000
/**
 * Apps, nodes that send, what they hold, pushes under way, deletions that operators planned, files of the
 * ledger, and the rows of one step: few, by the names that they have in statements.
 */
const FEW_ROWS = /^SCAN (a|s|h|l|sender|fence_hold|push_span|ledger_file|deletion|step|page)\b/

/** Rows of an app that has been used for a while; `numbers` gives 1 to ROWS as `n`. */
function rowsOf(numbers: string): string {
  return [
    `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at, alias, token, token_digest)
      select 'plans', 'id' || n, 'web', 'live', 1, n, 'alias' || n, 'token' || n, 'digest' || n from ${numbers}`,
    `insert into device_tag (app_key, registration_id, tag) select 'plans', 'id' || n, 'tag' || n from ${numbers}`,
    `insert into device_tag (app_key, registration_id, tag) select 'plans', 'id' || n, 'shared' from ${numbers}`,
    `insert into tag (app_key, tag, web_count, android_count, ios_count, hmos_count)
      select 'plans', 'tag' || n, 1, 0, 0, 0 from ${numbers}`,
    `insert into tombstone (app_key, digest, kind, erasure_id, created_at)
      select 'plans', 'digest' || n, 'token', 'erasure' || n, 1 from ${numbers}`,
    `insert into erasure (erasure_id, app_key, id_digest, key_version, origin, state, accepted_at, attempts, run_at)
      select 'erasure' || n, 'plans', 'digest' || n, 1, 'server', case when n % 500 = 0 then 'accepted' else 'erased' end, n, 1, n
      from ${numbers}`,
    `insert into push (msg_id, app_key, kind, state, accepted_at, expires_at, is_targeted, content, collapse_id)
      select n, 'plans', 'notification', 'done', n, n, n % 2, '{}', 'collapse' || n from ${numbers}`,
    `insert into pending_message (app_key, registration_id, msg_id, way, due_at, expires_at, attempts, sender_id)
      select 'plans', 'id' || n, n, case when n % 2 = 0 then 'vendor' else 'socket' end, n, n, 0,
        case when n % 4 < 2 then 'sender' || n end from ${numbers}`,
    `insert into message_status (app_key, registration_id, msg_id, status, channel, changed_at)
      select 'plans', 'id' || n, n, 'sent', 'fcm', n from ${numbers}`,
    `insert into message_count (msg_id, app_key, platform, channel, targets, sent, delivered, impressions, clicks)
      select n, 'plans', 'android', 'fcm', 1, 1, 0, 0, 0 from ${numbers}`,
    `insert into deletion (deletion_id, app_key, state, source, is_everyone, line_count, target_count, created_at, touched_at,
      next_number, hidden_count, gone_count, pace_hidden)
      values ('deletion', 'plans', 'running', 'audience', 0, 0, ${ROWS}, 1, 1, 0, 0, 0, 0)`,
    `insert into deletion_target (app_key, registration_id, deletion_id, number)
      select 'plans', 'id' || n, 'deletion', n from ${numbers}`,
    `insert into socket_presence (app_key, registration_id, sender_id)
      select 'plans', 'id' || n, 'sender' || n from ${numbers}`,
  ].join(';\n')
}

async function prepare(database: Db): Promise<void> {
  const world = { clock: systemClock(), random: systemRandom, log: silentLog, version: '0' }
  const settings = { appKey: 'plans', masterSecret: 'secret', operatorToken: 'token' }
  await prepareDatabase({ database, secretKey: new Uint8Array(32), ...world, settings })
}

test('every room’s statements are among those that are looked at', () => {
  // These two import every store.
  assert.deepEqual([typeof createRoutes, typeof units], ['function', 'object'])
  const names = declaredStatements().map(({ name }) => name)
  for (const name of [
    'devices.lock',
    'devices.tags-and-alias',
    'tombstones.find',
    'erasure.claim-due',
    'erasure.remove-device',
  ])
    assert.ok(names.includes(name), name)
})

test('SQLite searches every table of users by an index', async (t) => {
  const opened = await openTestSqlite()
  t.after(opened.close)
  await prepare(opened.database)
  const numbers = `(with recursive counted (n) as (select 1 union all select n + 1 from counted where n < ${ROWS}) select n from counted)`
  await runOutside(opened, rowsOf(numbers))
  const connection = new Sqlite(path.join(opened.directory, 'lethe.sqlite'), { readonly: true })
  t.after(() => connection.close())
  // Those of `storage` itself are PostgreSQL's.
  const ours = declaredStatements().filter(({ name }) => !name.startsWith('storage.'))
  const wrong = ours.flatMap((statement) => {
    const explain = connection.prepare(`explain query plan ${sqliteDialect.text(statement)}`)
    const steps = explain.all({ input: '[]', v1: 1, v2: 1, v3: 1, v4: 1 }) as { detail: string }[]
    // Of the partial indexes over open erasures a scan reads the few that are open.
    return steps
      .filter(
        ({ detail }) =>
          /^SCAN /.test(detail) &&
          !/^SCAN (json_each|input|\d|CONSTANT)|USING (COVERING )?INDEX erasure_open/.test(detail) &&
          !FEW_ROWS.test(detail),
      )
      .map(({ detail }) => `${statement.name}: ${detail}`)
  })
  assert.deepEqual(wrong, [])
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly PlanNode[]
}

function scannedIn(node: PlanNode): string[] {
  const relation = node['Relation Name'] ?? ''
  const own = node['Node Type'] === 'Seq Scan' && TABLES.includes(relation) ? [relation] : []
  return [...own, ...(node.Plans ?? []).flatMap(scannedIn)]
}

test('PostgreSQL searches every table of users by an index', async (t) => {
  const opened = await openTestPostgres()
  await prepare(opened.database)
  await runOutside(opened, `${rowsOf(`generate_series(1, ${ROWS}) as numbers (n)`)}; analyze`)
  const client = new pg.Client({ connectionString: opened.url })
  await client.connect()
  t.after(async () => {
    await client.end()
    await opened.close()
  })
  const wrong: string[] = []
  for (const statement of declaredStatements()) {
    // The generic plan is the one that the server's sessions use: see `poolOptions`.
    const explain = `explain (generic_plan, format json) ${postgresDialect.text(statement)}`
    const { rows } = await client.query(explain)
    const [{ Plan: plan }] = rows[0]['QUERY PLAN'] as [{ Plan: PlanNode }]
    wrong.push(...scannedIn(plan).map((table) => `${statement.name}: ${table}`))
  }
  assert.deepEqual(wrong, [])
})
