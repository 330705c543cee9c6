import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import pg from 'pg'
import { serverVariable, testDatabaseUrl } from './test-database.ts'

test('each call makes an empty database of its own, and drop removes it although somebody is connected', async () => {
  const [first, second] = await Promise.all([testDatabaseUrl(), testDatabaseUrl()])
  assert.notEqual(first.url, second.url)
  const client = new pg.Client({ connectionString: first.url })
  client.on('error', () => {}) // The drop takes this connection away.
  await client.connect()
  await client.query('create table only_here (id int)')

  await first.drop()
  await second.drop()

  const late = new pg.Client({ connectionString: first.url })
  await assert.rejects(late.connect(), /does not exist/)
})

test('without a server it says how to run the test', async (t) => {
  const server = process.env[serverVariable]
  t.after(() => {
    process.env[serverVariable] = server
  })
  delete process.env[serverVariable]
  await assert.rejects(testDatabaseUrl(), /npm test -- <file>/)
})
