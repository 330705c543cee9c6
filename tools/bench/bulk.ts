// `npm run bench:bulk [-- --engine sqlite|postgres] [--users <count>] [--markdown <file>]`: plans, confirms and erases a great
// many users of a real server, and measures what the server needs for it and what others notice meanwhile. 1,000,000 users unless
// another count is given. docs/benchmarks.md tells the method.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Engine } from '../../packages/server/src/storage/database.ts'
import { startPostgres } from '../postgres/embedded-postgres.ts'
import { type LoadOutcome, p50, p99, readRequest, startLoad } from './load.ts'
import { describeEngine, describeMachine, describeSource } from './machine.ts'
import { appKey, authorization, openSession, operatorToken, type Place, placesOf } from './place.ts'
import { format, markdownTable, type Result, terminalTable, withResults } from './results.ts'
import { type SectionInput, withUsers } from './section.ts'
import { type Server, startServer } from './server.ts'
import { idOf, idsOf, type Users } from './users.ts'

const usersDefault = 1_000_000
/** Users who stay, are read and get pushes meanwhile; and users who are deleted one by one. */
const standing = { read: 10_000, deleted: 100 }
const readsPerSecond = 100
const everyMs = 500
/** The goal of the issue, for 1,000,000 users on PostgreSQL. */
const goalPerSecond: Partial<Record<Engine, number>> = { postgres: Math.round(1_000_000 / 120) }
/** The goal of the design for the deletion of one user, whatever else is going on. */
const removedGoalMs = 5_000

const begunAt = performance.now()
await main()

async function main(): Promise<void> {
  const { engines, users, markdown } = parseOptions()
  const postgres = engines.includes('postgres') ? await startPostgres({ fsync: true }) : undefined
  try {
    const surroundings = [describeSource(), ...describeMachine()]
    const results: Result[] = []
    for (const engine of engines) {
      const newPlace = placesOf(engine, postgres)
      surroundings.push(await engineOf(newPlace))
      const input = { engine, isQuick: false, newPlace, say: sayOf(engine) }
      results.push(...(await measure(input, users)).map((result) => ({ engine, ...result })))
    }
    console.log(`${surroundings.join('\n')}\n\n${terminalTable(results)}`)
    if (markdown !== undefined) write(markdown, surroundings, results)
  } finally {
    await postgres?.stop()
  }
}

function parseOptions(): { engines: Engine[]; users: number; markdown: string | undefined } {
  const { values } = parseArgs({
    options: { engine: { type: 'string' }, users: { type: 'string' }, markdown: { type: 'string' } },
  })
  const engines = (['sqlite', 'postgres'] as const).filter((engine) => (values.engine ?? engine) === engine)
  if (engines.length === 0) throw new Error('--engine: sqlite or postgres.')
  const users = Number(values.users ?? usersDefault)
  if (!Number.isSafeInteger(users) || users < 1) throw new Error('--users: a count of users.')
  return { engines, users, markdown: values.markdown }
}

async function engineOf(newPlace: () => Promise<Place>): Promise<string> {
  const place = await newPlace()
  const words = await describeEngine(place)
  await place.remove()
  return words
}

async function measure(input: SectionInput, count: number): Promise<Omit<Result, 'engine'>[]> {
  const results: Omit<Result, 'engine'>[] = []
  const doomed: Users = { kind: 'plain', from: 0, count }
  const others: Users = { kind: 'tagged', from: count, count: standing.read + standing.deleted }
  await withUsers(input, [doomed, others], async (place) => {
    const server = await startServer(place)
    try {
      results.push(...(await runDeletion({ input, place, server, count })))
    } finally {
      const log = server.log()
      if (log !== '') input.say(`the server logged: ${log.slice(-1_000)}`)
      await server.stop()
    }
  })
  return results
}

interface Run {
  readonly input: SectionInput
  readonly place: Place
  readonly server: Server
  readonly count: number
}

