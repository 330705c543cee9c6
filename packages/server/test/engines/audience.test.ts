/**
 * Audiences on real engines: what the compiled statements find is what a naive evaluation in memory finds, whatever is
 * asked of whatever registry.
 */

// size: one suite that runs on both engines, read test by test.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AudienceBody } from '@lethe/protocol/audience.schemas.ts'
import { appLimitsDefault } from '@lethe/protocol/limits.ts'
import { platforms as everyPlatform, type Platform } from '@lethe/protocol/platform.ts'
import fc from 'fast-check'
import { Value } from 'typebox/value'
import { checkAudience } from '../../src/audience/check-audience.ts'
import { countAudience } from '../../src/audience/count-audience.ts'
import { pageAudience, type Recipient } from '../../src/audience/page-audience.ts'
import { parseAudience } from '../../src/audience/parse-audience.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { units } from '../../src/units.ts'
import { forEachEngine, type TestDatabase } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'
import { accept, openRegistry, register } from '../support/registry.ts'

const WORLDS = 6
const AUDIENCES_PER_WORLD = 80
const APP = 'registry'
const tags = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'nobody']
const ids = Array.from({ length: 60 }, (_, n) => `${'Az_-09'.charAt(n % 6)}${(n * 7919) % 997}`)
const aliasOf = (id: string) => `alias_${id.replaceAll('-', '=')}`
const aliases = ids.map(aliasOf)

interface User {
  readonly id: string
  readonly platform: Platform
  readonly isLive: boolean
  readonly hasToken: boolean
  readonly hasAlias: boolean
  readonly tags: readonly string[]
}

interface World {
  readonly users: readonly User[]
  /** What the counts of tags say, right or wrong: they may decide the way, never the answer. */
  readonly holders: readonly number[]
}

const worlds: fc.Arbitrary<World> = fc.record({
  users: fc.tuple(
    ...ids.map((id) =>
      fc.record({
        id: fc.constant(id),
        platform: fc.constantFrom(...everyPlatform),
        isLive: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
        hasToken: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
        hasAlias: fc.boolean(),
        tags: fc.subarray(tags.filter((tag) => tag !== 'nobody')),
      }),
    ),
  ),
  holders: fc.tuple(...tags.map(() => fc.constantFrom(0, 3, 20, 10_000, 100_000))),
})

type Keys = Exclude<AudienceBody, 'all'>

interface Asked {
  readonly to: 'all' | Keys
  readonly platforms: readonly Platform[]
  readonly candidatesMax: number
  readonly bounds: readonly string[]
}

const list = (names: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...names), { minLength: 1, maxLength })
const asked: fc.Arbitrary<Asked> = fc.record({
  to: fc.oneof(
    { weight: 1, arbitrary: fc.constant('all' as const) },
    {
      weight: 12,
      arbitrary: fc
        .record(
          {
            tag: list(tags, 20),
            tag_and: list(tags, 4),
            tag_not: list(tags, 20),
            alias: list([...aliases, 'alias_nobody'], 40),
            registration_id: list([...ids, 'unknown'], 80),
          },
          { requiredKeys: [] },
        )
        .filter((keys) => Object.keys(keys).length > 0),
    },
  ),
  platforms: fc.subarray([...everyPlatform], { minLength: 1 }),
  candidatesMax: fc.constantFrom(1, 3, 7, 100),
  bounds: fc.subarray(['5', 'A3', '_'], { minLength: 0 }),
})

/** The users of the audience, found without any cleverness. */
function evaluate(world: World, { to, platforms }: Pick<Asked, 'to' | 'platforms'>): User[] {
  return evaluateLive(world, to).filter(({ hasToken, platform }) => hasToken && platforms.includes(platform))
}

/** Those too who cannot be reached. */
function evaluateLive({ users }: World, to: Asked['to']): User[] {
  const live = users.filter(({ isLive }) => isLive)
  if (to === 'all') return live
  return live.filter(
    (user) =>
      (!to.tag || to.tag.some((tag) => user.tags.includes(tag))) &&
      (!to.tag_and || to.tag_and.every((tag) => user.tags.includes(tag))) &&
      !to.tag_not?.some((tag) => user.tags.includes(tag)) &&
      (!to.alias || (user.hasAlias && to.alias.includes(aliasOf(user.id)))) &&
      (!to.registration_id || to.registration_id.includes(user.id)),
  )
}

