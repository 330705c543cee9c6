import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AppDeps, createApp, prepareDatabase } from '../../src/app.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { basicAuth } from '../support/app.ts'
import { forEachEngine, personalTables } from '../support/engines.ts'

function depsOf(database: Db, settings: AppDeps['settings'] = {}): AppDeps {
  const world = { clock: systemClock(), random: systemRandom, log: silentLog }
  return { database, secretKey: new Uint8Array(32).fill(1), ...world, settings, version: '0' }
}

forEachEngine('a first start', (open, engine) => {
  test('mints an app and an operator token once, which have access', async (t) => {
    const { database } = await open(t)
    const first = await prepareDatabase(depsOf(database))
    assert.match(first.app?.appKey ?? '', /^[0-9a-f]{24}$/)
    assert.match(first.operatorToken ?? '', /^[0-9a-f]{32}$/)
    assert.deepEqual(await prepareDatabase(depsOf(database)), { app: undefined, operatorToken: undefined })

    const app = await createApp(depsOf(database))
    t.after(() => app.stop())
    const bearer = { authorization: `Bearer ${first.operatorToken}` }
    const listed = await app.http.inject({ url: '/admin/v1/apps', headers: bearer })
    assert.equal(listed.json().apps[0].app_key, first.app?.appKey)
    const basic = { authorization: basicAuth(first.app?.appKey ?? '', first.app?.masterSecret ?? '') }
    const call = await app.http.inject({ url: '/v4/tags', headers: basic })
    assert.equal(call.statusCode, 200)
  })

  test('a configured operator token replaces every earlier one', async (t) => {
    const { database } = await open(t)
    const minted = (await prepareDatabase(depsOf(database))).operatorToken
    const configured = await prepareDatabase(depsOf(database, { operatorToken: 'configured-token' }))
    assert.equal(configured.operatorToken, undefined)
    const app = await createApp(depsOf(database))
    t.after(() => app.stop())
    const status = async (token: string | undefined) =>
      (await app.http.inject({ url: '/admin/v1/apps', headers: { authorization: `Bearer ${token}` } }))
        .statusCode
    assert.deepEqual([await status(minted), await status('configured-token')], [401, 200])
  })

  test('a database with another secret key stops the start', async (t) => {
    const { database } = await open(t)
    await prepareDatabase(depsOf(database))
    const other = { ...depsOf(database), secretKey: new Uint8Array(32).fill(2) }
    await assert.rejects(prepareDatabase(other), /^Error: LETHE_SECRET_KEY is not the key/)
  })

  if (engine === 'postgres') {
    test('of several nodes that start at once one makes the app and one the token', async (t) => {
      const { url } = await open(t)
      const nodes = await Promise.all(
        [1, 2, 3, 4].map(
          () => openPostgres({ url, clock: systemClock(), onFault: () => {} }, personalTables) as Promise<Db>,
        ),
      )
      const starts = await Promise.all(nodes.map((node) => prepareDatabase(depsOf(node))))
      for (const node of nodes) await node.close()
      assert.equal(starts.filter(({ app }) => app !== undefined).length, 1)
      assert.equal(starts.filter(({ operatorToken }) => operatorToken !== undefined).length, 1)
    })
  }
})
