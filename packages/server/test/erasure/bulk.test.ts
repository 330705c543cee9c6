// size: one suite that runs on both engines, read test by test.
/** Deletions of many users, over HTTP: nobody is deleted who was not on the frozen list, whatever goes wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manifestType } from '@lethe/protocol/manifest.ts'
import { compactVerify, createLocalJWKSet } from 'jose'
import { createAppDirectory } from '../../src/apps/find-app.ts'
import { createSeal } from '../../src/apps/seal.ts'
import { idTombstones } from '../../src/devices/digests.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { APP_KEY } from '../support/app.ts'
import { addUsers, confirmation, plan, startBulkWorld } from '../support/bulk-world.ts'
import { forEachEngine } from '../support/engines.ts'
import { allRows } from '../support/everything-stored.ts'
import { runOutside } from '../support/outside-sql.ts'
import { until } from '../support/until.ts'

const codeOf = ({ status, body }: { status: number; body: { error?: { code: number } } }) => [
  status,
  body.error?.code,
]

forEachEngine('a deletion of many users', (open) => {
  test('goes from the plan to the last signed erasure, and touches nobody else', async (context) => {
    const world = await startBulkWorld(context, open)
    const gone = await addUsers(world, 30, { tags: ['gone'], prefix: 'gone' })
    const kept = await addUsers(world, 10, { tags: ['kept'], prefix: 'kept' })
    const check = await world.operate('POST audience/check', { to: { tag: ['gone'] } })
    const planned = await plan(world, { tag: ['gone'] })
    assert.deepEqual(
      [planned.users, planned.fingerprint, planned.needs_app_name, planned.figures.live_users],
      [30, check.body.fingerprint, false, 40],
    )
    assert.equal((await world.live()).length, 40, 'a plan deletes nobody')
    const { status } = await world.operate(
      `POST deletions/${planned.deletion_id}/confirm`,
      confirmation(planned),
    )
    assert.equal(status, 200)
    const done = await world.state(planned.deletion_id, 'done')
    assert.deepEqual(done.progress, {
      hidden: 30,
      gone: 0,
      erased: 30,
      left: 0,
      per_second: 0,
      seconds_left: null,
    })
    assert.deepEqual(await world.live(), kept)
    assert.equal(await world.deviceStatus(gone[0] ?? ''), 400)

    // The log tells what the operator did, and how many.
    const log = await world.t.app.http.inject({ url: '/admin/v1/audit', headers: { ...world.t.bearer } })
    const entries = (log.json().entries as { action: string; figures: object; subject: string }[]).filter(
      ({ subject }) => subject === planned.deletion_id,
    )
    assert.deepEqual(
      entries.map(({ action, figures }) => [action, figures]),
      [
        ['deletion.confirmed', { users: 30, grace_seconds: 0 }],
        ['deletion.planned', { users: 30 }],
      ],
    )
  })

  test('is signed for by manifests that hold the digests of exactly its users', async (context) => {
    const world = await startBulkWorld(context, open)
    const gone = await addUsers(world, 12, { tags: ['gone'], prefix: 'gone' })
    await addUsers(world, 3, { tags: [], prefix: 'kept' })
    const planned = await plan(world, { tag: ['gone'] })
    await world.operate(`POST deletions/${planned.deletion_id}/confirm`, confirmation(planned))
    const { manifests: count } = await world.state(planned.deletion_id, 'done')
    const { body } = await world.operate(`GET deletions/${planned.deletion_id}/manifests`)
    assert.deepEqual([body.manifests.length, body.next], [count, null])
    const jwks = await world.t.app.http.inject('/.well-known/jwks.json')
    const digests: string[] = []
    for (const { manifest, users } of body.manifests) {
      const verified = await compactVerify(manifest, createLocalJWKSet(jwks.json()))
      assert.equal(verified.protectedHeader.typ, manifestType)
      const claims = JSON.parse(new TextDecoder().decode(verified.payload))
      assert.deepEqual([claims.app_key, claims.deletion_id], [APP_KEY, planned.deletion_id])
      assert.equal(claims.removed.device, users)
      assert.ok(claims.verified.tables.includes('deletion_target'))
      digests.push(...claims.registration_id_digests.values)
    }
    const app = await keysOf(world.t.deps)
    const expected = gone.map((id) => idTombstones(app, id as RegistrationId)[0] ?? '')
    assert.deepEqual(digests.sort(), expected.sort())

    // Whoever asks for one of the erasures gets the manifest.
    const watched = await world.t.app.http.inject({
      url: `/v4/devices/${gone[0]}/erasure`,
      headers: { ...world.t.basic },
    })
    assert.equal(watched.json().state, 'erased')
    assert.ok(
      body.manifests.some(({ manifest }: { manifest: string }) => manifest === watched.json().receipt),
    )
  })

  test('leaves no word of its users in any table', async (context) => {
    const world = await startBulkWorld(context, open)
    const gone = await addUsers(world, 8, { tags: ['secret_tag'], prefix: 'secretuser' })
    await addUsers(world, 2, { tags: [], prefix: 'kept' })
    const planned = await plan(world, { tag: ['secret_tag'] })
    await world.operate(`POST deletions/${planned.deletion_id}/confirm`, confirmation(planned))
    await world.state(planned.deletion_id, 'done')
    const stored = (await allRows(world.opened.database)).join('\n')
    for (const word of [...gone, 'secret_tag']) assert.ok(!stored.includes(word), word)
    assert.ok(stored.includes('kept0001'))
  })

  test('is refused for an empty selector, an unknown tag, nobody, and what is no audience', async (context) => {
    const world = await startBulkWorld(context, open)
    await addUsers(world, 5, { tags: ['vip'], prefix: 'user' })
    for (const to of [{}, { tag: [] }, { tag: [], tag_and: [], alias: [], registration_id: [] }]) {
      assert.deepEqual(codeOf(await world.operate('POST deletions', { to })), [400, 21003])
    }
    assert.deepEqual(codeOf(await world.operate('POST deletions', {})), [400, 21003])
    assert.deepEqual(codeOf(await world.operate('POST deletions', { to: { tga: ['vip'] } })), [400, 21015])
    for (const to of [{ tag: ['vipp'] }, { tag: ['vip', 'vipp'] }, { tag_not: ['vipp'] }]) {
      const refused = await world.operate('POST deletions', { to })
      assert.deepEqual(codeOf(refused), [400, 21003])
      assert.match(refused.body.error.message, /^to\.tag\w*\[\d\]: no user holds this tag/)
    }
    const nobody = await world.operate('POST deletions', { to: { registration_id: ['unknown'] } })
    assert.deepEqual(codeOf(nobody), [400, 21011])
    assert.equal((await world.live()).length, 5)
    const asApp = await world.t.app.http.inject({
      method: 'POST',
      url: `/admin/v1/apps/${APP_KEY}/deletions`,
      payload: { to: 'all' },
      headers: { ...world.t.basic },
    })
    assert.equal(asApp.statusCode, 401, 'the public API deletes one by one')
  })

  test('is refused when the audience has changed since it was checked', async (context) => {
    const world = await startBulkWorld(context, open)
    await addUsers(world, 5, { tags: ['gone'], prefix: 'user' })
    const { body } = await world.operate('POST audience/check', { to: { tag: ['gone'] } })
    const same = { to: { tag: ['gone'] }, fingerprint: body.fingerprint }
    assert.equal((await world.operate('POST deletions', same)).status, 201)
    await addUsers(world, 1, { tags: ['gone'], prefix: 'late' })
    assert.deepEqual(codeOf(await world.operate('POST deletions', same)), [409, 29016])
  })

  test('is confirmed with its own token and count alone, and only once', async (context) => {
    const world = await startBulkWorld(context, open)
    await addUsers(world, 6, { tags: ['gone'], prefix: 'user' })
    await addUsers(world, 3, { tags: ['other'], prefix: 'other' })
    const [planned, other] = [await plan(world, { tag: ['gone'] }), await plan(world, { tag: ['other'] })]
    const path = `POST deletions/${planned.deletion_id}/confirm`
    const wrong: [object, number, number][] = [
      [{ count: 5 }, 409, 29014],
      [{ count: 7 }, 409, 29014],
      [{ confirmation_token: other.confirmation_token }, 403, 29012],
      [{ confirmation_token: '' }, 403, 29012],
      [{ grace_seconds: 604_801 }, 400, 21003],
      [{ grace_seconds: -1 }, 400, 21003],
    ]
    for (const [change, status, code] of wrong) {
      assert.deepEqual(codeOf(await world.operate(path, confirmation(planned, change))), [status, code])
    }
    assert.deepEqual(
      codeOf(await world.operate('POST deletions/unknown/confirm', confirmation(planned))),
      [404, 29010],
    )
    assert.equal((await world.live()).length, 9)
    const later = confirmation(planned, { grace_seconds: 600 })
    const first = await world.operate(path, later)
    assert.deepEqual([first.status, first.body.state], [200, 'confirmed'])
    const second = await world.operate(path, confirmation(planned))
    assert.deepEqual(codeOf(second), [409, 29011])
    assert.equal((await world.state(planned.deletion_id, 'confirmed')).starts_at, first.body.starts_at)
  })

  test('is not confirmed with a token that has expired', async (context) => {
    const world = await startBulkWorld(context, open)
    await addUsers(world, 4, { tags: ['gone'], prefix: 'user' })
    await addUsers(world, 1, { tags: [], prefix: 'kept' })
    const planned = await plan(world, { tag: ['gone'] })
    const valid = Date.parse(planned.confirm_until) - Date.parse(planned.planned_at)
    assert.ok(valid >= 600_000 && valid < 660_000)
    await runOutside(world.opened, 'update deletion set token_expires_at = 1')
    const late = await world.operate(`POST deletions/${planned.deletion_id}/confirm`, confirmation(planned))
    // Expired, or given up as expired by now.
    assert.equal(late.status, 409)
    assert.ok([29011, 29013].includes(late.body.error.code))
    await world.state(planned.deletion_id, 'expired')
    assert.equal((await world.live()).length, 5)
    await untilListIsEmpty(world)
  })

  test('needs the name of the app when every user would go, however that was said', async (context) => {
    const world = await startBulkWorld(context, open)
    const users = await addUsers(world, 4, { tags: ['all_of_them'], prefix: 'user' })
    for (const to of ['all', { tag: ['all_of_them'] }, { registration_id: users }]) {
      const planned = await plan(world, to)
      assert.equal(planned.needs_app_name, true)
      const path = `POST deletions/${planned.deletion_id}/confirm`
      for (const change of [{}, { app_name: 'wrong' }]) {
        assert.deepEqual(codeOf(await world.operate(path, confirmation(planned, change))), [409, 29015])
      }
    }
    assert.equal((await world.live()).length, 4)
    const app = await world.t.app.http.inject({
      url: `/admin/v1/apps/${APP_KEY}`,
      headers: { ...world.t.bearer },
    })
    const planned = await plan(world, 'all')
    const named = confirmation(planned, { app_name: app.json().name })
    assert.equal((await world.operate(`POST deletions/${planned.deletion_id}/confirm`, named)).status, 200)
    await world.state(planned.deletion_id, 'done')
    assert.deepEqual(await world.live(), [])
  })

  test('can be cancelled in its grace as if nothing had been', async (context) => {
    const world = await startBulkWorld(context, open)
    const users = await addUsers(world, 7, { tags: ['gone'], prefix: 'user' })
    await addUsers(world, 1, { tags: [], prefix: 'z' })
    const planned = await plan(world, { tag: ['gone'] })
    const path = `POST deletions/${planned.deletion_id}`
    const confirmed = await world.operate(
      `${path}/confirm`,
      confirmation(planned, { grace_seconds: undefined }),
    )
    const grace = Date.parse(confirmed.body.starts_at) - Date.parse(confirmed.body.confirmed_at)
    assert.equal(grace, 600_000, 'ten minutes unless said otherwise')
    assert.deepEqual(codeOf(await world.operate(`${path}/pause`)), [409, 29011])
    const cancelled = await world.operate(`${path}/cancel`)
    assert.deepEqual(
      [cancelled.status, cancelled.body.state, cancelled.body.progress.left],
      [200, 'cancelled', 7],
    )
    // Even if its time comes.
    await runOutside(world.opened, 'update deletion set starts_at = 1')
    await untilListIsEmpty(world)
    assert.deepEqual((await world.live()).slice(0, 7), users)
    for (const line of ['confirm', 'pause', 'resume']) {
      const body = line === 'confirm' ? confirmation(planned) : undefined
      assert.deepEqual(codeOf(await world.operate(`${path}/${line}`, body)), [409, 29011], line)
    }
    assert.equal((await world.operate(`${path}/cancel`)).status, 200, 'twice is the same as once')
  })

  test('does not take who joins after the plan, and reports who was gone before', async (context) => {
    const world = await startBulkWorld(context, open)
    const users = await addUsers(world, 20, { tags: ['gone'], prefix: 'user' })
    const planned = await plan(world, { tag: ['gone'] })
    const joined = await addUsers(world, 5, { tags: ['gone'], prefix: 'joined' })
    for (const id of users.slice(0, 3)) {
      await world.t.app.http.inject({
        method: 'DELETE',
        url: `/v4/devices/${id}`,
        headers: { ...world.t.basic },
      })
    }
    const named = { app_name: planned.needs_app_name ? await nameOfApp(world) : undefined }
    await world.operate(`POST deletions/${planned.deletion_id}/confirm`, confirmation(planned, named))
    const done = await world.state(planned.deletion_id, 'done')
    assert.deepEqual([done.users, done.progress.hidden, done.progress.gone], [20, 17, 3])
    assert.deepEqual(await world.live(), joined)
  })

  test('takes lists of ids and of aliases in several calls, each user once', async (context) => {
    const world = await startBulkWorld(context, open)
    const users = await addUsers(world, 9, { tags: [], prefix: 'user' })
    const lists: [string, string[], string[]][] = [
      ['registration_ids', [...users.slice(0, 3), 'unknown'], users.slice(2, 4)],
      ['aliases', users.slice(4, 6).map((id) => `alias_${id}`), ['alias_nobody', `alias_${users[5]}`]],
    ]
    for (const [listOf, first, second] of lists) {
      const opened = await world.operate('POST deletions', { list_of: listOf })
      assert.deepEqual([opened.status, opened.body.state, opened.body.users], [201, 'planning', 0])
      const path = `POST deletions/${opened.body.deletion_id}`
      await world.operate(`${path}/lines`, { [listOf]: first })
      const { body } = await world.operate(`${path}/lines`, { [listOf]: second })
      assert.deepEqual(body, { lines: 2, added: listOf === 'aliases' ? 0 : 1 })
      const other = listOf === 'aliases' ? 'registration_ids' : 'aliases'
      assert.equal((await world.operate(`${path}/lines`, { [other]: ['x'] })).status, 400)
      const early = await world.operate(`${path}/confirm`, confirmation(opened.body))
      assert.deepEqual(codeOf(early), [409, 29011])
      const frozen = await world.operate(`${path}/freeze`)
      const expected = listOf === 'aliases' ? 2 : 4
      assert.deepEqual([frozen.body.state, frozen.body.users], ['planned', expected])
      assert.deepEqual(codeOf(await world.operate(`${path}/lines`, { [listOf]: ['late'] })), [409, 29011])
      const confirmed = { ...opened.body, users: expected }
      assert.equal((await world.operate(`${path}/confirm`, confirmation(confirmed))).status, 200)
      await world.state(opened.body.deletion_id, 'done')
    }
    assert.deepEqual(await world.live(), users.slice(6))
    const empty = await world.operate('POST deletions', { list_of: 'aliases' })
    assert.deepEqual(
      codeOf(await world.operate(`POST deletions/${empty.body.deletion_id}/freeze`)),
      [400, 21011],
    )
  })

  test('uses nothing of the deletion guard’s budget, and is not stopped by it', async (context) => {
    const world = await startBulkWorld(context, open)
    await addUsers(world, 150, { tags: ['gone'], prefix: 'user' })
    await addUsers(world, 5, { tags: ['kept'], prefix: 'kept' })
    const { body: before } = await world.operate('GET guard')
    assert.deepEqual([before.is_on, before.budget, before.used], [true, 100, 0])
    const planned = await plan(world, { tag: ['gone'] })
    await world.operate(`POST deletions/${planned.deletion_id}/confirm`, confirmation(planned))
    await world.state(planned.deletion_id, 'done')
    const { body: after } = await world.operate('GET guard')
    assert.deepEqual([after.budget, after.used, after.tripped_at], [100, 0, null])
    assert.equal((await world.live()).length, 5)
  })

  test('lists deletions of the app, and of no other', async (context) => {
    const world = await startBulkWorld(context, open)
    await addUsers(world, 3, { tags: ['a'], prefix: 'user' })
    const [first, second] = [await plan(world, { tag: ['a'] }), await plan(world, { tag: ['a'] })]
    const { body } = await world.operate('GET deletions')
    const ids = body.deletions.map(({ deletion_id }: { deletion_id: string }) => deletion_id)
    assert.deepEqual([ids, body.next], [[second.deletion_id, first.deletion_id], null])
    assert.ok(!JSON.stringify(body).includes('token"'), 'the token is told once')
    const foreign = await world.t.app.http.inject({
      url: `/admin/v1/apps/other/deletions/${first.deletion_id}`,
      headers: { ...world.t.bearer },
    })
    assert.equal(foreign.statusCode, 404)
  })
})

type World = Awaited<ReturnType<typeof startBulkWorld>>

/** What an ended deletion leaves of its list: nothing. */
async function untilListIsEmpty({ opened }: World): Promise<void> {
  await until('the list is empty', async () => {
    const rows = await opened.database.read.kysely.selectFrom('deletion_target').selectAll().execute()
    return rows.length === 0
  })
}

async function nameOfApp({ t }: World): Promise<string> {
  const app = await t.app.http.inject({ url: `/admin/v1/apps/${APP_KEY}`, headers: { ...t.bearer } })
  return app.json().name
}

async function keysOf({ database, secretKey, random, clock }: World['t']['deps']) {
  const app = await createAppDirectory({ database, seal: createSeal(secretKey, random), clock }).find(APP_KEY)
  assert.ok(app)
  return app.erasureKeys
}
