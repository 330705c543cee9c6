// size: one suite, told once and run on both engines.
/** What became of messages, as the server API tells it: in numbers, and at single users. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageLifecycleAnswer } from '@lethe/protocol/statistics.schemas.ts'
import { APP_KEY, basicAuth } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { openStatisticsWorld, type StatisticsWorld } from '../support/statistics-world.ts'
import { subscriptionAt } from '../support/subscription.ts'
import { until } from '../support/until.ts'

const NOTHING = { targets: 0, sent: 0, delivered: 0, impressions: 0, clicks: 0 }
const ONE_SENT = { ...NOTHING, targets: 1, sent: 1 }
const ALERT = { alert: { body: 'Hello' } }
const NOTIFICATIONS = { web: { ...ALERT, buttons: [] }, android: ALERT, ios: ALERT, hmos: ALERT }

const NO_SUBS = {
  sub_android: channels('engageLab_android xiaomi huawei honor meizu oppo vivo fcm'),
  sub_ios: channels('engageLab_ios apns'),
  sub_hmos: channels('engageLab_hmos harmonyos'),
  sub_web: channels('engageLab_web chrome safari firefox edge opera'),
}

function channels(keys: string): Record<string, typeof NOTHING> {
  return Object.fromEntries(keys.split(' ').map((key) => [key, NOTHING]))
}

function userOf(row: { registration_id: string }): string {
  return row.registration_id
}

/** The instant that an answer tells is the one of the send, more or less. */
function isNow(itime: unknown): boolean {
  return Number.isInteger(itime) && Math.abs(Number(itime) - Date.now() / 1_000) < 60
}

/** Users of the message, past the client API: their number is what matters. */
async function addUsersOf({ outside }: StatisticsWorld, msgId: string, count: number): Promise<void> {
  const numbers = `(with recursive counted (n) as (select 1 union all select n + 1 from counted where n < ${count})
    select n from counted) as numbers`
  await outside(`insert into device (app_key, registration_id, platform, state, created_at, last_seen_at)
    select '${APP_KEY}', 'user' || n, 'web', 'live', 1, 1 from ${numbers}`)
  await outside(`insert into message_status (app_key, registration_id, msg_id, status, channel, changed_at)
    select '${APP_KEY}', 'user' || n, ${msgId}, 'sent', 'chrome', 1 from ${numbers}`)
}

