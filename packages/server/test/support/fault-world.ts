/** Two apps on one server, which send through the same kind of vendor: the one's provider fails, the other's is well. Time stands still unless it is moved. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { basicAuth, startTestApp, type TestApp } from './app.ts'
import { openTestSqlite, type TestDatabase } from './engines.ts'
import { FakeClock } from './fake-clock.ts'
import { certificate } from './https-servers.ts'
import { openFront, type ProviderFront } from './provider-front.ts'
import { until } from './until.ts'
import type { Provider, ProviderUser, Vendor } from './vendors.ts'

export interface Tenant<Behaviour> {
  readonly appKey: string
  readonly user: ProviderUser<Behaviour>
  /** Pushes, to the user unless others are named; answers the message's id. */
  push(options?: object, to?: unknown): Promise<string>
  /** Another one. */
  addUser(): Promise<ProviderUser<Behaviour>>
  /** Whether the user has a token; the user is there in any case. */
  hasToken(): Promise<boolean>
  /** With these instead of the right ones, if any are given. */
  setCredentials(instead?: object): Promise<void>
  /** What is said of one message, and of it at the user. */
  statistics(msgId: string): Promise<object>
}

/** A message that waits for its next try. */
export interface Waiting {
  readonly dueAt: number
  readonly attempts: number
}

export interface FaultWorld<Behaviour> {
  readonly app: TestApp
  readonly clock: FakeClock
  readonly failing: Tenant<Behaviour>
  readonly well: Tenant<Behaviour>
  /** The address of the provider that fails. */
  readonly front: ProviderFront
  /** Behind the front. */
  readonly port: number
  /** The other app pushes, and its user gets it soon. */
  wellSends(): Promise<void>
  /** Resolves once the failing app's message has been tried and waits. `stepMs`: time that passes with each look. */
  waiting(stepMs?: number): Promise<Waiting>
  /** Lets so much time pass, in which the message is tried again whenever it is due. */
  pass(ms: number): Promise<void>
  /** Lets time pass until nothing waits any more: the message has come, after others or more than once if so many are given, and statistics say so. */
  arrives(msgId: string, receivedCount?: number): Promise<void>
  /** The same for a message that did not come, of which statistics give this reason. */
  fails(msgId: string, reason: string): Promise<void>
}

/** `share`: both apps have one provider behind the front. Else the other app has one of its own. */
export async function openFaultWorld<Behaviour>(
  t: TestContext,
  vendor: Vendor<Behaviour>,
  share: 'shared' | 'apart',
): Promise<FaultWorld<Behaviour>> {
  const clock = new FakeClock(STARTS_AT)
  const front = await openFront(t)
  const fails = await vendor.start({ t, clock, publicOrigin: front.origin })
  const well = share === 'shared' ? fails : await vendor.start({ t, clock })
  front.leadTo(fails.port)
  const database = await openTestSqlite({ clock })
  const trustedCa = [fails.ca, well.ca, certificate.cert].join('\n')
  const settings = { rateLimit: 0, allowPrivateNetwork: true }
  const app = await startTestApp(settings, { database, deps: { clock, trustedCa } })
  t.after(() => closeAll({ app, database, clock, front }))
  const tenants = { failing: await addTenant(app, fails), well: await addTenant(app, well) }
  const world = { app, clock, front, port: fails.port, database, ...tenants }
  return {
    ...world,
    wellSends: () => wellSends(world.well),
    waiting: (stepMs = 0) => waiting(world, stepMs),
    pass: (ms) => passTime(world, clock.now() + ms),
    arrives: async (msgId, receivedCount = 1) => {
      await passTime(world)
      assert.equal(world.failing.user.received().length, receivedCount, 'messages that came')
      assert.deepEqual(await world.failing.statistics(msgId), { targets: 1, sent: 1, status: 'sent' })
    },
    fails: async (msgId, reason) => {
      await passTime(world)
      assert.equal(world.failing.user.received().length, 0)
      const statistics = await world.failing.statistics(msgId)
      assert.deepEqual(statistics, { targets: 1, sent: 0, status: 'failed', error_message: reason })
    },
  }
}

type World<Behaviour> = Pick<FaultWorld<Behaviour>, 'app' | 'clock' | 'failing' | 'well'> & {
  readonly database: TestDatabase
}

/** Times of APNs' provider tokens change every half hour: not within a test. */
const STARTS_AT = 1_000_000 * 1_800_000 + 300_000
/** Two looks are so far apart, and so much time passes with each while a message is under way. */
const LOOK_MS = 20
const STEP_MS = 100
const LOOKS_MAX = 3_000
/** A send that the failing app does not hold up takes milliseconds; the rest is for a busy machine. */
const SOON_MS = 5_000

