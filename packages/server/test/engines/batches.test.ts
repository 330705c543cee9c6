/**
 * What waits is done together, and nobody may notice: a batch of registrations or changes leaves the same rows and gives the
 * same outputs as the same inputs one after the other.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appLimitsDefault } from '@lethe/protocol/limits.ts'
import fc from 'fast-check'
import { sql } from 'kysely'
import { prepareDatabase } from '../../src/app.ts'
import type { DeviceChange } from '../../src/devices/change.store.ts'
import type { RegistrationInput } from '../../src/devices/registration.store.ts'
import { type AcceptInput, acceptErasures } from '../../src/erasure/accept.store.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { changeBatch, registerBatch } from '../support/batch-units.ts'
import { forEachEngine } from '../support/engines.ts'

const writerThread = new URL('../support/batch-writer.ts', import.meta.url)
const RUNS = { sqlite: 100, postgres: 40 }

interface Registering {
  readonly by: 'client' | 'server'
  readonly token: string | null
  readonly alias: string | null
  readonly tags: readonly string[]
  readonly request: string | null
}

interface Changing {
  readonly device: number
  readonly token: string | null
  readonly alias: string | null | undefined
  readonly add: readonly string[]
  readonly remove: readonly string[]
  readonly os: string | null
}

const name = fc.constantFrom('a', 'b', 'c')
const names = fc.uniqueArray(name, { maxLength: 2 })
const registering: fc.Arbitrary<Registering> = fc.oneof(
  fc.record({
    by: fc.constant('client' as const),
    token: fc.option(name),
    alias: fc.option(name),
    tags: names,
    request: fc.option(fc.constantFrom('r1', 'r2')),
  }),
  fc.record({
    by: fc.constant('server' as const),
    token: name,
    alias: fc.constant(null),
    tags: fc.constant([]),
    request: fc.constant(null),
  }),
)
const changing: fc.Arbitrary<Changing> = fc.record({
  device: fc.integer({ min: 0, max: 4 }),
  token: fc.option(name),
  alias: fc.option(fc.option(name), { nil: undefined }),
  add: names,
  remove: names,
  os: fc.option(name),
})
const story = fc.record({
  first: fc.array(registering, { minLength: 2, maxLength: 4 }),
  hidden: fc.option(fc.integer({ min: 0, max: 3 })),
  second: fc.array(registering, { maxLength: 4 }),
  changes: fc.array(changing, { maxLength: 6 }),
})
type Story = typeof story extends fc.Arbitrary<infer Value> ? Value : never

const limits = { ...appLimitsDefault, devicesPerTag: 1_000 }

function tokenOf(text: string | null) {
  return text === null ? null : { value: text, digest: text, p256dh: null, auth: null, environment: null }
}

function registrationOf(appKey: string, id: string, given: Registering): RegistrationInput {
  return {
    ...{ appKey, by: given.by, registrationId: id, platform: 'android', secretDigest: id },
    ...{ token: tokenOf(given.token), tokenTombstones: given.token === null ? [] : [`dead ${given.token}`] },
    ...{ requestDigests: given.request === null ? [] : [given.request], facts: {}, tags: given.tags },
    ...{ alias: given.alias, limits, now: 1 },
  } as unknown as RegistrationInput
}

function changeOf(appKey: string, given: Changing): DeviceChange {
  const token = tokenOf(given.token)
  return {
    ...{ appKey, registrationId: `first${given.device}`, seenAt: 2, limits, now: 1 },
    ...(given.os === null ? {} : { facts: { os: given.os } }),
    ...(token ? { token, tokenTombstones: [`dead ${given.token}`] } : {}),
    tags: { clear: false, add: given.add, remove: given.remove },
    ...(given.alias === undefined ? {} : { alias: given.alias }),
  } as unknown as DeviceChange
}

function acceptOf(appKey: string, device: number): AcceptInput {
  const id = `first${device}`
  return {
    ...{ erasureId: `${appKey} ${id}`, appKey, registrationId: id, idTombstones: [`dead ${id}`] },
    ...{ erasureKey: { version: 1, key: new Uint8Array(32) }, origin: 'server' },
  } as unknown as AcceptInput
}

/** Runs the story; `batched` decides whether each chapter is one batch. Answers with the outputs and the rows. */
async function tell(
  database: Db,
  input: { appKey: string; given: Story; batched: boolean },
): Promise<unknown> {
  const { appKey, given, batched } = input
  const chapters = <Value>(values: readonly Value[]) => (batched ? [values] : values.map((value) => [value]))
  const outputs: unknown[] = []
  const register = async (prefix: string, registrations: readonly Registering[]) => {
    const inputs = registrations.map((one, index) => registrationOf(appKey, `${prefix}${index}`, one))
    for (const batch of chapters(inputs)) outputs.push(...(await database.write(registerBatch, batch)))
  }
  await register('first', given.first)
  if (given.hidden !== null) await database.write(acceptErasures, acceptOf(appKey, given.hidden))
  await register('second', given.second)
  const changes = given.changes.map((one) => changeOf(appKey, one))
  for (const batch of chapters(changes)) outputs.push(...(await database.write(changeBatch, batch)))
  return { outputs, rows: await rowsOf(database, appKey) }
}

async function rowsOf(database: Db, appKey: string): Promise<unknown[]> {
  const { kysely } = database.read
  const questions = [
    sql`select registration_id, state, secret_digest, token, token_digest, detached_at, alias, os, last_seen_at, request_digest
      from device where app_key = ${appKey} order by registration_id`,
    sql`select registration_id, tag from device_tag where app_key = ${appKey} order by registration_id, tag`,
    sql`select tag, android_count from tag where app_key = ${appKey} order by tag`,
    sql`select coalesce(sum(tag_count), 0) as tags, coalesce(sum(alias_count), 0) as aliases from app_usage where app_key = ${appKey}`,
  ]
  const rows: unknown[] = []
  for (const question of questions) rows.push((await question.execute(kysely)).rows)
  return rows
}

forEachEngine('a batch', (open, engine) => {
  test('does what its inputs do one after the other', async (t) => {
    const { database } = await open(t, { sqlite: { writerThread } })
    const world = { clock: systemClock(), random: systemRandom, log: silentLog, version: '0' }
    let apps = 0
    const makeApp = async () => {
      const settings = { appKey: `app${apps++}`, masterSecret: 'secret', operatorToken: 'token' }
      await prepareDatabase({ database, secretKey: new Uint8Array(32), ...world, settings })
      return settings.appKey
    }
    const property = fc.asyncProperty(story, async (given) => {
      const together = await tell(database, { appKey: await makeApp(), given, batched: true })
      const alone = await tell(database, { appKey: await makeApp(), given, batched: false })
      assert.deepEqual(together, alone)
    })
    await fc.assert(property, { numRuns: RUNS[engine] })
  })
})
