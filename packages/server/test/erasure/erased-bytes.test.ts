/**
 * Erased users leave no byte in any file of SQLite, however the pages of its B-trees were split, merged and balanced: two
 * thousand users with tags, aliases and endpoints of all lengths, changed at random, half of them erased at random.
 */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { statSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { APP_KEY, startTestApp, type TestApp } from '../support/app.ts'
import { openTestSqlite, type TestDatabase } from '../support/engines.ts'
import { fileBytes } from '../support/everything-stored.ts'
import { switchGuardOff } from '../support/guard.ts'
import { hurriedClock } from '../support/hurried-clock.ts'
import { subscriptionAt } from '../support/subscription.ts'
import { until } from '../support/until.ts'

const USERS = 2_000
const CLIENT = `/client/v1/apps/${APP_KEY}/registrations`
/** Long enough for overflow pages. */
const LONG_MARKS = 150

interface User {
  readonly number: number
  readonly id: string
  readonly secret: string
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Texts that say whose they are, so that even a piece of a row is recognised. */
class Marks {
  readonly #random: () => number
  constructor(random: () => number) {
    this.#random = random
  }

  of(user: number, times = 1): string {
    return Array.from(
      { length: times },
      () => `Q${hex(user, 4)}${hex(Math.floor(this.#random() * 2 ** 28), 7)}K`,
    ).join('')
  }

  endpointOf(user: number): string {
    return `https://push.example/${this.of(user, this.#random() < 0.4 ? LONG_MARKS : 2)}`
  }
}

const MARK = /Q([0-9a-f]{4})[0-9a-f]{7}K/g
const ID = /(?=([0-9a-f]{32}))/g

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work))
}

async function register(app: TestApp, marks: Marks, number: number): Promise<User> {
  const answer = await app.app.http.inject({
    method: 'POST',
    url: CLIENT,
    payload: {
      platform: 'web',
      subscription: subscriptionAt(marks.endpointOf(number)),
      os: marks.of(number),
      browser: marks.of(number, 2),
      tags: [marks.of(number, 3), marks.of(number), 'shared'],
      alias: marks.of(number, 2),
    },
  })
  assert.equal(answer.statusCode, 201, answer.body)
  const { registration_id: id, device_secret: secret } = answer.json()
  return { number, id, secret }
}

async function change(app: TestApp, marks: Marks, user: User): Promise<void> {
  const answer = await app.app.http.inject({
    method: 'PUT',
    url: `${CLIENT}/${user.id}`,
    headers: { authorization: `Bearer ${user.secret}` },
    payload: {
      os: marks.of(user.number, 1 + (user.number % 7)),
      tags: { add: [marks.of(user.number, 2), marks.of(user.number)] },
      alias: marks.of(user.number),
      ...(user.number % 3 === 0 ? { subscription: subscriptionAt(marks.endpointOf(user.number)) } : {}),
    },
  })
  assert.equal(answer.statusCode, 200, answer.body)
}

async function moveEndpoint(app: TestApp, user: User, name: string): Promise<void> {
  const answer = await app.app.http.inject({
    method: 'PUT',
    url: `${CLIENT}/${user.id}`,
    headers: { authorization: `Bearer ${user.secret}` },
    payload: { subscription: subscriptionAt(`https://push.example/${name}`) },
  })
  assert.equal(answer.statusCode, 200, answer.body)
}

async function erase(app: TestApp, users: readonly User[]): Promise<void> {
  const erasures: string[] = []
  await inBatches(users, 37, async ({ id }) => {
    const answer = await app.app.http.inject({
      method: 'DELETE',
      url: `/v4/devices/${id}`,
      headers: app.basic,
    })
    assert.equal(answer.statusCode, 200)
    erasures.push(String(answer.headers['lethe-erasure']))
  })
  const open = new Set(erasures)
  await until('everybody is erased', async () => {
    for (const id of open) {
      const answer = await app.app.http.inject({ url: `/v4/erasures/${id}`, headers: app.basic })
      if (answer.json().state !== 'erased') return false
      open.delete(id)
    }
    return true
  })
}

/** Whose marks and which ids stand in any file. */
function foundIn(folder: string): { numbers: Set<number>; ids: Set<string> } {
  const found = { numbers: new Set<number>(), ids: new Set<string>() }
  for (const { bytes } of fileBytes(folder)) {
    const text = bytes.toString('latin1')
    for (const [, number] of text.matchAll(MARK)) found.numbers.add(Number.parseInt(number ?? '', 16))
    for (const [, id] of text.matchAll(ID)) found.ids.add(id ?? '')
  }
  return found
}

async function start(t: TestContext): Promise<{ opened: TestDatabase; app: TestApp }> {
  const opened = await openTestSqlite()
  t.after(opened.close)
  const app = await startTestApp({ rateLimit: 0 }, { database: opened, deps: { clock: hurriedClock(10) } })
  t.after(app.close)
  await switchGuardOff(opened.database, APP_KEY)
  return { opened, app }
}

function assertForgotten(folder: string, users: readonly User[], erased: ReadonlySet<User>): void {
  const found = foundIn(folder)
  const wrong = users.filter(
    (user) => erased.has(user) && (found.numbers.has(user.number) || found.ids.has(user.id)),
  )
  assert.deepEqual(
    wrong.map(({ number }) => number),
    [],
  )
  const missed = users.filter(
    (user) => !erased.has(user) && !(found.numbers.has(user.number) && found.ids.has(user.id)),
  )
  assert.deepEqual(missed, [], 'the search finds everybody else')
}

test('no byte of an erased user is left in any file after pages were split, merged and balanced', async (t) => {
  const seed = Number(process.env['LETHE_TEST_SEED'] ?? randomInt(2 ** 31))
  t.diagnostic(`LETHE_TEST_SEED=${seed}`)
  const random = seeded(seed)
  const marks = new Marks(random)
  const { opened, app } = await start(t)
  const users: User[] = []
  const numbers = Array.from({ length: USERS }, (_, number) => number)
  await inBatches(numbers, 50, async (number) => void users.push(await register(app, marks, number)))
  await inBatches(users, 50, (user) => change(app, marks, user))
  const order = new Map(users.map((user) => [user, random()]))
  users.sort((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0))

  const first = users.slice(0, USERS / 4)
  await erase(app, first)
  assertForgotten(opened.directory, users, new Set(first))

  // Pages that hold others are written again: what was in the writer's memory must not come back.
  const rest = users.slice(first.length)
  await inBatches(rest, 50, (user) => change(app, marks, user))
  assertForgotten(opened.directory, users, new Set(first))
  await erase(app, rest.slice(0, USERS / 4))
  assertForgotten(opened.directory, users, new Set(users.slice(0, USERS / 2)))
})

test('the write-ahead log stays short, although the server makes its checkpoints itself', async (t) => {
  const { opened, app } = await start(t)
  const marks = new Marks(seeded(1))
  const users: User[] = []
  const numbers = Array.from({ length: 64 }, (_, number) => number)
  await inBatches(numbers, 64, async (number) => void users.push(await register(app, marks, number)))
  const log = path.join(opened.directory, 'lethe.sqlite-wal')
  let bytesMost = 0
  for (let round = 0; round < 150; round++) {
    await Promise.all(users.map((user) => moveEndpoint(app, user, marks.of(user.number, LONG_MARKS))))
    bytesMost = Math.max(bytesMost, statSync(log).size)
  }
  const megabytes = Math.round(bytesMost / 1024 / 1024)
  assert.ok(megabytes >= 9 && megabytes < 14, `the log grew to ${megabytes} MB`)
})
