// How many deletions a second are accepted for good over HTTP, each of another live user, beside what the same server does
// with a request that touches nothing.
import {
  deleteRequest,
  expectStatus,
  healthRequest,
  type Load,
  type LoadOutcome,
  p50,
  p99,
  rate,
  runLoad,
} from './load.ts'
import { wrkRate } from './machine.ts'
import { openSession, type Place } from './place.ts'
import { format, type Result } from './results.ts'
import { type Section, type SectionInput, untilErased, withUsers } from './section.ts'
import { type Server, startServer } from './server.ts'
import { idsOf, type Kind, nameOfKind } from './users.ts'

/** By connections: enough users for what an engine accepts in the time of a measurement. */
const userCounts = {
  sqlite: { 1: 12_000, 8: 40_000, 64: 80_000 },
  postgres: { 1: 8_000, 8: 20_000, 64: 40_000 },
} as const
const connectionCounts = [1, 8, 64] as const
type Connections = (typeof connectionCounts)[number]

/** At 64 connections, on two cores. */
const goals = { sqlite: 15_000, postgres: 4_000, p99Ms: 50 }
const kinds: readonly Kind[] = ['plain', 'tagged']
const seconds = { measured: 3, quick: 1, health: 2, warmUp: 1.5 }
const warmUpUsers = 6_000

export const accept: Section = async (input, add) => {
  for (const kind of kinds) {
    const groups = usersOf(input)
    const loaded = groups.map(({ from, count }) => ({ kind, from, count }))
    await withUsers(input, loaded, async (place) => {
      const server = await startServer(place)
      try {
        await warmUp(server, groups[0])
        if (kind === 'plain') await compareWithWrk(input, server)
        for (const connections of connectionCounts) {
          const users = groups.find((group) => group.connections === connections)
          if (users) await measure(input, { place, server, kind, users, add })
        }
      } finally {
        await server.stop()
        if (server.log() !== '') input.say(`the server logged: ${server.log().slice(0, 500)}`)
      }
    })
  }
}

type Group = { connections: Connections | 0; from: number; count: number }

/** The first group is for warming up. */
function usersOf({ engine, isQuick }: SectionInput): Group[] {
  let from = 0
  const group = (connections: Connections | 0, count: number): Group => {
    from += count
    return { connections, from: from - count, count }
  }
  const share = isQuick ? seconds.quick / seconds.measured : 1
  return [
    group(0, warmUpUsers),
    ...connectionCounts.map((count) => group(count, Math.round(userCounts[engine][count] * share))),
  ]
}

async function warmUp(server: Server, users: Group | undefined): Promise<void> {
  const { warmUp: seconds_ } = seconds
  await runLoad(healthLoad(server, { connections: 64, seconds: seconds_ }))
  if (users) expectStatus(await runLoad(deleteLoad(server, { connections: 64, users, seconds: 60 })), '200')
}

/** In turns, the best of each: whatever else the machine does meanwhile makes both slower. */
const rounds = 2

async function compareWithWrk({ say }: SectionInput, server: Server): Promise<void> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const load = healthLoad(server, { connections: 64, seconds: seconds.health })
    ours.push(rate(await runLoad(load)))
    theirs.push(wrkRate(`http://${server.host}:${server.port}/healthz`, 64, seconds.health) ?? 0)
  }
  const best = Math.max(...theirs)
  const told = best === 0 ? 'wrk is not installed' : `wrk ${format(best, '/s')}`
  say(`load generator on /healthz at 64 connections: ours ${format(Math.max(...ours), '/s')}, ${told}`)
}

async function measure(
  { engine, isQuick, say }: SectionInput,
  run: {
    place: Place
    server: Server
    kind: Kind
    users: Group
    add: (result: Omit<Result, 'engine'>) => void
  },
): Promise<void> {
  const { place, server, kind, users, add } = run
  const connections = users.connections || 1
  await untilErased(place)
  const health = await runLoad(healthLoad(server, { connections, seconds: seconds.health }))
  const before = await countErasures(place)
  const cpuBefore = server.cpuSeconds()
  const outcome = await runLoad(
    deleteLoad(server, { connections, users, seconds: isQuick ? seconds.quick : seconds.measured }),
  )
  const cpuSeconds = (server.cpuSeconds() ?? Number.NaN) - (cpuBefore ?? Number.NaN)
  expectStatus(outcome, '200')
  const written = (await countErasures(place)) - before
  if (written !== outcome.count)
    throw new Error(`${outcome.count} deletions were answered and ${written} written.`)
  say(`${nameOfKind(kind)}, ${connections} connections: ${format(rate(outcome), '/s')}`)
  const what = `deletions accepted, ${nameOfKind(kind)}, ${connections} connection${connections === 1 ? '' : 's'}`
  const isGoal = connections === 64
  add({
    what,
    value: rate(outcome),
    unit: '/s',
    ...(isGoal ? { goal: goals[engine] } : {}),
    beside: besideHealth(outcome, health),
  })
  add({
    what: `p99 of these`,
    value: p99(outcome),
    unit: 'ms',
    ...(isGoal ? { goal: goals.p99Ms } : {}),
    beside: `p50 ${format(p50(outcome), 'ms')}${cpuWords(cpuSeconds, outcome)}`,
  })
}

function besideHealth(outcome: LoadOutcome, health: LoadOutcome): string {
  const share = Math.round((rate(outcome) / rate(health)) * 100)
  return `/healthz ${format(rate(health), '/s')}; ${share} % of it`
}

/** With what the work loop did meanwhile; without the processes of PostgreSQL. */
function cpuWords(seconds: number, { count }: LoadOutcome): string {
  return Number.isNaN(seconds)
    ? ''
    : `; ${Math.round((seconds / count) * 1e6)} µs of the server’s processor time each`
}

function healthLoad(server: Server, given: { connections: number; seconds: number }): Load {
  const { host, port } = server
  return { host, port, requests: [healthRequest()], isRepeating: true, ...given }
}

function deleteLoad(
  { host, port }: Server,
  { users, ...given }: { connections: number; seconds: number; users: Group },
): Load {
  return { host, port, requests: idsOf(users).map(deleteRequest), isRepeating: false, ...given }
}

async function countErasures(place: Place): Promise<number> {
  const session = await openSession(place)
  const [row] = await session.run('select count(*) as count from erasure')
  await session.close()
  return Number(row?.['count'])
}
