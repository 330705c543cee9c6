// The three clocks of an erasure at a steady rate of deletions: hidden, removed, erased, each from the moment at which the
// deletion was due to be asked for.
import { statement } from '../../packages/server/src/storage/statement.ts'
import { deleteRequest, expectStatus, type LoadOutcome, p50, p99, runLoad } from './load.ts'
import { openSession, type Place } from './place.ts'
import { format, percentile } from './results.ts'
import { type Section, untilErased, withUsers } from './section.ts'
import { startServer } from './server.ts'
import { idsOf, type Users } from './users.ts'

const perSecond = 200
const seconds = { measured: 20, quick: 5, warmUp: 2 }
const goalsMs = { hidden: 50, removed: 5_000, erased: 60_000 }
/** Enough for many deletions to be on their way at once. */
const connections = 64
const standingCount = 50_000

export const clocks: Section = async (input, add) => {
  const measured = input.isQuick ? seconds.quick : seconds.measured
  const warmUp: Users = { kind: 'tagged', from: 0, count: seconds.warmUp * perSecond }
  const users: Users = { kind: 'tagged', from: warmUp.count, count: measured * perSecond }
  const standing: Users = {
    kind: 'tagged',
    from: users.from + users.count,
    count: input.isQuick ? standingCount / 10 : standingCount,
  }
  await withUsers(input, [warmUp, users, standing], async (place) => {
    const server = await startServer(place)
    const load = (ids: Users) =>
      runLoad({
        host: server.host,
        port: server.port,
        requests: idsOf(ids).map(deleteRequest),
        isRepeating: false,
        connections,
        // The requests end it, not the time.
        seconds: 10 * measured,
        perSecond,
        collect: 'lethe-erasure',
      })
    try {
      await load(warmUp)
      input.say(`deleting ${perSecond} users a second for ${measured} s`)
      const outcome = await load(users)
      expectStatus(outcome, '200')
      await untilErased(place)
      const later = await clocksOf(place, outcome)
      const beside = (middle: number) => `p50 ${format(middle, 'ms')}, at ${perSecond} deletions a second`
      add({
        what: 'hidden, p99',
        value: p99(outcome),
        unit: 'ms',
        goal: goalsMs.hidden,
        beside: beside(p50(outcome)),
      })
      for (const step of ['removed', 'erased'] as const) {
        const value = percentile(later[step], 0.99)
        const middle = percentile(later[step], 0.5)
        add({ what: `${step}, p99`, value, unit: 'ms', goal: goalsMs[step], beside: beside(middle) })
      }
    } finally {
      await server.stop()
    }
  })
}

/** Milliseconds from when each deletion was due until it was removed and erased, by the clocks that stand in the database. */
async function clocksOf(
  place: Place,
  { collected }: LoadOutcome,
): Promise<{ removed: number[]; erased: number[] }> {
  const session = await openSession(place)
  const ids = collected.map(({ header }) => ({ erasure_id: header }))
  const rows = await session.read.query(CLOCKS, ids)
  await session.close()
  if (rows.length !== collected.length)
    throw new Error('An erasure that was answered is not in the database.')
  const dueAt = new Map(collected.map(({ header, dueAt }) => [header, dueAt]))
  const since = (row: { erasure_id: string }, at: number) => at - (dueAt.get(row.erasure_id) ?? Number.NaN)
  return {
    removed: rows.map((row) => since(row, row.removed_at)),
    erased: rows.map((row) => since(row, row.erased_at)),
  }
}

const CLOCKS = statement<{ erasure_id: string; removed_at: number; erased_at: number }>()(
  'bench.clocks',
  { erasure_id: 'text' },
  (q) => `select e.erasure_id, e.removed_at, e.erased_at from ${q.input}
    join erasure e on e.erasure_id = input.erasure_id`,
)
