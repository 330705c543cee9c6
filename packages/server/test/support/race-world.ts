/**
 * Two nodes on one PostgreSQL with a pause possible before any statement of any transaction, clients that call them at the
 * same time, and what must hold whatever the order: the invariants of forgetting. Single locks can be taken out.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { InjectOptions } from 'fastify'
import { sql } from 'kysely'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { tokenTombstones } from '../../src/devices/digests.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import type { StatementSeam } from '../../src/storage/postgres/connection.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { basicAuth, startTestApp, type TestApp } from './app.ts'
import { captureLog } from './capture-log.ts'
import { personalTables } from './engines.ts'
import { hurriedClock } from './hurried-clock.ts'
import { until } from './until.ts'

/** A lock is the statement that takes it. */
export type Lock = 'devices.lock' | 'storage.lock-names' | 'erasure.claim-due'

export interface RaceOptions {
  readonly url: string
  readonly random: () => number
  readonly without?: Lock
  /** A statement that is often held up for long. */
  readonly slow?: { readonly name: string; readonly ms: number }
}

/** What a client does. Numbers choose among few names, so that clients get in each other's way. */
export type Op =
  | {
      readonly kind: 'register'
      readonly token: number | null
      readonly alias: number | null
      readonly tags: readonly number[]
    }
  | { readonly kind: 'heartbeat'; readonly user: number }
  | { readonly kind: 'moveToken'; readonly user: number; readonly token: number }
  | {
      readonly kind: 'changeSelf'
      readonly user: number
      readonly alias: number | null
      readonly add: readonly number[]
      readonly remove: readonly number[]
    }
  | {
      readonly kind: 'setDevice'
      readonly user: number
      readonly alias: number | null
      readonly add: readonly number[]
      readonly remove: readonly number[]
    }
  | {
      readonly kind: 'setTag'
      readonly tag: number
      readonly add: readonly number[]
      readonly remove: readonly number[]
    }
  | { readonly kind: 'registerTokens'; readonly tokens: readonly number[] }
  | { readonly kind: 'deleteTag'; readonly tag: number }
  | { readonly kind: 'deleteAlias'; readonly alias: number }
  | { readonly kind: 'delete'; readonly user: number }
  | { readonly kind: 'deleteSelf'; readonly user: number }
  | { readonly kind: 'read'; readonly user: number; readonly alias: number }

/** What one client does, one after the other, at one of the nodes. */
export type Script = readonly Op[]

interface User {
  readonly id: string
  readonly secret: string
}

interface Round {
  readonly appKey: string
  readonly basic: { readonly authorization: string }
  readonly users: User[]
  /** When the deletion of an id had been answered. */
  readonly deletedAt: Map<string, number>
  readonly violations: string[]
}

export interface RaceWorld {
  /** Runs the scripts at the same time, in an app of their own. Answers with what was violated. */
  run(scripts: readonly Script[]): Promise<string[]>
  /** Waits until every deletion is erased and looks once more at all rounds. Answers with what was violated. */
  settle(): Promise<string[]>
  close(): Promise<void>
}

export async function openRaceWorld(options: RaceOptions): Promise<RaceWorld> {
  const nodes: { app: TestApp; database: Db }[] = []
  const clock = hurriedClock(25)
  const captured = captureLog()
  for (let node = 0; node < 2; node++) {
    const seam = seamOf(options)
    const database: Db = await openPostgres(
      { url: options.url, clock, onFault: () => {}, writersMax: 8, seam },
      personalTables,
    )
    const opened = { database, directory: '', url: options.url, close: async () => {} }
    const app = await startTestApp({ rateLimit: 0 }, { database: opened, deps: { clock, log: captured.log } })
    nodes.push({ app, database })
  }
  const [first] = nodes
  if (!first) throw new Error('there are two nodes')
  const rounds: Round[] = []
  return {
    run: async (scripts) => {
      const round = await startRound(first.app)
      rounds.push(round)
      await Promise.all(
        scripts.map((script, client) =>
          runScript(nodes[client % nodes.length]?.app ?? first.app, round, script),
        ),
      )
      round.violations.push(...(await countViolations(first.database, round)))
      if (round.violations.length > 0) round.violations.push(...faultsOf(captured.lines))
      return round.violations
    },
    settle: async () => {
      const late: string[] = []
      for (const round of rounds) late.push(...(await settledViolations(first.database, round)))
      late.push(...faultsOf(captured.lines))
      return late
    },
    close: async () => {
      for (const { app } of nodes) await app.close()
      for (const { database } of nodes) await database.close()
    },
  }
}

function seamOf({ random, without, slow }: RaceOptions): StatementSeam {
  return async ({ name, text }) => {
    if (name === slow?.name && random() < 0.5) await sleep(random() * slow.ms)
    else if (random() < 0.25) await sleep(random() * 3)
    return name === without ? withoutLock(name, text) : text
  }
}

