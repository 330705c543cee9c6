// size: one suite that runs on both engines, read test by test.
/** The batches of a deletion of many users, called by hand: what each transaction does, and what stops it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditEntry } from '../../src/audit/audit.ts'
import { decideDeletions } from '../../src/erasure/bulk/decide.store.ts'
import { addTargets, freezePlans, openPlans } from '../../src/erasure/bulk/plan.store.ts'
import { readBulkDeletion } from '../../src/erasure/bulk/read.store.ts'
import { advanceDeletions, clearTargets, runDeletions } from '../../src/erasure/bulk/run.store.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { randomId, systemRandom } from '../../src/kernel/random.ts'
import { units } from '../../src/units.ts'
import { forEachEngine, type TestDatabase } from '../support/engines.ts'
import { runOutside } from '../support/outside-sql.ts'
import { accept, openRegistry, register } from '../support/registry.ts'

const USERS = 10
const audit = auditEntry(
  { clock: systemClock(), random: systemRandom },
  { actor: 'operator', action: 'deletion.planned' },
)

/** A deletion of ten users that runs, and nobody who works it off. */
async function startDeletion(opened: TestDatabase) {
  const { database } = opened
  const app = await openRegistry(database)
  const ids: RegistrationId[] = []
  for (let n = 0; n < USERS; n++) ids.push(await register(database, app))
  const deletionId = randomId(systemRandom)
  const key = { deletionId, appKey: app.appKey }
  await database.write(openPlans, { ...key, source: 'registrationIds', tokenDigest: 'digest' })
  assert.deepEqual(await database.write(addTargets, { ...key, registrationIds: ids, lineCount: USERS }), {
    kind: 'added',
    count: USERS,
  })
  const figures = { figures: '{}', fingerprint: null, isEveryone: false, tokenValidMs: 1_000, audit }
  assert.equal(await database.write(freezePlans, { deletionId, ...figures }), true)
  await runOutside(opened, "update deletion set state = 'running', started_at = 1, pace_since = 1")
  const run = (limit: number) =>
    database.write(runDeletions, {
      ...key,
      erasureKeys: app.erasureKeys,
      erasureIds: Array.from({ length: limit }, () => randomId(systemRandom)),
    })
  const decide = (decision: 'pause' | 'resume' | 'cancel') =>
    database.write(decideDeletions, {
      ...key,
      decision,
      audit: { ...audit, auditId: randomId(systemRandom) },
    })
  const read = async () => {
    const row = await readBulkDeletion(database.read, key)
    assert.ok(row)
    return row
  }
  const liveIds = async () => {
    const rows = await database.read.kysely
      .selectFrom('device')
      .select('registration_id')
      .where('state', '=', 'live')
      .execute()
    return rows.map((row) => row.registration_id).sort()
  }
  return { app, database, ids, key, run, decide, read, liveIds }
}

