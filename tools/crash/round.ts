// One round: a server under load, a kill at an instant that the seed names, a restart, and the reckoning.
import { setTimeout as sleep } from 'node:timers/promises'
import type { EmbeddedPostgres } from '../postgres/embedded-postgres.ts'
import { type Caller, followToErased, lookForDeleted, type Observed, observe, settle } from './after-crash.ts'
import { Dice } from './dice.ts'
import type { Household } from './household.ts'
import { Http } from './http.ts'
import { type CallerEnd, startLoad } from './load.ts'
import { reckon } from './reckoning.ts'
import { type Server, startServer } from './server.ts'
import type { Store } from './store.ts'

export type RoundInput = {
  seed: number
  /** Which round of its store it is. */
  number: number
  store: Store
  postgres: EmbeddedPostgres | undefined
  households: readonly Household[]
}

export type Victim = 'server' | 'postgres' | 'both'

export type RoundReport = {
  victim: Victim
  killedAfterMs: number
  answeredCount: number
  unansweredCount: number
  erasuresChecked: number
  /** From the restart until the last receipt. */
  erasedAfterMs: number
  households: Household[]
  complaints: string[]
}

/** Counted from the moment when all callers are under way. Short, so that there can be many rounds. */
const killAfterMsMin = 20
const killAfterMsMax = 800

export async function runRound(input: RoundInput): Promise<RoundReport> {
  const { store, postgres, households } = input
  const dice = new Dice(input.seed)
  const victim = chooseVictim(dice, postgres)
  const killedAfterMs = dice.whole(killAfterMsMin, killAfterMsMax)
  const server = await startServer(store.place)
  const ends = await loadAndKill({ ...input, server, dice, victim, killedAfterMs })
  const complaints = ends.flatMap((end) => end.complaints)
  const back = await restart({ store, postgres, server, victim })
  const http = new Http(back.url)
  try {
    const { callers, observed, erasedAfterMs } = await checkOverHttp(http, {
      ends,
      households,
      dice,
      complaints,
    })
    http.close()
    await back.stop()
    if (victim === 'server') complaints.push(...back.errors())
    const look = await store.look()
    const reckoning = await reckon(look, { callers, observed }).finally(() => look.close())
    const openedCount = callers.reduce((sum, { household }) => sum + household.deleted.length, 0)
    const beforeCount = households.reduce((sum, { deleted }) => sum + deleted.length, 0)
    return {
      victim,
      killedAfterMs,
      answeredCount: ends.reduce((sum, end) => sum + end.answeredCount, 0),
      unansweredCount: ends.filter((end) => end.pending !== undefined).length,
      erasuresChecked: openedCount - beforeCount,
      erasedAfterMs,
      households: reckoning.households,
      complaints: [...complaints, ...reckoning.complaints],
    }
  } finally {
    http.close()
    if (back.isRunning()) await back.kill()
  }
}

function chooseVictim(dice: Dice, postgres: EmbeddedPostgres | undefined): Victim {
  const throws = dice.fraction()
  if (postgres === undefined) return 'server'
  if (throws < 0.25) return 'postgres'
  return throws < 0.4 ? 'both' : 'server'
}

type LoadAndKill = RoundInput & { server: Server; dice: Dice; victim: Victim; killedAfterMs: number }

async function loadAndKill(input: LoadAndKill): Promise<CallerEnd[]> {
  const { server, postgres, victim } = input
  const http = new Http(server.url)
  let isKilling = false
  const load = startLoad({
    http,
    households: input.households,
    dice: input.dice.fork(),
    round: input.number,
    isKilling: () => isKilling,
  })
  await load.underWay
  await sleep(input.killedAfterMs)
  isKilling = true
  await Promise.all([
    victim === 'postgres' ? undefined : server.kill(),
    victim === 'server' ? undefined : postgres?.kill(),
  ])
  const ends = await load.ends
  http.close()
  return ends
}

/** A server whose database was killed must go on by itself when the database is back. */
async function restart(input: {
  store: Store
  postgres: EmbeddedPostgres | undefined
  server: Server
  victim: Victim
}): Promise<Server> {
  const { store, postgres, server, victim } = input
  if (victim !== 'server') await postgres?.start()
  if (victim !== 'postgres') return startServer(store.place)
  if (!server.isRunning())
    throw new Error(`the server ended together with its database:\n${server.errors().join('\n')}`)
  return server
}

type OverHttp = { callers: Caller[]; observed: Observed; erasedAfterMs: number }

/** Everything that is asked of the server once it is back; mostly while it is still erasing. */
async function checkOverHttp(
  http: Http,
  input: { ends: CallerEnd[]; households: readonly Household[]; dice: Dice; complaints: string[] },
): Promise<OverHttp> {
  const { ends, households, dice, complaints } = input
  const begun = performance.now()
  await untilReady(http)
  const settled = await Promise.all(ends.map((end) => settle(http, end)))
  const look = async (earlierMax: number) => {
    const found = await Promise.all(
      settled.map(({ household }, index) => {
        const knownCount = households[index]?.deleted.length ?? 0
        return lookForDeleted(http, household, { knownCount, earlierMax, dice })
      }),
    )
    complaints.push(...found.flat())
  }
  const follow = async () => {
    const callers = await Promise.all(
      settled.map(async (caller): Promise<Caller> => {
        return { ...caller, household: await followToErased(http, caller.household, complaints) }
      }),
    )
    return { callers, erasedAfterMs: performance.now() - begun }
  }
  const read = async () => {
    await look(1)
    return observe(
      http,
      settled.map(({ household }) => household),
    )
  }
  const [followed, observed] = await Promise.all([follow(), read()])
  await look(0)
  return { ...followed, observed }
}

/** A node finds its database again within seconds, each time it tries. */
async function untilReady(http: Http): Promise<void> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const answer = await http.ask({ method: 'GET', path: '/readyz', as: 'nobody' })
    if (answer.status === 200) return
    if (performance.now() > deadline) throw new Error('the server does not get ready')
    await sleep(20)
  }
}