function withoutLock(name: Lock, text: string): string {
  const changed =
    name === 'storage.lock-names'
      ? 'select 1 from unnest($1::text[])'
      : text.replace(/for no key update of [de]( skip locked)?/, '')
  if (changed === text) throw new Error(`there is no lock in ${name}`)
  return changed
}

async function startRound(app: TestApp): Promise<Round> {
  const made = await app.app.http.inject({
    method: 'POST',
    url: '/admin/v1/apps',
    headers: app.bearer,
    payload: { name: 'round' },
  })
  const { app_key: appKey, master_secret: secret } = made.json()
  const round: Round = {
    appKey,
    basic: { authorization: basicAuth(appKey, secret) },
    users: [],
    deletedAt: new Map(),
    violations: [],
  }
  for (const token of [0, 1, 2])
    await runOp(app, round, { kind: 'register', token, alias: token % 2, tags: [0, token] })
  return round
}

async function runScript(app: TestApp, round: Round, script: Script): Promise<void> {
  for (const op of script) await runOp(app, round, op)
}

async function runOp(app: TestApp, round: Round, op: Op): Promise<void> {
  const startedAt = performance.now()
  // Chosen now: more users come while the call is on its way.
  const user = 'user' in op ? userOf(round, op.user) : undefined
  const id = user?.id
  const request = requestOf(round, op, user)
  const answer = await app.app.http.inject(request)
  const violate = (what: string) =>
    round.violations.push(`${what}: ${op.kind} ${answer.statusCode} ${answer.body.slice(0, 200)}`)
  if (answer.statusCode >= 500) violate('a call fails')
  const wasDeleted = (one: string | undefined) =>
    (round.deletedAt.get(one ?? '') ?? Number.POSITIVE_INFINITY) < startedAt
  switch (op.kind) {
    case 'register':
      if (answer.statusCode === 201) {
        const { registration_id, device_secret } = answer.json()
        round.users.push({ id: registration_id, secret: device_secret })
      }
      return
    case 'registerTokens':
      for (const { registration_id } of answer.json().results as { registration_id?: string }[]) {
        if (wasDeleted(registration_id)) violate('a deleted user holds a token')
        if (registration_id !== undefined) round.users.push({ id: registration_id, secret: '' })
      }
      return
    case 'delete':
    case 'deleteSelf':
      if (answer.statusCode === 200 && !round.deletedAt.has(id ?? ''))
        round.deletedAt.set(id ?? '', performance.now())
      if (answer.statusCode !== 200 && wasDeleted(id)) violate('a repeated deletion is refused')
      return
    default:
      if (answer.statusCode === 200 && wasDeleted(id)) violate('a deleted user is read or written')
  }
}

function userOf(round: Round, number: number): User {
  return round.users[number % round.users.length] ?? { id: 'nobody', secret: '' }
}

const tagOf = (number: number) => `tag${number}`
const aliasOf = (number: number) => `alias${number}`
const tokenOf = (number: number) => `token${number}_${'x'.repeat(32)}`

function requestOf(round: Round, op: Op, user: User | undefined): InjectOptions {
  const client = `/client/v1/apps/${round.appKey}/registrations`
  const asServer = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object): InjectOptions => ({
    ...{ method, url, headers: round.basic },
    ...(payload ? { payload } : {}),
  })
  const asSelf = (method: 'PUT' | 'DELETE', payload?: object): InjectOptions => ({
    ...{
      method,
      url: `${client}/${user?.id}`,
      headers: { authorization: `Bearer ${user?.secret || 'none'}` },
    },
    ...(payload ? { payload } : {}),
  })
  const ids = (users: readonly number[]) => users.map((number) => userOf(round, number).id)
  switch (op.kind) {
    case 'register':
      return { method: 'POST', url: client, payload: registrationOf(op) }
    case 'heartbeat':
      return asSelf('PUT', {})
    case 'moveToken':
      return asSelf('PUT', { token: tokenOf(op.token) })
    case 'changeSelf':
      return asSelf('PUT', changeOf(op))
    case 'setDevice':
      return asServer('POST', `/v4/devices/${user?.id}`, changeOf(op))
    case 'setTag':
      return asServer('POST', `/v4/tags/${tagOf(op.tag)}`, {
        registration_ids: { add: ids(op.add), remove: ids(op.remove) },
      })
    case 'registerTokens':
      return asServer('POST', '/v4/devices/token/registration_id', {
        platform: 'android',
        tokens: op.tokens.map(tokenOf),
      })
    case 'deleteTag':
      return asServer('DELETE', `/v4/tags/${tagOf(op.tag)}`)
    case 'deleteAlias':
      return asServer('DELETE', `/v4/aliases/${aliasOf(op.alias)}`)
    case 'delete':
      return asServer('DELETE', `/v4/devices/${user?.id}`)
    case 'deleteSelf':
      return asSelf('DELETE')
    case 'read':
      return asServer('GET', `/v4/devices/${user?.id}`)
  }
}

