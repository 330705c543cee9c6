// size: one behaviour after the other, each read by itself.
/** When a start stops because of the ledger, and when it goes on. */

import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import type { LedgerLine } from '../../src/erasure/ledger/ledger-line.ts'
import { readLedger } from '../../src/erasure/ledger/read-ledger.ts'
import { readFrom } from '../../src/kernel/append-file.ts'
import { units } from '../../src/units.ts'
import { textOf } from '../support/ledger-text.ts'
import {
  acceptOnly,
  allErased,
  call,
  eraseUsers,
  forEachPlace,
  type LedgerUser,
  nameUsers,
  newFolder,
  newPostgresPlace,
  type Place,
  registerUsers,
  startLedgerServer,
} from '../support/ledger-world.ts'
import { until } from '../support/until.ts'

interface Stopped {
  readonly place: Place
  readonly file: string
  readonly users: readonly LedgerUser[]
}

/** A server that has erased three of six users, and has stopped. */
async function stopped(t: TestContext, place: Place): Promise<Stopped> {
  const file = path.join(newFolder(t), 'ledger')
  const server = await startLedgerServer(t, place, { file })
  const users = await registerUsers(server, nameUsers('user', 6))
  await eraseUsers(server, users.slice(0, 3))
  await server.stop()
  return { place, file, users }
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'latin1').split('\n').slice(0, -1)
}

async function lastPosition(file: string): Promise<number> {
  return (await readLedger(readFrom(file))).lastPosition
}

forEachPlace('a start', (newPlace) => {
  test('without the ledger stops, until the operator says that it is lost for good', async (t) => {
    const { place, file, users } = await stopped(t, await newPlace(t))
    const kept = `${file}.kept`
    renameSync(file, kept)
    await assert.rejects(startLedgerServer(t, place, { file }), /There is no ledger at .* --ledger-lost 3:/)
    // The first try left no file behind that would pass for a ledger.
    await assert.rejects(startLedgerServer(t, place, { file, lostAt: 2 }), /There is no ledger/)
    const server = await startLedgerServer(t, place, { file, lostAt: 3 })
    await eraseUsers(server, users.slice(3, 4))
    await server.stop()
    assert.equal(linesOf(file).length, 1 + 4)
    // The word is not good for the next loss.
    rmSync(file)
    await assert.rejects(startLedgerServer(t, place, { file, lostAt: 3 }), /--ledger-lost 4:/)
  })

  test('with a shortened ledger stops', async (t) => {
    const { place, file } = await stopped(t, await newPlace(t))
    const lines = linesOf(file)
    writeFileSync(file, `${lines.slice(0, -1).join('\n')}\n`)
    await assert.rejects(
      startLedgerServer(t, place, { file }),
      /is shorter than the database: it ends at position 2 and should reach 3/,
    )
    truncateSync(file, 0)
    await assert.rejects(startLedgerServer(t, place, { file }), /There is no ledger/)
  })

  test('with an older copy of the ledger stops', async (t) => {
    const { place, file, users } = await stopped(t, await newPlace(t))
    copyFileSync(file, `${file}.old`)
    const server = await startLedgerServer(t, place, { file })
    await eraseUsers(server, users.slice(3, 5))
    await server.stop()
    copyFileSync(`${file}.old`, file)
    await assert.rejects(startLedgerServer(t, place, { file }), /ends at position 3 and should reach 5/)
  })

  test('with a damaged ledger stops and says where', async (t) => {
    const { place, file } = await stopped(t, await newPlace(t))
    const whole = readFileSync(file, 'latin1')
    writeFileSync(file, whole.replace(/^(erased\t2\t)./m, '$1x'), 'latin1')
    await assert.rejects(
      startLedgerServer(t, place, { file }),
      /is damaged at line 3 \(its checksum does not fit\)/,
    )
    writeFileSync(file, linesOf(file).toSpliced(2, 1).join('\n').concat('\n'))
    await assert.rejects(startLedgerServer(t, place, { file }), /is damaged at line 3/)
  })

  test('with the ledger of another database stops', async (t) => {
    const one = await stopped(t, await newPlace(t))
    const other = await stopped(t, await newPlace(t))
    await assert.rejects(startLedgerServer(t, one.place, { file: other.file }), /belongs to another database/)
  })

  test('of a new database with an old ledger stops where no app is the same', async (t) => {
    const { file } = await stopped(t, await newPlace(t))
    const fresh = await newPlace(t)
    const settings = { appKey: 'other', masterSecret: 'secret', rateLimit: 0 }
    await assert.rejects(
      startLedgerServer(t, fresh, { file, deps: { settings } }),
      /None of the apps in the ledger .* is in this database/,
    )
  })

  test('cuts off a line that was being written', async (t) => {
    const { place, file } = await stopped(t, await newPlace(t))
    const whole = readFileSync(file)
    writeFileSync(file, Buffer.concat([whole, Buffer.from('erased\t4\tabc')]))
    const server = await startLedgerServer(t, place, { file })
    assert.deepEqual(
      server.log.filter(({ event }) => event === 'ledger.torn-line-cut').map(({ fields }) => fields),
      [{ byteCount: 12 }],
    )
    assert.deepEqual(readFileSync(file), whole)
  })

  test('writes what was removed before the last end, and had not come into the ledger', async (t) => {
    const { place, file, users } = await stopped(t, await newPlace(t))
    const [, , , user] = users
    assert.ok(user)
    const erasureId = await acceptOnly(place, user)
    const database = await place.open()
    await database.write(units.removeDevices, { erasureIds: [erasureId], limit: 1 })
    await database.close()
    assert.equal(await lastPosition(file), 3)
    const server = await startLedgerServer(t, place, { file })
    await allErased(server)
    assert.equal(await lastPosition(file), 4)
    assert.ok(linesOf(file).at(-1)?.startsWith(`erased\t4\t${erasureId}\t`))
  })

  test('after the database went on without the ledger erases those that only the ledger knows', async (t) => {
    const place = await newPlace(t)
    const file = path.join(newFolder(t), 'ledger')
    const first = await startLedgerServer(t, place, { file })
    const users = await registerUsers(first, nameUsers('user', 8))
    await eraseUsers(first, users.slice(0, 1))
    await first.stop()
    const backup = await place.copy()
    const second = await startLedgerServer(t, place, { file })
    await eraseUsers(second, users.slice(1, 4))
    await second.stop()

    const fork = `${file}.fork`
    const without = await startLedgerServer(t, backup, { file: fork, lostAt: 1 })
    await eraseUsers(without, users.slice(5, 7))
    await without.stop()
    const joined = await startLedgerServer(t, backup, { file })
    assert.deepEqual(joined.replayed, [3])
    for (const { id } of users.slice(0, 4))
      assert.equal((await call(joined, 'GET', `/v4/devices/${id}`)).body.error.code, 20101)
    assert.equal((await call(joined, 'GET', `/v4/devices/${users[4]?.id}`)).status, 200)
    await allErased(joined)
    await joined.stop()
    const findings = await readLedger(readFrom(file))
    assert.deepEqual([findings.damage, findings.earlierCount, findings.lastPosition], [undefined, 4, 6])
    assert.deepEqual((await startLedgerServer(t, backup, { file })).replayed, [])
  })

  test('with a ledger that was joined from incomplete ones writes everything once more', async (t) => {
    const { place, file } = await stopped(t, await newPlace(t))
    const entries: LedgerLine[] = []
    await readLedger(readFrom(file), (entry) => {
      entries.push({ kind: 'erased', entry })
    })
    const { header } = await readLedger(readFrom(file))
    assert.ok(header)
    const gappy = [{ kind: 'header', header: { ...header, fileId: 'joined' } } as const, ...entries.slice(2)]
    writeFileSync(file, textOf(gappy))
    const server = await startLedgerServer(t, place, { file })
    await until('it holds all again', async () => (await readLedger(readFrom(file))).entryCount === 4)
    await server.stop()
    const findings = await readLedger(readFrom(file))
    assert.deepEqual([findings.earlierCount, findings.gaps, findings.lastPosition], [1, [], 3])
    await startLedgerServer(t, place, { file })
  })

  test('tells of erased users whose app the database does not have', async (t) => {
    const place = await newPlace(t)
    const file = path.join(newFolder(t), 'ledger')
    const first = await startLedgerServer(t, place, { file })
    const [user] = await registerUsers(first, ['user'])
    await first.stop()
    const backup = await place.copy()
    const second = await startLedgerServer(t, place, {
      file,
      deps: { settings: { appKey: 'later', masterSecret: 'secret', rateLimit: 0 } },
    })
    const registered = await second.app.http.inject({
      method: 'POST',
      url: '/client/v1/apps/later/registrations',
      body: { platform: 'web' },
    })
    const authorization = `Basic ${Buffer.from('later:secret').toString('base64')}`
    const url = `/v4/devices/${registered.json().registration_id}`
    const deleted = await second.app.http.inject({ method: 'DELETE', url, headers: { authorization } })
    assert.equal(deleted.statusCode, 200)
    await allErased(second)
    assert.ok(user)
    await eraseUsers(second, [user])
    await second.stop()
    const restored = await startLedgerServer(t, backup, { file })
    assert.deepEqual(restored.replayed, [2])
    assert.match(restored.ledger.warnings().join('\n'), /^the ledger names 1 erased users of 1 apps that/)
    assert.equal((await call(restored, 'GET', `/v4/devices/${user.id}`)).body.error.code, 20101)
  })
})