const text = (value: string | null) => (value === null ? 'null' : `'${value}'`)

async function load(opened: TestDatabase, { users, holders }: World): Promise<void> {
  const device = (app: string) => (user: User) => {
    const token = user.hasToken ? `token_${app}_${user.id}` : null
    const alias = user.hasAlias ? aliasOf(user.id) : null
    const state = user.isLive ? 'live' : 'erasing'
    return `('${app}', '${user.id}', '${user.platform}', '${state}', 1, 1, ${text(token)}, ${text(token)}, ${text(alias)})`
  }
  // Another app has the same users, all of them reachable and with every tag: none may be taken for one of ours.
  const others = users.map((user) => ({ ...user, isLive: true, hasToken: true, hasAlias: true, tags }))
  const tagRows = [
    ...users.flatMap((user) => user.tags.map((tag) => `('${APP}', '${user.id}', '${tag}')`)),
    ...others.flatMap((user) => user.tags.map((tag) => `('other', '${user.id}', '${tag}')`)),
  ]
  const counts = tags.flatMap((tag, index) => {
    const count = holders[index] ?? 0
    return count > 0 ? [`('${APP}', '${tag}', ${count}, 0, 0, 0)`] : []
  })
  const statements = [
    'delete from device_tag',
    'delete from device',
    'delete from tag',
    "delete from app where app_key = 'other'",
    "insert into app (app_key, name, secret_digest, settings, created_at) values ('other', 'Other', '', '{}', 1)",
    `insert into device (app_key, registration_id, platform, state, created_at, last_seen_at, token, token_digest, alias)
      values ${[...users.map(device(APP)), ...others.map(device('other'))].join(', ')}`,
    `insert into device_tag (app_key, registration_id, tag) values ${tagRows.join(', ')}`,
    ...(counts.length === 0
      ? []
      : [
          `insert into tag (app_key, tag, web_count, android_count, ios_count, hmos_count) values ${counts.join(', ')}`,
        ]),
  ]
  await runOutside(opened, statements.join(';\n'))
}

function checked(to: Asked['to']) {
  return { appKey: APP, audience: audienceOf(to), key: new Uint8Array(32) }
}

function audienceOf(to: Asked['to']) {
  assert.ok(Value.Check(AudienceBody, to))
  const parsed = parseAudience(to, appLimitsDefault)
  assert.ok(parsed.ok)
  return parsed.value
}

async function everyPage(
  database: Db,
  { to, platforms, candidatesMax, bounds }: Asked,
): Promise<Recipient[]> {
  const found: Recipient[] = []
  const input = { appKey: APP, audience: audienceOf(to), platforms, candidatesMax }
  const ranges = [...bounds, undefined].map((until, index) => ({ after: bounds[index - 1] ?? '', until }))
  for (const { after, until } of ranges) {
    let next: string | undefined = after
    while (next !== undefined) {
      const page = await pageAudience(
        { database },
        { ...input, after: next, ...(until !== undefined && { until }) },
      )
      assert.ok(page.recipients.length <= candidatesMax)
      found.push(...page.recipients)
      next = page.next
    }
  }
  return found
}

forEachEngine('audiences', (open) => {
  test('hold whom a naive evaluation finds, in counts and in pages', async (t) => {
    const seed = Date.now() & 0x7fffffff
    t.diagnostic(`fast-check seed ${seed}`)
    const opened = await open(t)
    const { database } = opened
    await openRegistry(database)
    const property = fc.asyncProperty(asked, async (one) => {
      assert.ok(world)
      const expected = evaluate(world, one)
      const { to, platforms } = one
      const count = await countAudience({ database }, { appKey: APP, audience: audienceOf(to), platforms })
      const byPlatform = everyPlatform.map((platform) => [
        platform,
        expected.filter((user) => user.platform === platform).length,
      ])
      assert.deepEqual(count, { total: expected.length, byPlatform: Object.fromEntries(byPlatform) })
      const check = await checkAudience({ database, random: systemRandom }, checked(to))
      const live = evaluateLive(world, to)
      assert.deepEqual(
        [check.users, check.reachable.users, check.liveUsers],
        [
          live.length,
          evaluate(world, { to, platforms: everyPlatform }).length,
          evaluateLive(world, 'all').length,
        ],
      )
      assert.equal(check.sample.length, Math.min(10, live.length))
      for (const { registrationId, tags, alias } of check.sample) {
        const user = live.find(({ id }) => id === registrationId)
        assert.ok(user)
        assert.deepEqual([tags, alias], [[...user.tags].sort(), user.hasAlias ? aliasOf(user.id) : null])
      }
      const found = await everyPage(database, one)
      const wanted = expected.map(({ id, platform }) => [id, platform, `token_${APP}_${id}`])
      assert.deepEqual(
        found.map(({ registrationId, platform, token }) => [registrationId, platform, token]).sort(),
        wanted.sort(),
      )
    })
    let world: World | undefined
    for (const [index, sample] of fc.sample(worlds, { seed, numRuns: WORLDS }).entries()) {
      world = sample
      await load(opened, world)
      await fc.assert(property, { seed: seed + index, numRuns: AUDIENCES_PER_WORLD })
    }
  })
})

