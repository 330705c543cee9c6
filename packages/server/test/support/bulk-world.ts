/** A server with users of an app, and an operator who plans deletions of many of them over HTTP. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { registerDevices } from '../../src/devices/registration.store.ts'
import type { Alias, RegistrationId, Tag } from '../../src/kernel/personal.ts'
import { APP_KEY, startTestApp, type TestApp } from './app.ts'
import type { OpenDatabase, TestDatabase } from './engines.ts'
import { until } from './until.ts'

export interface Answer {
  readonly status: number
  /** As JSON gives it; the tests compare what they find in it. */
  readonly body: ReturnType<typeof JSON.parse>
}

export interface BulkWorld {
  readonly t: TestApp
  readonly opened: TestDatabase
  /** Calls the operator API below the app: `POST deletions`. */
  operate(line: string, body?: object): Promise<Answer>
  /** Ids of live users of the app. */
  live(): Promise<string[]>
  deviceStatus(id: string): Promise<number>
  /** Waits until the deletion is in this state; answers it. */
  state(deletionId: string, state: string): Promise<Answer['body']>
}

export async function startBulkWorld(context: TestContext, open: OpenDatabase): Promise<BulkWorld> {
  const opened = await open(context)
  const t = await startTestApp({ rateLimit: 0 }, { database: opened })
  context.after(() => t.close())
  const operate = async (line: string, body?: object): Promise<Answer> => {
    const [method, path] = line.split(' ')
    const url = `/admin/v1/apps/${APP_KEY}/${path}`
    const request = { method: method as 'GET', url, headers: { ...t.bearer } }
    const response = await t.app.http.inject(body ? { ...request, payload: body } : request)
    return { status: response.statusCode, body: response.json() }
  }
  return {
    t,
    opened,
    operate,
    live: () => readLive(opened),
    deviceStatus: async (id) => {
      const response = await t.app.http.inject({ url: `/v4/devices/${id}`, headers: { ...t.basic } })
      return response.statusCode
    },
    state: (deletionId, state) =>
      until(`the deletion is ${state}`, async () => {
        const { body } = await operate(`GET deletions/${deletionId}`)
        return body.state === state && body
      }),
  }
}

async function readLive({ database }: TestDatabase): Promise<string[]> {
  const rows = await database.read.kysely
    .selectFrom('device')
    .select('registration_id')
    .where('app_key', '=', APP_KEY)
    .where('state', '=', 'live')
    .orderBy('registration_id')
    .execute()
  return rows.map((row) => row.registration_id)
}

/** Users with these tags and an alias each; answers their ids. */
export async function addUsers(
  { t }: Pick<BulkWorld, 't'>,
  count: number,
  { tags, prefix }: { tags: readonly string[]; prefix: string },
): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`)
  const outputs = await Promise.all(
    ids.map((id) =>
      t.deps.database.write(registerDevices, {
        appKey: APP_KEY,
        by: 'client',
        registrationId: id as RegistrationId,
        platform: 'android',
        secretDigest: null,
        token: null,
        tokenTombstones: [],
        requestDigests: [],
        facts: {},
        tags: tags as Tag[],
        alias: `alias_${id}` as Alias,
        limits: LIMITS,
        now: 1,
      }),
    ),
  )
  for (const { kind } of outputs) assert.equal(kind, 'registered')
  return ids
}

const LIMITS = {
  tagsPerDevice: 100,
  tagsPerApp: 1_000,
  devicesPerTag: 100_000,
  aliasesPerApp: 100_000,
  tagBytes: 40,
  aliasBytes: 40,
  requestsPerSecond: 0,
}

/** Plans the deletion of an audience; the plan must be frozen at once. */
export async function plan(world: BulkWorld, to: unknown): Promise<Answer['body']> {
  const { status, body } = await world.operate('POST deletions', { to })
  assert.deepEqual([status, body.state], [201, 'planned'], JSON.stringify(body))
  return body
}

/** What confirms this plan, to begin at once unless something else is said. */
export function confirmation(planned: Answer['body'], other: object = {}): object {
  return {
    confirmation_token: planned.confirmation_token,
    count: planned.users,
    grace_seconds: 0,
    ...other,
  }
}