function registrationOf({ token, alias, tags }: Extract<Op, { kind: 'register' }>) {
  return {
    platform: 'android',
    ...(token === null ? {} : { token: tokenOf(token) }),
    ...(alias === null ? {} : { alias: aliasOf(alias) }),
    tags: tags.map(tagOf),
  }
}

function changeOf({
  alias,
  add,
  remove,
}: {
  alias: number | null
  add: readonly number[]
  remove: readonly number[]
}) {
  return {
    tags: { add: add.map(tagOf), remove: remove.map(tagOf) },
    ...(alias === null ? {} : { alias: aliasOf(alias) }),
  }
}

/** What the rows say, once nobody calls any more. */
async function countViolations(database: Db, round: Round): Promise<string[]> {
  const { kysely } = database.read
  const app = round.appKey
  const questions = {
    'two live users have one alias': sql`select alias from device where app_key = ${app} and state = 'live' and alias is not null
      group by alias having count(*) > 1`,
    'two live users have one token': sql`select token from device where app_key = ${app} and state = 'live' and token is not null
      group by token having count(*) > 1`,
    'a tag row has no device': sql`select t.tag from device_tag t left join device d using (app_key, registration_id)
      where t.app_key = ${app} and d.app_key is null`,
    'tag counts differ from a recount': sql`select tag, counted.total, recounted.total from
      (select tag, web_count + android_count + ios_count + hmos_count as total from tag where app_key = ${app}) as counted
      full join (select t.tag, count(*) as total from device_tag t join device d using (app_key, registration_id)
        where t.app_key = ${app} and d.state = 'live' group by t.tag) as recounted using (tag)
      where counted.total is distinct from recounted.total`,
    'usage differs from a recount': sql`select 1 from app_usage where app_key = ${app} and (
      tag_count <> (select count(*) from tag where app_key = ${app})
      or alias_count <> (select count(*) from device where app_key = ${app} and state = 'live' and alias is not null))`,
    'a deleted user is live': sql`select 1 from device where app_key = ${app} and state = 'live'
      and registration_id = any(${[...round.deletedAt.keys()]})`,
    'a deletion has not one erasure': sql`select 1 from (select count(*) from erasure where app_key = ${app}) as found
      where count <> ${round.deletedAt.size}`,
  }
  const violations: string[] = []
  for (const [what, question] of Object.entries(questions)) {
    const { rows } = await question.execute(kysely)
    if (rows.length > 0) violations.push(`${what}: ${JSON.stringify(rows)}`)
  }
  return [...violations, ...(await deadTokens(database, app))]
}

/** A live user may hold a token with a tombstone only by a registration of its own, which lifts the tombstone. */
async function deadTokens(database: Db, appKey: string): Promise<string[]> {
  const seal = createSeal(new Uint8Array(32).fill(1), systemRandom)
  const app = await createAppDirectory({ database, seal, clock: hurriedClock(1) }).find(appKey)
  const live = await sql<{
    token_digest: string
  }>`select token_digest from device where app_key = ${appKey} and state = 'live'
    and token_digest is not null`.execute(database.read.kysely)
  const dead = await sql<{ digest: string }>`select digest from tombstone where app_key = ${appKey}`.execute(
    database.read.kysely,
  )
  const digests = new Set(dead.rows.map(({ digest }) => digest))
  const isDead = ({ token_digest }: { token_digest: string }) =>
    tokenTombstones(app?.erasureKeys ?? [], token_digest).some((digest) => digests.has(digest))
  return live.rows.filter(isDead).map(() => 'a live user holds the token of an erased one')
}

/** What must be true of a round in the end, and stay so. */
async function settledViolations(database: Db, round: Round): Promise<string[]> {
  const erasures = () =>
    sql<{
      state: string
      removed: string | null
      receipt: string | null
      attempts: number
      failure: string | null
    }>`
      select state, removed, receipt, attempts, failure from erasure where app_key = ${round.appKey} order by erasure_id`
      .execute(database.read.kysely)
      .then(({ rows }) => rows)
  try {
    await until(
      'every deletion is erased',
      async () => (await erasures()).every(({ state }) => state === 'erased'),
      15_000,
    )
  } catch {
    return ['a deletion stays open']
  }
  const first = await erasures()
  const rows = await sql`select 1 from device where app_key = ${round.appKey} and state <> 'live'`.execute(
    database.read.kysely,
  )
  const violations = rows.rows.length > 0 ? ['an erased user has a row'] : []
  for (const { removed, attempts } of first) {
    const { device } = JSON.parse(removed ?? '{}') as { device?: number }
    if (device !== 1) violations.push(`a receipt counts wrongly: ${removed}`)
    if (attempts !== 1) violations.push(`an erasure was removed ${attempts} times`)
  }
  return [...violations, ...(await countViolations(database, round))]
}

function faultsOf(lines: readonly { level: string; event: string; fields: object }[]): string[] {
  return lines
    .filter(({ level }) => level === 'error')
    .map(({ event, fields }) => `logged ${event} ${JSON.stringify(fields)}`)
}
