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
  forEachPlace,
  type LedgerServer,
  nameUsers,
  newFolder,
  operate,
  registerUsers,
  startLedgerServer,
} from '../support/ledger-world.ts'
import { until } from '../support/until.ts'

/** Plans and confirms the deletion of everybody with the tag that all users of these tests have. */
async function deleteAll(server: LedgerServer): Promise<string> {
  const deletions = `/admin/v1/apps/${APP_KEY}/deletions`
  const planned = await operate(server, 'POST', { url: deletions, body: { to: { tag: ['all_of_them'] } } })
  const { name } = await operate(server, 'GET', `/admin/v1/apps/${APP_KEY}`)
  await operate(server, 'POST', {
    url: `${deletions}/${planned.deletion_id}/confirm`,
    body: {
      confirmation_token: planned.confirmation_token,
      count: planned.users,
      grace_seconds: 0,
      app_name: name,
    },
  })
  return `${deletions}/${planned.deletion_id}`
}

async function statesOf({ database }: LedgerServer): Promise<Map<string, string>> {
  const rows = await database.read.kysely.selectFrom('erasure').select(['erasure_id', 'state']).execute()
  return new Map(rows.map(({ erasure_id, state }) => [erasure_id, state]))
}

/** Waits until the loop that finishes erasures has come round so often: it measures the oldest one each time. */
async function finishHasRun({ app }: LedgerServer, times: number): Promise<void> {
  const ages = new Set<string | undefined>()
  await until('the loop has come round', async () => {
    const { body } = await app.http.inject('/metrics')
    ages.add(/^lethe_erasure_oldest_open_seconds (\S+)$/m.exec(body)?.[1])
    assert.ok(!ages.has(undefined), 'the metric is there')
    return ages.size > times
  })
}

forEachPlace('a deletion of many users', (newPlace) => {
  test('is not finished before its erasures stand in the ledger', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    const gate = Promise.withResolvers<void>()
    t.after(() => gate.resolve())
    let isHolding = false
    const beforeAppend = async () => {
      if (isHolding) await gate.promise
    }
    const server = await startLedgerServer(t, await newPlace(t), { file, beforeAppend })
    const users = await registerUsers(server, nameUsers('user', 30))
    isHolding = true
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
    await finishHasRun(server, 2)
    assert.deepEqual(new Set((await statesOf(server)).values()), new Set(['sealing']))
    gate.resolve()
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
})