forEachEngine('audiences while users go', (open) => {
  test('do not hold who is erased, hidden or detached, whatever names him', async (t) => {
    const { database } = await open(t)
    const app = await openRegistry(database)
    const [kept, hidden, detached] = await Promise.all(
      ['kept', 'hidden', 'detached'].map((token) => register(database, app, { token, tags: ['a', token] })),
    )
    assert.ok(kept && hidden && detached)
    const reached = (to: AudienceBody) => reachedBy(database, to)
    const everybody: AudienceBody[] = [
      'all',
      { tag: ['a'] },
      { tag_not: ['b'] },
      { registration_id: [kept, hidden, detached] },
      { tag: ['kept', 'hidden', 'detached'], tag_and: ['a'] },
    ]
    for (const to of everybody) assert.deepEqual(await reached(to), [kept, hidden, detached].sort())

    await accept(database, app, hidden)
    for (const to of everybody) assert.deepEqual(await reached(to), [kept, detached].sort())
    assert.deepEqual(await reached({ registration_id: [hidden] }), [])
    assert.deepEqual(await reached({ tag: ['hidden'] }), [])

    // Somebody else registers with the token: the older user keeps no channel.
    const heir = await register(database, app, { token: 'detached' })
    assert.deepEqual(await reached('all'), [kept, heir].sort())
    for (const to of everybody.slice(1)) assert.ok(!(await reached(to)).includes(detached))

    const removed = await database.write(units.removeDevices, { erasureIds: null, limit: 10 })
    assert.equal(removed.erasureCount, 1)
    assert.deepEqual(await reached('all'), [kept, heir].sort())
    assert.deepEqual(await reached({ registration_id: [kept, hidden, detached] }), [kept])
  })
})

forEachEngine('pages', (open) => {
  test('give every user exactly once while others come and go', async (t) => {
    const opened = await open(t)
    const { database } = opened
    const app = await openRegistry(database)
    const add = (count: number) =>
      Promise.all(
        Array.from({ length: count }, () => register(database, app, { token: token(), tags: ['a'] })),
      )
    let tokens = 0
    const token = () => `token${tokens++}`
    const stay = await add(60)
    const leave = await add(60)
    const input = { appKey: app.appKey, platforms: everyPlatform, candidatesMax: 7 }
    for (const to of ['all', { tag: ['a', 'b'] }, { tag_and: ['a'] }, { tag_not: ['b'] }] as AudienceBody[]) {
      const seen: string[] = []
      const gone = new Set<string>()
      let next: string | undefined = ''
      while (next !== undefined) {
        const page = await pageAudience({ database }, { ...input, audience: audienceOf(to), after: next })
        for (const { registrationId } of page.recipients) assert.ok(!gone.has(registrationId))
        seen.push(...page.recipients.map(({ registrationId }) => registrationId))
        next = page.next
        await add(2)
        for (const id of leave.splice(0, 1)) {
          await accept(database, app, id)
          gone.add(id)
        }
      }
      assert.equal(new Set(seen).size, seen.length, 'nobody twice')
      assert.deepEqual(
        stay.filter((id) => !seen.includes(id)),
        [],
      )
    }
  })
})

/** Those whom pages give, after a look whether the count is the same. */
async function reachedBy(database: Db, to: AudienceBody): Promise<string[]> {
  const recipients = await everyPage(database, { to, platforms: everyPlatform, candidatesMax: 2, bounds: [] })
  const input = { appKey: APP, audience: audienceOf(to), platforms: everyPlatform }
  assert.equal((await countAudience({ database }, input)).total, recipients.length)
  return recipients.map(({ registrationId }) => registrationId).sort()
}
