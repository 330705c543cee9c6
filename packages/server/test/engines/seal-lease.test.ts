/** A node that dies while it signs receipts has taken erasures: they are finished by another, soon and once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepareDatabase } from '../../src/app.ts'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { registerClient } from '../../src/devices/register-client.ts'
import { acceptErasure } from '../../src/erasure/accept-erasure.ts'
import { claimSealing, finishErasures, readClaimed } from '../../src/erasure/seal.store.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import { units } from '../../src/units.ts'
import { APP_KEY, MASTER_SECRET, startTestApp } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { until } from '../support/until.ts'

forEachEngine('an erasure whose node died while it signed', (open) => {
  test('is finished by the next node after the lease, and the late receipt of the first counts for nothing', async (t) => {
    const opened = await open(t)
    const { database } = opened
    const world = { database, clock: systemClock(), random: systemRandom, log: silentLog, version: '0' }
    const secretKey = new Uint8Array(32).fill(1)
    const settings = { appKey: APP_KEY, masterSecret: MASTER_SECRET }
    await prepareDatabase({ ...world, secretKey, settings })
    const seal = createSeal(secretKey, systemRandom)
    const app = await createAppDirectory({ ...world, seal }).find(APP_KEY)
    assert.ok(app)
    const user = await registerClient(world, app, { body: { platform: 'web' }, idempotencyKey: undefined })
    assert.ok(user.kind === 'registered')
    const { registrationId } = user
    const accepted = await acceptErasure(world, { app, registrationId, origin: 'server' })
    assert.ok(accepted.kind === 'accepted')
    const { erasureId } = accepted
    await database.write(units.removeDevices, { erasureIds: null, limit: 1 })
    await database.write(units.lookAgain, 1)
    const claim = await database.write(claimSealing, { limit: 1, leaseMs: 1_000, ledgerPosition: 1 })
    assert.deepEqual(claim.erasureIds, [erasureId])

    const next = await startTestApp({ transactionLeaseMs: 1_000 }, { database: opened })
    t.after(next.close)
    const read = async () =>
      (await next.app.http.inject({ url: `/v4/erasures/${erasureId}`, headers: next.basic })).json()
    assert.equal((await read()).state, 'verifying')
    const erased = await until(
      'the erasure is erased',
      async () => {
        const erasure = await read()
        return erasure.state === 'erased' && erasure
      },
      8_000,
    )
    assert.ok(Date.parse(erased.erased_at) >= claim.leasedUntil)
    const taken = await database.write(readClaimed, { ...claim, leaseMs: 1_000 })
    assert.deepEqual(taken.erasures, [], 'what another has taken since is left to it')
    const late = [{ erasureId, erasedAt: claim.leasedUntil, receipt: 'late' }]
    assert.equal(await database.write(finishErasures, late), 0)
    assert.deepEqual(await read(), erased)
  })
})
