// How long a read of a user takes while nothing else happens, and while a great many erasures are worked off; and how
// long those take.
import { p50, p99, readRequest, runLoad, startLoad } from './load.ts'
import { openSession, type Place } from './place.ts'
import { format } from './results.ts'
import { type Section, type SectionInput, untilErased, withUsers } from './section.ts'
import { startServer } from './server.ts'
import { idsOf, type Users } from './users.ts'

const perSecond = 200
const connections = 16
const readCount = 20_000
const erasureCount = 100_000
const seconds = { idle: 10, quick: 3, warmUp: 2, longest: 600 }
const quickShare = 0.1

export const read: Section = async (input, add) => {
  const share = input.isQuick ? quickShare : 1
  const live: Users = { kind: 'tagged', from: 0, count: readCount * share }
  const count = erasureCount * share
  const erasing: Users = { kind: 'tagged', from: live.count, count, acceptedAt: Date.now() }
  const load = {
    requests: idsOf(live).map(readRequest),
    isRepeating: true,
    connections,
    perSecond,
  }
  await withUsers(input, [live, erasing], async (place) => {
    const server = await startServer(place)
    try {
      const target = { ...load, host: server.host, port: server.port }
      const words = `${count.toLocaleString('en-GB')} erasures`
      input.say(`working off ${words}`)
      const running = startLoad({ ...target, seconds: seconds.longest })
      await untilErased(place)
      running.stop()
      const busy = await running.outcome
      await runLoad({ ...target, seconds: seconds.warmUp })
      const idle = await runLoad({ ...target, seconds: input.isQuick ? seconds.quick : seconds.idle })
      const rateWords = `at ${perSecond} reads a second`
      add({
        what: 'a read of a user, p99, idle',
        value: p99(idle),
        unit: 'ms',
        beside: besideOf(idle, rateWords),
      })
      add({
        what: `a read of a user, p99, during ${words}`,
        value: p99(busy),
        unit: 'ms',
        beside: besideOf(busy, rateWords),
      })
      const { removedMs, erasedMs } = await timesOf(place, server.startedAt)
      add({
        what: `${words} removed`,
        value: removedMs / 1_000,
        unit: 's',
        beside: `${format(count / (removedMs / 1_000), '/s')}, reads and receipts meanwhile`,
      })
      add({
        what: `${words} erased`,
        value: erasedMs / 1_000,
        unit: 's',
        beside: format(count / (erasedMs / 1_000), '/s'),
      })
      tellLog(input, server.log())
    } finally {
      await server.stop()
    }
  })
}

function besideOf(outcome: Parameters<typeof p50>[0], rateWords: string): string {
  const failures = Object.entries(outcome.statuses).filter(([status]) => status !== '200')
  const failed = failures.map(([status, times]) => `, ${times} times ${status}`).join('')
  return `p50 ${format(p50(outcome), 'ms')}, ${rateWords}${failed}`
}

/** From the moment the server listened until the last one was through. */
async function timesOf(place: Place, since: number): Promise<{ removedMs: number; erasedMs: number }> {
  const session = await openSession(place)
  const [row] = await session.run('select max(removed_at) as removed, max(erased_at) as erased from erasure')
  await session.close()
  return { removedMs: Number(row?.['removed']) - since, erasedMs: Number(row?.['erased']) - since }
}

function tellLog({ say }: SectionInput, log: string): void {
  if (log !== '') say(`the server logged: ${log.slice(0, 500)}`)
}
