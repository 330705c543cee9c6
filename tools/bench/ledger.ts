// What the ledger costs: erasures worked off from accepted to erased by the server's own loops, with the ledger and without, in
// turns in one run and in this process, since the product has no switch for it; and the ledger by itself.
import path from 'node:path'
import { createApp, prepareLedger } from '../../packages/server/src/app.ts'
import { readLedger } from '../../packages/server/src/erasure/ledger/read-ledger.ts'
import { openAppendFile, readFrom } from '../../packages/server/src/kernel/append-file.ts'
import { openPlace, type Place } from './place.ts'
import { format, middleOf } from './results.ts'
import { type Section, type SectionInput, untilErased, withUsers } from './section.ts'

const erasureCounts = { sqlite: 10_000, postgres: 20_000 }
const standingCount = 10_000
const quickShare = 0.2
const turns = 3
/** The pauses between two looks whether all are erased would drown a difference. */
const pollMs = 10

export const ledger: Section = async (input, add) => {
  const count = Math.round(erasureCounts[input.engine] * (input.isQuick ? quickShare : 1))
  const without: number[] = []
  const withLedger: number[] = []
  const written: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    // Each has its turn to be the first.
    for (const hasLedger of turn % 2 === 0 ? [false, true] : [true, false]) {
      input.say(`ledger, turn ${turn + 1} of ${turns}, ${hasLedger ? 'with' : 'without'} it`)
      await withUsers(input, usersOf(input, count), async (place) => {
        const seconds = await secondsToErase(place, hasLedger)
        ;(hasLedger ? withLedger : without).push(count / seconds)
        if (hasLedger) written.push(count / (await secondsToWriteAnew(place, count)))
      })
    }
  }
  const [plain, kept] = [middleOf(without), middleOf(withLedger)]
  const share = `${Math.round((kept / plain) * 100)} % of ${format(plain, '/s')}`
  add({
    what: 'erasures worked off, no ledger',
    value: plain,
    unit: '/s',
    beside: `the middle of ${turns}, ${spread(without)}`,
  })
  add({
    what: 'erasures worked off, with the ledger',
    value: kept,
    unit: '/s',
    beside: `${share}, ${spread(withLedger)}`,
  })
  add({ what: 'erasures written to an empty ledger', value: middleOf(written), unit: '/s' })
}

function usersOf({ isQuick }: SectionInput, count: number): Parameters<typeof withUsers>[1] {
  return [
    { kind: 'tagged', from: 0, count, acceptedAt: Date.now() },
    { kind: 'tagged', from: count, count: isQuick ? standingCount * quickShare : standingCount },
  ]
}

async function secondsToErase(place: Place, hasLedger: boolean): Promise<number> {
  const { database, deps } = await openPlace(place)
  const file = hasLedger ? await openAppendFile(path.join(place.folder, 'ledger')) : undefined
  try {
    const kept = file && (await prepareLedger(deps, placed(file)))
    const startedAt = performance.now()
    const app = await createApp(kept ? { ...deps, ledger: kept } : deps)
    await untilErased(place, pollMs)
    const seconds = (performance.now() - startedAt) / 1_000
    await app.stop()
    return seconds
  } finally {
    await file?.close()
    await database.close()
  }
}

/** What a node takes that has lost its ledger; afterwards the file must hold everything. */
async function secondsToWriteAnew(place: Place, count: number): Promise<number> {
  const { database, deps } = await openPlace(place)
  const at = path.join(place.folder, 'ledger-anew')
  const file = await openAppendFile(at)
  try {
    const anew = await prepareLedger(deps, { ...placed(file), lostAt: count })
    const startedAt = performance.now()
    await anew.run()
    const seconds = (performance.now() - startedAt) / 1_000
    const { entryCount } = await readLedger(readFrom(at))
    if (entryCount !== count) throw new Error(`The ledger holds ${entryCount} erasures of ${count}.`)
    return seconds
  } finally {
    await file.close()
    await database.close()
  }
}

function placed(storage: Awaited<ReturnType<typeof openAppendFile>>): Parameters<typeof prepareLedger>[1] {
  return {
    storage,
    place: storage.path,
    lostAt: undefined,
    warnings: [],
    onReplay: async () => {},
    onOlderDatabase: (sentence) => {
      throw new Error(sentence)
    },
  }
}

function spread(values: readonly number[]): string {
  return `${format(Math.min(...values), '/s')} to ${format(Math.max(...values), '/s')}`
}