async function runDeletion(run: Run): Promise<Omit<Result, 'engine'>[]> {
  const { input, server, count } = run
  const words = `${count.toLocaleString('en-GB')} users`
  await operate(server, 'PUT channels/stub', {})
  const restMb = residentMb(server)
  input.say(`planning ${words}`)
  const planned = await timed(() => plan(run))
  const planMb = residentMb(server)
  const reading = startLoad({
    requests: idsOf({ from: count, count: standing.read }).map(readRequest),
    isRepeating: true,
    // One is enough for so few reads; the server closes connections over which no request has come for half a minute.
    connections: 1,
    perSecond: readsPerSecond,
    host: server.host,
    port: server.port,
    seconds: 3_600,
  })
  input.say(`deleting ${words}`)
  // The load ends with the server too, and what ended the server is what matters then.
  reading.outcome.catch(() => {})
  const { hiddenMs, doneMs, memory } = await confirmAndWatch(run, planned.value)
  reading.stop()
  const reads = await reading.outcome
  const meanwhile = await clocksOfOthers(run.place)
  const perSecond = count / (doneMs / 1_000)
  const goal = goalPerSecond[input.engine]
  return [
    {
      what: `${words}, planned`,
      value: planned.ms / 1_000,
      unit: 's',
      beside: format(count / (planned.ms / 1_000), '/s'),
    },
    { what: `${words}, all hidden`, value: hiddenMs / 1_000, unit: 's', beside: 'since the confirmation' },
    {
      what: `${words}, all erased and signed for`,
      value: doneMs / 1_000,
      unit: 's',
      beside: 'since the confirmation',
    },
    { what: 'users erased', value: perSecond, unit: '/s', ...(goal === undefined ? {} : { goal }) },
    {
      what: 'resident memory, highest during it',
      value: Math.max(...memory),
      unit: 'MB',
      beside: memoryWords({ restMb, planMb, memory }),
    },
    { what: 'a read of a user during it, p99', value: p99(reads), unit: 'ms', beside: readWords(reads) },
    {
      what: 'a single deletion during it, removed, worst',
      value: meanwhile.removedMs,
      unit: 'ms',
      goal: removedGoalMs,
      beside: `${meanwhile.deletions} deletions, one each half second at most`,
    },
    {
      what: 'a push to one user during it, sent, worst',
      value: meanwhile.sentMs,
      unit: 'ms',
      beside: `${meanwhile.pushes} pushes, from accepted to sent`,
    },
  ]
}

/** The middle of the first and of the last quarter: flat means that they are alike. */
function memoryWords({
  restMb,
  planMb,
  memory,
}: {
  restMb: number
  planMb: number
  memory: number[]
}): string {
  const at = (share: number) => format(memory[Math.floor(memory.length * share)] ?? Number.NaN, 'MB')
  return `${format(restMb, 'MB')} before, ${format(planMb, 'MB')} after the plan, ${at(0.25)} at a quarter, ${at(0.75)} at three quarters`
}

function readWords(reads: LoadOutcome): string {
  const failures = Object.entries(reads.statuses).filter(([status]) => status !== '200')
  const failed = failures.map(([status, times]) => `, ${times} times ${status}`).join('')
  return `p50 ${format(p50(reads), 'ms')}, ${readsPerSecond} reads a second${failed}`
}

interface Deletion {
  readonly deletion_id: string
  readonly confirmation_token: string
  readonly state: string
  readonly users: number
  readonly progress: { readonly erased: number }
}

/** The doomed are the users without a tag. */
async function plan({ server, count }: Run): Promise<Deletion> {
  const tags = Array.from({ length: 5 }, (_, n) => `language_${n}`)
  const opened = await operate<Deletion>(server, 'POST deletions', { to: { tag_not: tags } })
  let deletion = opened
  while (deletion.state === 'planning') {
    await sleep(everyMs)
    deletion = await operate<Deletion>(server, `GET deletions/${opened.deletion_id}`)
  }
  if (deletion.state !== 'planned' || deletion.users !== count) {
    throw new Error(`The plan is ${deletion.state} and has ${deletion.users} users.`)
  }
  return { ...opened, ...deletion }
}