test('a new node of several begins its ledger from the database while another one is at work', async (t) => {
  const place = await newPostgresPlace(t)
  const { file, users } = await stopped(t, place)
  const other = `${file}.other`
  await assert.rejects(startLedgerServer(t, place, { file: other }), /A new node of several starts once/)
  const first = await startLedgerServer(t, place, { file })
  const second = await startLedgerServer(t, place, { file: other })
  await eraseUsers(second, users.slice(3))
  await until('both files hold all', async () => {
    const positions = await Promise.all([lastPosition(file), lastPosition(other)])
    return positions.every((position) => position === 6)
  })
  // The first one is away for a while.
  await first.stop()
  const [more] = await registerUsers(second, ['more'])
  assert.ok(more)
  await eraseUsers(second, [more])
  await second.stop()
  assert.deepEqual([await lastPosition(file), await lastPosition(other)], [6, 7])
  const again = await startLedgerServer(t, place, { file })
  await until('it holds all again', async () => (await lastPosition(file)) === 7)
  await again.stop()
  const entries = (at: string) =>
    linesOf(at)
      .slice(1)
      .map((line) => line.slice(0, line.lastIndexOf('\t')))
  assert.deepEqual(entries(file), entries(other))
})

test('a node whose database is set back while it works stops working', async (t) => {
  const place = await newPostgresPlace(t)
  const { file } = await stopped(t, place)
  const server = await startLedgerServer(t, place, { file })
  await until('the node has looked', () => server.ledger.position === 3)
  await sql`update ledger set position = 1`.execute(server.database.read.kysely)
  await until('the node has seen it', () => server.older.length > 0)
  assert.match(server.older[0] ?? '', /The database is older than the ledger/)
})
