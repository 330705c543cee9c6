/** What both engines promise about write units: order, isolation, limits, and what a caller hears when storage fails. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import { startPostgres } from '../../../../tools/postgres/embedded-postgres.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Db } from '../../src/schema.ts'
import { WAITING_WRITES_MAX } from '../../src/storage/database.ts'
import { OutcomeUnknown, StorageUnavailable } from '../../src/storage/errors.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { forEachEngine, type OpenDatabase, openTestSqlite, personalTables } from '../support/engines.ts'
import { CREATE_NOTES, noteUnits } from '../support/note-units.ts'
import { runOutside } from '../support/outside-sql.ts'
import { until } from '../support/until.ts'

const writerThread = new URL('../support/note-writer.ts', import.meta.url)
const { addNotes, addNotesSlowly, endThread, loseAnOutput } = noteUnits

async function openNotes(t: TestContext, open: OpenDatabase) {
  const opened = await open(t, { sqlite: { writerThread } })
  await runOutside(opened, CREATE_NOTES)
  return opened
}

async function notesIn(database: Db): Promise<number[]> {
  const found = await sql<{ id: number }>`select id from note order by id`.execute(database.read.kysely)
  return found.rows.map(({ id }) => id)
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)

forEachEngine('write units', (open) => {
  test('what waits goes together, and everybody gets the output of their own input', async (t) => {
    const { database } = await openNotes(t, open)
    const ids = numbers(500)
    const outputs = await Promise.all(ids.map((id) => database.write(addNotes, { id })))
    assert.deepEqual(
      outputs.map(({ id }) => id),
      ids,
    )
    assert.ok(outputs.some(({ batchInputs }) => batchInputs > 10))
    assert.deepEqual(await notesIn(database), ids)
  })

  test('a poisoned input fails alone and leaves no trace', async (t) => {
    const { database } = await openNotes(t, open)
    const settled = await Promise.allSettled(
      numbers(60).map((id) => database.write(addNotes, { id, isPoisoned: id % 20 === 7 })),
    )
    const failed = numbers(60).filter((id) => settled[id]?.status === 'rejected')
    assert.deepEqual(failed, [7, 27, 47])
    const [first] = settled.filter((one) => one.status === 'rejected')
    assert.match(String(first?.reason), /a poisoned input/)
    assert.deepEqual(
      await notesIn(database),
      numbers(60).filter((id) => !failed.includes(id)),
    )
  })

  test('two inputs that collide are judged alone: the first stands, the second fails', async (t) => {
    const { database } = await openNotes(t, open)
    const settled = await Promise.allSettled([1, 2, 1].map((id) => database.write(addNotes, { id })))
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    assert.deepEqual(await notesIn(database), [1, 2])
  })

  test('a unit that loses an output fails as a whole', async (t) => {
    const { database } = await openNotes(t, open)
    await assert.rejects(database.write(loseAnOutput, { id: 1 }), /wrong number of outputs/)
    assert.deepEqual(await notesIn(database), [])
  })
})

forEachEngine('the queue of write units', (open, engine) => {
  test('writes beyond the limit are refused, and those below it are done', async (t) => {
    const { database } = await openNotes(t, open)
    const writes = numbers(WAITING_WRITES_MAX + 2).map((id) => database.write(addNotes, { id }))
    const settled = await Promise.allSettled(writes)
    const refused = settled.flatMap((one, index) =>
      one.status === 'rejected' ? [{ index, reason: one.reason }] : [],
    )
    assert.deepEqual(
      refused.map(({ index }) => index),
      numbers(2, WAITING_WRITES_MAX),
    )
    assert.ok(refused.every(({ reason }) => reason instanceof StorageUnavailable))
    assert.equal((await notesIn(database)).length, WAITING_WRITES_MAX)
    assert.equal((await database.write(addNotes, { id: -1 })).id, -1)
  })

  test('close does what was given before, and refuses what comes after', async (t) => {
    const opened = await openNotes(t, open)
    const writes = numbers(300).map((id) => opened.database.write(addNotes, { id }))
    const closing = opened.database.close()
    const late = opened.database.write(addNotes, { id: 1_000 })
    await assert.rejects(late, (error) => error instanceof StorageUnavailable)
    assert.equal((await Promise.all(writes)).length, 300)
    await closing
  })

  test('interactive writes do not wait for those in the background', async (t) => {
    const { database } = await openNotes(t, open)
    const finished: string[] = []
    const background = numbers(30).map((id) =>
      database.write(addNotesSlowly, { id }).then(() => finished.push('background')),
    )
    await nextTurn()
    await database.write(addNotes, { id: 1_000 }).then(() => finished.push('interactive'))
    await Promise.all(background)
    const before = finished.indexOf('interactive')
    // PostgreSQL runs all of them in one batch, SQLite one after another.
    assert.ok(engine === 'postgres' || before <= 5, `${before} were finished before`)
  })
})

test('when the writer thread ends, what it had been sent is of unknown outcome, and another goes on', async (t) => {
  const opened = await openTestSqlite({ sqlite: { writerThread } })
  t.after(opened.close)
  await runOutside(opened, CREATE_NOTES)
  const { database } = opened
  const settled = await Promise.allSettled([
    database.write(addNotes, { id: 1 }),
    database.write(endThread, 1),
  ])
  assert.ok(settled.every((one) => one.status === 'rejected' && one.reason instanceof OutcomeUnknown))
  assert.equal((await database.write(addNotes, { id: 2 })).id, 2)
  assert.deepEqual(await notesIn(database), [2])
  assert.equal(await database.scrub(), true)
})

test('nothing that was answered is lost when PostgreSQL is killed, and the node goes on afterwards', async (t) => {
  const server = await startPostgres({ fsync: true })
  const database: Db = await openPostgres(
    { url: server.url('postgres'), clock: systemClock(), onFault: () => {} },
    personalTables,
  )
  t.after(async () => {
    await database.close()
    await server.stop()
  })
  await runOutside({ directory: '', url: server.url('postgres') }, CREATE_NOTES)
  const answered: number[] = []
  const refused: number[] = []
  let next = 0
  const client = async () => {
    for (;;) {
      const id = next++
      try {
        await database.write(addNotes, { id })
        answered.push(id)
      } catch (error) {
        assert.ok(error instanceof StorageUnavailable || error instanceof OutcomeUnknown, String(error))
        if (error instanceof StorageUnavailable) refused.push(id)
        return
      }
    }
  }
  const clients = Array.from({ length: 8 }, client)
  await until('some writes are answered', () => answered.length > 200)
  await server.kill()
  await Promise.all(clients)
  await assert.rejects(database.write(addNotes, { id: -1 }), (error) => error instanceof StorageUnavailable)
  await assert.rejects(database.ping(), (error) => error instanceof StorageUnavailable)
  await server.start()
  await until('a write is answered again', () =>
    database.write(addNotes, { id: -2 }).then(
      () => true,
      () => false,
    ),
  )
  const found = new Set(await notesIn(database))
  assert.deepEqual(
    answered.filter((id) => !found.has(id)),
    [],
  )
  assert.deepEqual(
    refused.filter((id) => found.has(id)),
    [],
  )
})