async function confirmAndWatch(
  { server, count }: Run,
  { deletion_id, confirmation_token }: Deletion,
): Promise<{ hiddenMs: number; doneMs: number; memory: number[] }> {
  const startedAt = performance.now()
  await operate(server, `POST deletions/${deletion_id}/confirm`, {
    confirmation_token,
    count,
    grace_seconds: 0,
  })
  const memory: number[] = []
  let hiddenMs = Number.NaN
  for (let n = 0; ; n++) {
    await sleep(everyMs)
    memory.push(residentMb(server))
    if (n < standing.deleted) await deleteOne(server, idOf(count + standing.read + n))
    await pushToOne(server, idOf(count + (n % standing.read)))
    const { state } = await operate<Deletion>(server, `GET deletions/${deletion_id}`)
    if (state !== 'running' && state !== 'confirmed') hiddenMs ||= performance.now() - startedAt
    if (state === 'done') return { hiddenMs, doneMs: performance.now() - startedAt, memory }
  }
}

async function operate<Body>(server: Server, line: string, body?: object): Promise<Body> {
  const [method = '', path] = line.split(' ')
  return send(server, `/admin/v1/apps/${appKey}/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${operatorToken}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
}

function deleteOne(server: Server, id: string): Promise<unknown> {
  return send(server, `/v4/devices/${id}`, { method: 'DELETE', headers: { authorization } })
}

function pushToOne(server: Server, id: string): Promise<unknown> {
  return send(server, '/v4/push', {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      to: { registration_id: [id] },
      body: { platform: 'android', notification: { alert: 'A text for one' } },
    }),
  })
}

async function send<Body>({ host, port }: Server, path: string, request: RequestInit): Promise<Body> {
  const response = await fetch(`http://${host}:${port}${path}`, request)
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
  return JSON.parse(text) as Body
}

/** Linux: what the process of the server has resident; NaN elsewhere. */
function residentMb({ pid }: Server): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024
  } catch {
    return Number.NaN
  }
}

/** What the database tells of single deletions and pushes. */
async function clocksOfOthers(
  place: Place,
): Promise<{ deletions: number; removedMs: number; pushes: number; sentMs: number }> {
  const session = await openSession(place)
  const [deletions] = await session.run(
    `select count(*) as count, max(removed_at - accepted_at) as worst from erasure where origin = 'server'`,
  )
  const [pushes] = await session.run(
    `select count(*) as count, max(m.changed_at - p.accepted_at) as worst from message_status m join push p on p.msg_id = m.msg_id`,
  )
  await session.close()
  return {
    deletions: Number(deletions?.['count']),
    removedMs: Number(deletions?.['worst']),
    pushes: Number(pushes?.['count']),
    sentMs: Number(pushes?.['worst']),
  }
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ value: Value; ms: number }> {
  const startedAt = performance.now()
  const value = await work()
  return { value, ms: performance.now() - startedAt }
}

function sayOf(engine: Engine): (text: string) => void {
  return (text) => {
    const seconds = Math.round((performance.now() - begunAt) / 1_000)
    console.log(`${String(seconds).padStart(5)} s  ${engine}: ${text}`)
  }
}

function write(file: string, surroundings: readonly string[], results: readonly Result[]): void {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const date = new Date().toISOString().slice(0, 10)
  const about = [`measured on ${date}`, ...surroundings].map((line) => `- ${line}`).join('\n')
  writeFileSync(file, withResults(page, `${about}\n\n${markdownTable(results)}`, 'bulk'))
  console.log(`\nwritten: ${file}`)
}
