// `npm run crash [-- --rounds 50 --engine sqlite|postgres --seed 1]`: kills servers, and PostgreSQL under them, in the
// middle of concurrent work, and checks after each restart that no answered write is lost, no deletion is forgotten and
// nobody deleted is ever seen again. Round n has the seed n - 1 above the first; a round runs alone with --rounds 1.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { emptyHousehold, type Household } from './household.ts'
import { type RoundReport, runRound } from './round.ts'
import { type Engine, openStores, type Store, type Stores } from './store.ts'

const callerCount = 32
/** So many rounds share their data, so that it piles up and is recovered again and again. */
const roundsPerStore = 10
/** A round takes seconds; one that takes this long hangs. */
const roundTimeoutMs = 180_000

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    engine: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const rounds = wholeNumber('--rounds', values.rounds)
const seed = wholeNumber('--seed', values.seed)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

for (const engine of enginesOf(values.engine)) {
  if (!(await runEngine(engine))) process.exit(1)
}
process.exit(0)

async function runEngine(engine: Engine): Promise<boolean> {
  const stores = await openStores(engine)
  process.stdout.write(
    `${engine}: ${await stores.durability()}; ${callerCount} callers, seeds from ${seed}\n`,
  )
  const begun = performance.now()
  try {
    const total = await runRounds(engine, stores)
    if (total === undefined) return false
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    process.stdout.write(`${engine}: ${rounds} rounds passed, ${total} erasures checked, ${seconds} s\n`)
    return true
  } finally {
    await stores.close()
  }
}

/** How many erasures were checked; undefined when a round failed. */
async function runRounds(engine: Engine, stores: Stores): Promise<number | undefined> {
  let store: Store | undefined
  let households: Household[] = []
  let erasuresChecked = 0
  for (let index = 0; index < rounds; index++) {
    if (store === undefined || index % roundsPerStore === 0) {
      await store?.remove()
      store = await stores.fresh()
      households = Array.from({ length: callerCount }, (_, number) => emptyHousehold(number))
    }
    const begun = performance.now()
    const input = {
      seed: seed + index,
      number: (index % roundsPerStore) + 1,
      store,
      postgres: stores.postgres,
      households,
    }
    const report = await withinTime(runRound(input)).catch(failed)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    process.stdout.write(`${lineOf(report, { engine, index, seconds })}\n`)
    if (report.complaints.length > 0) {
      complain(report.complaints, { store, seed: seed + index })
      return undefined
    }
    households = report.households
    erasuresChecked += report.erasuresChecked
  }
  await store?.remove()
  return erasuresChecked
}

function lineOf(report: RoundReport, at: { engine: Engine; index: number; seconds: string }): string {
  const { victim, killedAfterMs, answeredCount, unansweredCount, erasuresChecked } = report
  const victims = victim === 'both' ? 'server and postgres' : victim
  return [
    `round ${at.index + 1}/${rounds} ${at.engine} seed ${seed + at.index}`,
    `killed ${victims} after ${killedAfterMs} ms`,
    `${answeredCount} answered, ${unansweredCount} unanswered`,
    `${erasuresChecked} erasures checked, erased ${(report.erasedAfterMs / 1000).toFixed(1)} s after the restart`,
    `${at.seconds} s`,
  ].join(' · ')
}

function complain(complaints: readonly string[], at: { store: Store; seed: number }): void {
  const shown = complaints.slice(0, 20)
  const rest = complaints.length - shown.length
  process.stdout.write(`${shown.map((one) => `  ${one.slice(0, 2_000)}`).join('\n')}\n`)
  if (rest > 0) process.stdout.write(`  and ${rest} more\n`)
  const { engine, place } = at.store
  const folder = place['LETHE_DATA_DIR']
  if (folder !== undefined) process.stdout.write(`The data is left in ${folder}.\n`)
  process.stdout.write(
    `FAILED. Run it alone, on fresh data: npm run crash -- --rounds 1 --engine ${engine} --seed ${at.seed}\n`,
  )
}

/** A round that could not be carried through failed, too. */
function failed(error: unknown): RoundReport {
  const complaint = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return {
    victim: 'server',
    killedAfterMs: 0,
    answeredCount: 0,
    unansweredCount: 0,
    erasuresChecked: 0,
    erasedAfterMs: 0,
    households: [],
    complaints: [complaint],
  }
}

async function withinTime<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the round takes longer than ${roundTimeoutMs / 1000} s`)),
      roundTimeoutMs,
    )
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function enginesOf(text: string | undefined): Engine[] {
  if (text === undefined) return ['sqlite', 'postgres']
  if (text === 'sqlite' || text === 'postgres') return [text]
  throw new Error('--engine is sqlite or postgres.')
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${option} is a whole number.`)
  return Number(text)
}
