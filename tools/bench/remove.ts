// How many users a second are removed, looked at again and receipted, each step by itself, as the server's work loop runs
// it: the same units, batch sizes and storage, in this process and without HTTP.
import { FINISH_BATCH, REMOVAL_BATCH } from '../../packages/server/src/erasure/erasure-work.ts'
import { signReceipt } from '../../packages/server/src/erasure/receipt.ts'
import { claimSealing, finishErasures, readClaimed } from '../../packages/server/src/erasure/seal.store.ts'
import { loadSigningKeys, type SigningKeys } from '../../packages/server/src/erasure/signing-keys.ts'
import { type Db, personalColumns } from '../../packages/server/src/schema.ts'
import { units } from '../../packages/server/src/units.ts'
import { removeBare } from './bare-removal.ts'
import { openPlace, type Place } from './place.ts'
import { format } from './results.ts'
import { type Section, type SectionInput, withUsers } from './section.ts'
import type { Users } from './users.ts'

const goals = { sqlite: 5_000, postgres: 10_000 }
const erasureCounts = { sqlite: 30_000, postgres: 40_000 }
const quickShare = 0.2
/** Longer than a run. */
const LEASE_MS = 600_000
/** Beside those that are removed, so that nobody measures an empty table. */
const standingCount = 50_000

export const remove: Section = async (input, add) => {
  const { engine } = input
  const count = Math.round(erasureCounts[engine] * (input.isQuick ? quickShare : 1))
  const batch = REMOVAL_BATCH[engine]
  let bare = 0
  await withUsers(input, usersOf(input, count), async (place) => {
    input.say('removing in bare SQL')
    bare = await removeBare(place, { count, batch })
  })
  await withUsers(input, usersOf(input, count), async (place) => {
    input.say('removing, looking again, sealing')
    const steps = await runSteps(place, count)
    const share = Math.round((steps.removed / bare) * 100)
    const beside = `in bare SQL ${format(bare, '/s')}; ${share} % of it; batches of ${batch}`
    add({ what: 'users removed', value: steps.removed, unit: '/s', goal: goals[engine], beside })
    add({
      what: 'second looks',
      value: steps.looked,
      unit: '/s',
      beside: `batches of ${FINISH_BATCH}`,
    })
    add({ what: 'receipts signed and written', value: steps.sealed, unit: '/s' })
    add({ what: 'one scrub after that', value: steps.scrubMs, unit: 'ms', beside: scrubWords[engine] })
  })
}

const scrubWords = {
  sqlite: 'the checkpoint that truncates the log',
  postgres: 'analyze of the tables about users',
}

function usersOf({ isQuick }: SectionInput, count: number): Users[] {
  return [
    { kind: 'tagged', from: 0, count, acceptedAt: Date.now() },
    { kind: 'tagged', from: count, count: isQuick ? standingCount * quickShare : standingCount },
  ]
}

async function runSteps(
  place: Place,
  count: number,
): Promise<{ removed: number; looked: number; sealed: number; scrubMs: number }> {
  const { database, deps, seal } = await openPlace(place)
  try {
    const signingKeys = await loadSigningKeys({ ...deps, seal })
    const removedIn = await secondsOf(() => removeAll(database, count))
    const lookedIn = await secondsOf(() => lookAtAll(database, count))
    const scrubbedIn = await secondsOf(() => database.scrub())
    const sealedIn = await secondsOf(() => sealAll(database, signingKeys, count))
    return {
      removed: count / removedIn,
      looked: count / lookedIn,
      sealed: count / sealedIn,
      scrubMs: scrubbedIn * 1_000,
    }
  } finally {
    await database.close()
  }
}

async function removeAll(database: Db, count: number): Promise<void> {
  const limit = REMOVAL_BATCH[database.engine]
  for (let done = 0; done < count; ) {
    const { erasureCount } = await database.write(units.removeDevices, { erasureIds: null, limit })
    done += moved(erasureCount)
  }
}

async function lookAtAll(database: Db, count: number): Promise<void> {
  for (let done = 0; done < count; ) {
    const { lookedAtCount, left } = await database.write(units.lookAgain, FINISH_BATCH)
    if (left.length > 0) throw new Error('The second look has found rows that were not removed.')
    done += moved(lookedAtCount)
  }
}

async function sealAll(database: Db, signingKeys: SigningKeys, count: number): Promise<void> {
  const { engine } = database
  for (let done = 0; done < count; ) {
    const claim = await database.write(claimSealing, {
      limit: FINISH_BATCH,
      leaseMs: LEASE_MS,
      ledgerPosition: Number.MAX_SAFE_INTEGER,
    })
    const { erasures, now: erasedAt } = await database.write(readClaimed, { ...claim, leaseMs: LEASE_MS })
    const finished = await Promise.all(
      erasures.map(async (erasure) => {
        const receiptOf = { erasure, erasedAt, issuer: 'lethe', engine, personalColumns }
        return {
          erasureId: erasure.erasure_id,
          erasedAt,
          receipt: await signReceipt(signingKeys, receiptOf),
        }
      }),
    )
    done += moved(await database.write(finishErasures, finished))
  }
}

/** A step that moves nothing would be repeated for ever. */
function moved(count: number): number {
  if (count === 0) throw new Error('Nothing was due, though erasures are open.')
  return count
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1_000
}