/** What is under way has its time to end, which must pass. */
async function closeAll({
  app,
  database,
  clock,
  front,
}: Pick<World<unknown>, 'app' | 'database' | 'clock'> & { front: ProviderFront }): Promise<void> {
  front.cutAll()
  let isClosed = false
  const closing = app.close().finally(() => {
    isClosed = true
  })
  while (!isClosed) {
    await clock.advance(1_000)
    await sleep(LOOK_MS)
  }
  await closing
  await database.close()
}

async function addTenant<Behaviour>(app: TestApp, provider: Provider<Behaviour>): Promise<Tenant<Behaviour>> {
  const made = await call(app, 'POST /admin/v1/apps', { body: { name: 'Shop' }, ...app.bearer })
  const appKey: string = made.app_key
  const authorization = basicAuth(appKey, made.master_secret)
  const credentials = provider.credentials()
  const setCredentials = async (instead: object = {}) => {
    if (!credentials) return
    const body = { ...credentials.body, ...instead }
    await call(app, `PUT /admin/v1/apps/${appKey}/channels/${credentials.path}`, { body, ...app.bearer })
  }
  await setCredentials()
  const { vapid_public_key: publicKey } = await call(app, `GET /client/v1/apps/${appKey}`)
  const register = async ({ registration: body }: ProviderUser<Behaviour>) =>
    (await call(app, `POST /client/v1/apps/${appKey}/registrations`, { body })).registration_id as string
  const user = provider.addUser(publicKey)
  const registrationId = await register(user)
  const push = async (options: object = {}, to: unknown = { registration_id: [registrationId] }) => {
    const body = { to, body: { platform: 'all', notification: { alert: 'Hello' }, options } }
    return (await call(app, 'POST /v4/push', { body, authorization })).msg_id
  }
  const addUser = async () => {
    const another = provider.addUser(publicKey)
    await register(another)
    return another
  }
  const hasToken = async () => {
    const [device] = await app.deps.database.read.kysely
      .selectFrom('device')
      .select('token')
      .where('registration_id', '=', registrationId as RegistrationId)
      .where('state', '=', 'live')
      .execute()
    assert.ok(device, 'the user is gone')
    return device.token !== null
  }
  const statistics = async (msgId: string) => {
    const numbers = await call(app, `GET /v4/status/detail?message_ids=${msgId}`, { authorization })
    const url = `/v4/status/message?message_id=${msgId}&registration_ids=${registrationId}`
    const {
      itime: _,
      channel: __,
      ...lifecycle
    } = (await call(app, `GET ${url}`, { authorization }))[registrationId]
    const { targets, sent } = numbers[msgId]
    return { targets, sent, ...lifecycle }
  }
  return { appKey, user, push, addUser, hasToken, setCredentials, statistics }
}

type Line = `${'PUT' | 'POST' | 'GET'} ${string}`

async function call(
  { app }: TestApp,
  line: Line,
  { body, authorization }: { body?: object; authorization?: string } = {},
) {
  const [method = 'GET', url = ''] = line.split(' ') as ['PUT' | 'POST' | 'GET', string]
  const headers = authorization === undefined ? {} : { authorization }
  const response = await app.http.inject({ method, url, headers, ...(body ? { body } : {}) })
  assert.ok(response.statusCode < 300, `${line}: ${response.body}`)
  return response.json()
}

async function wellSends<Behaviour>({ user, push }: Tenant<Behaviour>): Promise<void> {
  const count = user.received().length
  await push()
  await until('the other app sends', () => user.received().length > count, SOON_MS)
}

function rowsOf({ database, failing }: World<unknown>) {
  return database.database.read.kysely
    .selectFrom('pending_message')
    .select(['due_at', 'attempts', 'sender_id'])
    .where('app_key', '=', failing.appKey)
    .execute()
}

function waiting(world: World<unknown>, stepMs: number): Promise<Waiting> {
  return until('the message waits', async () => {
    if (stepMs > 0) await world.clock.advance(stepMs)
    const row = (await rowsOf(world)).find((row) => row.attempts > 0 && row.sender_id === null)
    return row && { dueAt: row.due_at, attempts: row.attempts }
  })
}

/**
 * Until then, or until nothing waits any more. Time passes slowly while a message is under way, and to its next try at once
 * while it waits: some five tries a second.
 */
async function passTime(world: World<unknown>, until = Number.POSITIVE_INFINITY): Promise<void> {
  const { clock } = world
  for (let looks = 1; looks <= LOOKS_MAX; looks++) {
    const [row] = await rowsOf(world)
    if (!row || clock.now() >= until) return
    const leftMs = row.sender_id === null && looks % 10 === 0 ? row.due_at - clock.now() : 0
    await clock.advance(Math.min(Math.max(leftMs, STEP_MS), until - clock.now()))
    await sleep(LOOK_MS)
  }
  assert.fail('a message waits for ever')
}
