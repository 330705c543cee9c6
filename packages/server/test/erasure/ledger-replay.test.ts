// size: one behaviour after the other, each read by itself.
/** A database that was restored from a backup brings nobody back: the ledger erases them again before anybody is served. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { APP_KEY } from '../support/app.ts'
import { setGuard } from '../support/guard.ts'
import {
  acceptOnly,
  allErased,
  call,
  eraseUsers,
  forEachPlace,
  type LedgerServer,
  type LedgerUser,
  nameUsers,
  newFolder,
  openChannel,
  operate,
  pushToAll,
  registerUsers,
  startLedgerServer,
} from '../support/ledger-world.ts'

forEachPlace('a restored database', (newPlace) => {
  test('has 500 users erased again, 100 of whom it never knew, before the first call', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    const place = await newPlace(t)
    const first = await startLedgerServer(t, place, { file })
    await openChannel(first)
    const known = await registerUsers(first, nameUsers('known', 400))
    const bystanders = await registerUsers(first, nameUsers('bystander', 20))
    await eraseUsers(first, known.slice(0, 10))
    await first.stop()
    const backup = await place.copy()

    const second = await startLedgerServer(t, place, { file })
    await setGuard(second.database, APP_KEY, { minimum: 1_000 })
    const later = await registerUsers(second, nameUsers('later', 110))
    const erased = [...known.slice(0, 400), ...later.slice(0, 100)]
    await eraseUsers(second, erased)
    await second.stop()

    const restored = await startLedgerServer(t, backup, {
      file,
      onReplay: async (count) => assert.equal(count, 490),
    })
    assert.deepEqual(restored.replayed, [490])
    // Not a moment is waited: what follows are the first calls.
    await nobodyIsBack(restored, erased)
    assert.deepEqual(await pushToAll(restored), bystanders.map(({ token }) => token).sort())
    await allErased(restored)
    await nobodyIsBack(restored, erased)
    await receiptsAreThere(restored, erased)
    const { used } = await operate(restored, 'GET', `/admin/v1/apps/${APP_KEY}/guard`)
    assert.equal(used, 10, 'only what was deleted before the backup counts against the budget')
    await restored.stop()

    const again = await startLedgerServer(t, backup, { file })
    assert.deepEqual(again.replayed, [])
    await nobodyIsBack(again, erased)
    const ledger = readFileSync(file, 'latin1')
    for (const { id, token } of erased) assert.ok(!ledger.includes(id) && !ledger.includes(token))
  })

  test('goes on in the ledger where it ended, and what it erases then is there after the next restore', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    const place = await newPlace(t)
    const first = await startLedgerServer(t, place, { file })
    const users = await registerUsers(first, nameUsers('user', 30))
    await first.stop()
    const backup = await place.copy()
    const second = await startLedgerServer(t, place, { file })
    await eraseUsers(second, users.slice(0, 10))
    await second.stop()

    const older = await backup.copy()
    const restored = await startLedgerServer(t, backup, { file })
    await eraseUsers(restored, users.slice(10, 20))
    await restored.stop()
    const oldest = await startLedgerServer(t, older, { file })
    assert.deepEqual(oldest.replayed, [20])
    await nobodyIsBack(oldest, users.slice(0, 20))
    const [alive] = users.slice(20)
    assert.equal((await call(oldest, 'GET', `/v4/devices/${alive?.id}`)).status, 200)
  })

  test('that was saved while a deletion was on its way finishes it, once', async (t) => {
    const file = path.join(newFolder(t), 'ledger')
    const place = await newPlace(t)
    const first = await startLedgerServer(t, place, { file })
    const [user] = await registerUsers(first, ['user'])
    assert.ok(user)
    await first.stop()
    const erasureId = await acceptOnly(place, user)
    const backup = await place.copy()
    const second = await startLedgerServer(t, place, { file })
    await allErased(second)
    await second.stop()
    const restored = await startLedgerServer(t, backup, { file })
    await allErased(restored)
    await nobodyIsBack(restored, [user])
    const { body } = await call(restored, 'GET', `/v4/devices/${user.id}/erasure`)
    assert.deepEqual([body.erasure_id, body.state], [erasureId, 'erased'])
    await restored.stop()
    assert.deepEqual((await startLedgerServer(t, backup, { file })).replayed, [])
  })
})

/** Unknown to the server API, gone to their own apps, refused when their tokens are registered again. */
async function nobodyIsBack(server: LedgerServer, users: readonly LedgerUser[]): Promise<void> {
  for (const { id, secret } of users) {
    const read = await call(server, 'GET', `/v4/devices/${id}`)
    assert.deepEqual([read.status, read.body.error.code], [400, 20101])
    const asked = await call(server, 'GET', {
      url: `/client/v1/apps/${APP_KEY}/registrations/${id}`,
      secret,
    })
    assert.equal(asked.status, 410)
  }
  const [user] = users
  const token = await call(server, 'POST', {
    url: '/v4/devices/token/registration_id',
    body: { platform: 'android', tokens: [user?.token] },
  })
  assert.equal(token.body.results[0].code, 20101)
}

async function receiptsAreThere(server: LedgerServer, users: readonly LedgerUser[]): Promise<void> {
  for (const { id } of users) {
    const { body } = await call(server, 'GET', `/v4/devices/${id}/erasure`)
    assert.equal(body.state, 'erased')
    assert.match(body.receipt, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  }
}