forEachEngine('the numbers of a message', (open) => {
  test('stand under both documented paths, with every channel and both spellings', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    world.channels.outcomes.set(bob.token, () => ({ kind: 'rejected', reason: 'TooLarge' }))
    const msgId = await world.push({ registration_id: [alice.id, bob.id] }, { body: { platform: 'android' } })
    await world.settled()
    const totals = { targets: 2, sent: 1, delivered: 0, impressions: 0, clicks: 0 }
    const expected = {
      [msgId]: {
        ...totals,
        pushContent: { platform: ['android'], notification: { android: ALERT } },
        sub: {
          notification: {
            target: 2,
            ...totals,
            click: 0,
            ...NO_SUBS,
            sub_android: { ...NO_SUBS.sub_android, fcm: totals },
          },
        },
      },
    }
    assert.deepEqual(await world.ask(`/v4/status/detail?message_ids=${msgId}`), expected)
    assert.deepEqual(await world.ask(`/v4/messages/details?message_ids=${msgId}%2C999`), expected)
  })

  test('are those of a custom message under `message`; a channel without a key counts under the first', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const endpoint = 'https://push.example/alice'
    const subscription = subscriptionAt(endpoint)
    await world.register('alice', { platform: 'web', token: undefined, subscription })
    world.channels.outcomes.set(endpoint, () => ({ kind: 'accepted', vendor: 'brave' }))
    const body = { platform: 'web', notification: undefined, message: { msg_content: 'Psst' } }
    const msgId = await world.push('all', { body })
    await world.settled()
    const found = (await world.numbersOf(msgId))[msgId]
    assert.deepEqual(found?.pushContent, { platform: ['web'], message: { content: 'Psst' } })
    assert.deepEqual(found?.sub, {
      message: {
        target: 1,
        ...ONE_SENT,
        click: 0,
        ...NO_SUBS,
        sub_web: { ...NO_SUBS.sub_web, engageLab_web: ONE_SENT },
      },
    })
  })

  test('leave out ids that are unknown or too old, and say nothing to another app', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const [mine, old] = [await world.push('all'), await world.push('all')]
    await world.settled()
    const accepted_at = Date.now() - 30 * 86_400_000
    await world.outside(`update push set accepted_at = ${accepted_at} where msg_id = ${old}`)
    const lists = ['/v4/status/detail', '/v4/messages/details', '/v4/status/batch/message'].map(
      (path) => `${path}?message_ids=${mine},${old},7777777`,
    )
    const lifecycle = (msgId: string) => `/v4/status/message?message_id=${msgId}&registration_ids=${alice.id}`
    const idsIn = (answer: object) =>
      Array.isArray(answer) ? answer.map((row) => row.message_id) : Object.keys(answer)
    for (const url of lists) assert.deepEqual(idsIn(await world.ask<object>(url)), [mine], url)
    assert.deepEqual(Object.keys(await world.ask<object>(lifecycle(mine))), [alice.id])
    assert.deepEqual(await world.ask(lifecycle(old)), {})

    const other = await world.call('POST', '/admin/v1/apps', {
      name: 'Other',
      app_key: 'other',
      master_secret: 'pw',
    })
    assert.equal(other.status, 201)
    for (const url of [...lists, lifecycle(mine)]) {
      const headers = { authorization: basicAuth('other', 'pw') }
      const answer = await world.app.app.http.inject({ url, headers })
      assert.deepEqual([answer.statusCode, idsIn(answer.json())], [200, []], url)
    }
  })

  test('are asked for by 1 to 100 ids', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const ids = (count: number) => Array.from({ length: count }, (_, n) => n + 1).join()
    for (const path of ['/v4/status/detail', '/v4/messages/details', '/v4/status/batch/message']) {
      await world.ask(`${path}?message_ids=${ids(100)}`)
      assert.deepEqual(await world.refusalOf(`${path}?message_ids=${ids(101)}`), [
        400,
        21003,
        'message_ids: 1 to 100 ids',
      ])
      assert.deepEqual(await world.refusalOf(`${path}?message_ids=,`), [
        400,
        21003,
        'message_ids: 1 to 100 ids',
      ])
      assert.deepEqual(await world.refusalOf(`${path}?message_ids=1,x`), [
        400,
        21003,
        'message_ids: a message id is a decimal number below 2^53',
      ])
      assert.deepEqual(await world.refusalOf(path), [400, 21002, 'message_ids is required in the query'])
    }
  })
})