forEachEngine('batches of a deletion', (open) => {
  test('hide the next users of the list, once each, and say so in the same commit', async (t) => {
    const { run, read, liveIds } = await startDeletion(await open(t))
    const first = await run(4)
    assert.deepEqual([first.hidden.length, first.hasMore], [4, true])
    const row = await read()
    assert.deepEqual([row.next_number, row.hidden_count, row.state], [4, 4, 'running'])
    // Two nodes at once: whatever each of them gets, nobody is taken twice.
    const [one, two] = await Promise.all([run(4), run(4)])
    const rest = await run(4)
    const hidden = [...first.hidden, ...one.hidden, ...two.hidden, ...rest.hidden]
    assert.equal(new Set(hidden).size, hidden.length)
    while ((await read()).state === 'running') await run(4)
    const end = await read()
    assert.deepEqual([end.hidden_count, end.gone_count, end.state], [USERS, 0, 'finishing'])
    assert.deepEqual(await liveIds(), [])
    assert.deepEqual((await run(4)).hidden, [])
  })

  test('stop while the deletion is paused, and go on where they were', async (t) => {
    const { run, decide, read, liveIds } = await startDeletion(await open(t))
    await run(3)
    assert.deepEqual(await decide('pause'), { kind: 'done' })
    assert.deepEqual(await run(3), { hidden: [], hasMore: false })
    assert.equal((await liveIds()).length, USERS - 3)
    assert.deepEqual(await decide('resume'), { kind: 'done' })
    assert.equal((await run(20)).hidden.length, USERS - 3)
    assert.equal((await read()).state, 'finishing')
    assert.deepEqual(await decide('cancel'), { kind: 'wrongState', state: 'finishing' })
  })

  test('spare the rest of a deletion that is cancelled, and take it off the list', async (t) => {
    const { database, run, decide, read, liveIds, key } = await startDeletion(await open(t))
    const { hidden } = await run(3)
    await decide('cancel')
    assert.deepEqual((await run(3)).hidden, [])
    assert.equal(await database.write(clearTargets, { ...key, limit: 5 }), true)
    assert.equal(await database.write(clearTargets, { ...key, limit: 5 }), false)
    const left = await database.read.kysely.selectFrom('deletion_target').selectAll().execute()
    // Those of the hidden ones go with their erasures.
    assert.deepEqual(left.map((row) => row.registration_id).sort(), hidden.toSorted())
    assert.equal((await liveIds()).length, USERS - 3)
    const row = await read()
    assert.deepEqual([row.state, row.hidden_count, row.target_count], ['cancelled', 3, USERS])
    await database.write(units.removeDevices, { erasureIds: null, limit: 100 })
    assert.deepEqual(await database.read.kysely.selectFrom('deletion_target').selectAll().execute(), [])
  })

  test('count as gone whom somebody else deleted, hidden or removed', async (t) => {
    const { app, database, ids, run, read } = await startDeletion(await open(t))
    const [one, two, three] = ids
    assert.ok(one && two && three)
    await accept(database, app, one)
    await database.write(units.removeDevices, { erasureIds: null, limit: 100 })
    await accept(database, app, two)
    await run(USERS)
    const row = await read()
    assert.deepEqual([row.hidden_count, row.gone_count, row.state], [USERS - 2, 2, 'finishing'])
    const origins = await database.read.kysely
      .selectFrom('erasure')
      .select(['origin', 'deletion_id'])
      .execute()
    const ofBulk = origins.filter(({ origin }) => origin === 'bulk')
    assert.equal(ofBulk.length, USERS - 2)
    assert.ok(origins.every(({ origin, deletion_id }) => (origin === 'bulk') === (deletion_id !== null)))
  })

  test('end plans that nobody writes to any more, and free their users of them', async (t) => {
    const opened = await open(t)
    const { database, key, read, liveIds } = await startDeletion(opened)
    const [planning, silent] = [`update deletion set state = 'planning'`, `, touched_at = 1`]
    await runOutside(opened, planning)
    await database.write(advanceDeletions, null)
    assert.equal((await read()).state, 'planning', 'it was written to a moment ago')
    await runOutside(opened, planning + silent)
    await database.write(advanceDeletions, null)
    const row = await read()
    assert.deepEqual([row.state, row.failure], ['failed', 'interrupted'])
    assert.equal(await database.write(clearTargets, { ...key, limit: USERS }), false)
    assert.deepEqual(await database.read.kysely.selectFrom('deletion_target').selectAll().execute(), [])
    assert.equal((await liveIds()).length, USERS)
  })

  test('begin when the grace is over, and not before', async (t) => {
    const opened = await open(t)
    const { database, run, read, liveIds } = await startDeletion(opened)
    await runOutside(opened, `update deletion set state = 'confirmed', starts_at = 9000000000000000`)
    await database.write(advanceDeletions, null)
    assert.deepEqual((await run(5)).hidden, [])
    assert.deepEqual([(await read()).state, (await liveIds()).length], ['confirmed', USERS])
    await runOutside(opened, 'update deletion set starts_at = 1')
    await database.write(advanceDeletions, null)
    assert.equal((await run(5)).hidden.length, 5)
  })

  test('find a closed list closed: nobody comes onto it, whoever asks', async (t) => {
    const { app, database, key, read } = await startDeletion(await open(t))
    const late = await register(database, app)
    const input = { ...key, registrationIds: [late], lineCount: 1 }
    assert.deepEqual(await database.write(addTargets, input), { kind: 'closed' })
    assert.equal((await read()).target_count, USERS)
  })
})
