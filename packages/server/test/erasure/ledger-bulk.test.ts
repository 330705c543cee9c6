// size: one suite that runs on both engines, read test by test.
/** Deletions of many users and the ledger: their erasures go through it like all others. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { claimSealing } from '../../src/erasure/seal.store.ts'
import { APP_KEY } from '../support/app.ts'
import {
  allErased,
  call,
  eraseUsers,
  forEachPlace,
  type LedgerServer,
  nameUsers,
  newFolder,
  operate,
  registerUsers,
  startLedgerServer,
} from '../support/ledger-world.ts'
import { runOutside } from '../support/outside-sql.ts'
import { until } from '../support/until.ts'

/** Plans and confirms the deletion of everybody with the tag that all users of these tests have. */
async function deleteAll(server: LedgerServer, graceSeconds = 0): Promise<string> {
  const deletions = `/admin/v1/apps/${APP_KEY}/deletions`
  const planned = await operate(server, 'POST', { url: deletions, body: { to: { tag: ['all_of_them'] } } })
  const { name } = await operate(server, 'GET', `/admin/v1/apps/${APP_KEY}`)
  await operate(server, 'POST', {
    url: `${deletions}/${planned.deletion_id}/confirm`,
    body: {
      confirmation_token: planned.confirmation_token,
      count: planned.users,
      grace_seconds: graceSeconds,
      app_name: name,
    },
  })
  return `${deletions}/${planned.deletion_id}`
}

async function statesOf({ database }: LedgerServer): Promise<Map<string, string>> {
  const rows = await database.read.kysely.selectFrom('erasure').select(['erasure_id', 'state']).execute()
  return new Map(rows.map(({ erasure_id, state }) => [erasure_id, state]))
}

forEachPlace('a deletion of many users', (newPlace) => {
  test('is not finished before its erasures stand in the ledger', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    let isFull = false
    const beforeAppend = async () => {
      if (isFull) throw new Error('no space is left on the disk of the ledger')
    }
    const server = await startLedgerServer(t, await newPlace(t), { file, beforeAppend })
    const users = await registerUsers(server, nameUsers('user', 30))
    isFull = true
    const deletion = await deleteAll(server)
    await until('all are ready to be sealed', async () => {
      const states = [...(await statesOf(server)).values()]
      return states.length === users.length && states.every((state) => state === 'sealing')
    })
    assert.equal(server.ledger.position, 0)
    const { erasureIds } = await server.database.write(claimSealing, {
      limit: 100,
      leaseMs: 0,
      ledgerPosition: server.ledger.position,
    })
    assert.deepEqual(erasureIds, [], 'none may be taken to be sealed')
    const failed = () => server.log.filter(({ event }) => event === 'erasure.step-failed')
    const failedBefore = failed().length
    await until('it was tried again', () => failed().length >= failedBefore + 4)
    assert.deepEqual(new Set((await statesOf(server)).values()), new Set(['sealing']))
    isFull = false
    await until('the deletion is done', async () => (await operate(server, 'GET', deletion)).state === 'done')
    const states = await statesOf(server)
    const lines = readFileSync(file, 'latin1').split('\n')
    const ledgered = lines.flatMap((line) => (line.startsWith('erased\t') ? [line.split('\t')[2]] : []))
    assert.deepEqual(ledgered.sort(), [...states.keys()].sort())
    assert.deepEqual(new Set(states.values()), new Set(['erased']))
  })

  test('stays done when an older database is restored, which knows nothing of it', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    const place = await newPlace(t)
    const first = await startLedgerServer(t, place, { file })
    const users = await registerUsers(first, nameUsers('user', 150))
    await first.stop()
    const backup = await place.copy()
    const second = await startLedgerServer(t, place, { file })
    const deletion = await deleteAll(second)
    await until('the deletion is done', async () => (await operate(second, 'GET', deletion)).state === 'done')
    await second.stop()

    const restored = await startLedgerServer(t, backup, { file })
    assert.deepEqual(restored.replayed, [150])
    await allErased(restored)
    for (const { id } of users) {
      const { body } = await call(restored, 'GET', `/v4/devices/${id}/erasure`)
      assert.deepEqual([body.state, typeof body.receipt], ['erased', 'string'])
    }
    const guard = await operate(restored, 'GET', `/admin/v1/apps/${APP_KEY}/guard`)
    assert.deepEqual([guard.used, guard.tripped_at], [0, null])
  })

  test('that an older database has confirmed deletes nobody until an operator says so again', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    const place = await newPlace(t)
    const first = await startLedgerServer(t, place, { file })
    const users = await registerUsers(first, nameUsers('user', 5))
    const [waiting, running] = [await deleteAll(first, 3_600), await deleteAll(first, 3_600)]
    await first.stop()
    const { LETHE_DATA_DIR: directory = '', LETHE_DATABASE_URL: url = '' } = place.env
    const runningId = running.split('/').at(-1)
    await runOutside(
      { directory, url },
      `update deletion set state = 'running' where deletion_id = '${runningId}'`,
    )
    const backup = await place.copy()
    await runOutside({ directory, url }, `update deletion set state = 'cancelled'`)
    const second = await startLedgerServer(t, place, { file })
    await eraseUsers(second, users.slice(0, 1))
    await second.stop()

    const restored = await startLedgerServer(t, backup, { file })
    assert.deepEqual(restored.replayed, [1])
    const stateOf = async (deletion: string) => (await operate(restored, 'GET', deletion)).state
    assert.deepEqual([await stateOf(waiting), await stateOf(running)], ['cancelled', 'paused'])
    await allErased(restored)
    for (const { id } of users.slice(1))
      assert.equal((await call(restored, 'GET', `/v4/devices/${id}`)).status, 200)
    const { entries } = await operate(restored, 'GET', '/admin/v1/audit')
    const held = (entries as { actor: string; action: string }[]).filter(({ actor }) => actor === 'lethe')
    assert.deepEqual(held.map(({ action }) => action).sort(), ['deletion.cancelled', 'deletion.paused'])
  })
})