forEachEngine('what became of a message', (open) => {
  test('at single users is told with the reason of a failure', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    const carol = await world.register('carol')
    world.channels.outcomes.set(bob.token, () => ({ kind: 'rejected', reason: 'TooLarge' }))
    const msgId = await world.push({ registration_id: [alice.id, bob.id] })
    await world.settled()
    const ids = [alice, bob, carol].map(({ id }) => id).join('%2C')
    const url = `/v4/status/message?message_id=${msgId}&registration_ids=${ids}%2C${'f'.repeat(32)}`
    const answer = await world.ask<MessageLifecycleAnswer>(url)
    const [ofAlice, ofBob] = [answer[alice.id], answer[bob.id]]
    assert.ok(isNow(ofAlice?.itime) && isNow(ofBob?.itime), JSON.stringify(answer))
    assert.deepEqual(answer, {
      [alice.id]: { status: 'sent', itime: ofAlice?.itime, channel: 'fcm' },
      [bob.id]: { status: 'failed', error_message: 'TooLarge', itime: ofBob?.itime, channel: 'fcm' },
    })
    const rows = [
      { message_id: msgId, registration_id: alice.id, ...ofAlice },
      { message_id: msgId, registration_id: bob.id, ...ofBob },
    ]
    assert.deepEqual(
      await world.rowsOf(msgId),
      rows.sort((one, other) => (one.registration_id < other.registration_id ? -1 : 1)),
    )
  })

  test('is asked for by one message id and 1 to 1000 registration ids', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const path = '/v4/status/message'
    const ids = (count: number) => Array.from({ length: count }, (_, n) => `u${n}`).join()
    assert.deepEqual(await world.ask(`${path}?message_id=1&registration_ids=${ids(1000)}`), {})
    const cases = [
      [`message_id=1&registration_ids=${ids(1001)}`, 21003, 'registration_ids: 1 to 1000 ids'],
      ['message_id=0&registration_ids=a', 21003, 'message_id: a message id is a decimal number below 2^53'],
      [
        'message_id=1&registration_ids=a*',
        21003,
        'registration_ids: a registration id is 1 to 64 characters of A-Z a-z 0-9 _ -',
      ],
      ['registration_ids=a', 21002, 'message_id is required in the query'],
      ['message_id=1', 21002, 'registration_ids is required in the query'],
    ] as const
    for (const [query, code, message] of cases)
      assert.deepEqual(await world.refusalOf(`${path}?${query}`), [400, code, message])
  })

  test('is cut at 10,000 rows, and says so', async (t) => {
    const world = await openStatisticsWorld(t, open)
    await world.register('alice')
    const [first, second] = [await world.push('all'), await world.push('all')]
    await world.settled()
    await addUsersOf(world, first, 9_999)
    const cut = async (...msgIds: string[]) => {
      const url = `/v4/status/batch/message?message_ids=${msgIds}`
      const answer = await world.app.app.http.inject({ url, headers: world.app.basic })
      return [answer.json().length, answer.headers['lethe-truncated']]
    }
    assert.deepEqual(await cut(first), [10_000, undefined])
    assert.deepEqual(await cut(second, first), [10_000, 'true'])
  })

  test('at a deleted user is gone at once; the numbers stay, what was said only to that user does not', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    const toAlice = await world.push({ registration_id: [alice.id] })
    const toAll = await world.push('all')
    await world.settled()
    const numbers = async () => {
      const answer = await world.numbersOf(toAlice, toAll)
      return [answer[toAlice], answer[toAll]].map((found) => [
        found?.targets,
        found?.sent,
        found?.pushContent,
      ])
    }
    const content = { platform: ['web', 'android', 'ios', 'hmos'], notification: NOTIFICATIONS }
    assert.deepEqual(await numbers(), [
      [1, 1, content],
      [2, 2, content],
    ])
    const erasure = await world.call('DELETE', `/v4/devices/${alice.id}`)
    assert.deepEqual(Object.keys(await world.lifecycleOf(toAll, alice, bob)), [bob.id])
    assert.deepEqual((await world.rowsOf(toAlice, toAll)).map(userOf), [bob.id])
    await until('alice is erased', async () => {
      const { body } = await world.call('GET', `/v4/erasures/${erasure.headers['lethe-erasure']}`)
      return body.state === 'erased'
    })
    assert.deepEqual(await numbers(), [
      [1, 1, undefined],
      [2, 2, content],
    ])
    const stored = await world.app.deps.database.read.kysely
      .selectFrom('message_status')
      .select('registration_id')
      .execute()
    assert.deepEqual(stored, [{ registration_id: bob.id }])
  })

  test('is counted and not kept when the word of a send comes after the deletion', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const bob = await world.register('bob')
    const msgId = await world.push({ registration_id: [bob.id] })
    await world.settled()
    await world.call('DELETE', `/v4/devices/${alice.id}`)
    await world.finish(alice, msgId, { kind: 'sent' })
    assert.deepEqual((await world.rowsOf(msgId)).map(userOf), [bob.id])
    const numbers = (await world.numbersOf(msgId))[msgId]
    assert.deepEqual([numbers?.targets, numbers?.sent], [2, 2])
  })

  test('never goes back: sent stands above failed, whichever comes first', async (t) => {
    const world = await openStatisticsWorld(t, open)
    const alice = await world.register('alice')
    const msgId = await world.push({ registration_id: [alice.id] })
    await world.settled()
    const status = async () => {
      const found = (await world.lifecycleOf(msgId, alice))[alice.id]
      return [found?.status, found?.error_message]
    }
    await world.finish(alice, msgId, { kind: 'failed', failure: 'late' })
    assert.deepEqual(await status(), ['sent', undefined])
    await world.outside(`update message_status set status = 'failed', failure = 'early'`)
    assert.deepEqual(await status(), ['failed', 'early'])
    await world.finish(alice, msgId, { kind: 'delivered' })
    assert.deepEqual(await status(), ['delivered', undefined])
    await world.finish(alice, msgId, { kind: 'sent' })
    assert.deepEqual(await status(), ['delivered', undefined])
  })
})
