// size: one suite, told once and run on both engines.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import { APP_KEY } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { insertDevice, type SocketApp, startSocketApp, untilErased } from '../support/socket-app.ts'
import { tablesDigest } from '../support/tables-digest.ts'
import { assertAnswer } from '../support/wire.ts'

const SUCCESS = '{"success":true}'
const UNKNOWN = '{"error":{"code":20101,"message":"registration id is unknown to this app"}}'
const ONE_ID =
  '{"error":{"code":21003,"message":"one registration id per request: 1 to 64 characters of A-Z a-z 0-9 _ -"}}'
/** 13 Chinese characters of 3 bytes and a letter: 40 bytes. */
const FORTY = `${'字'.repeat(13)}a`
const FORTY_ONE = `${'字'.repeat(13)}ab`

function refusal(code: number, message: string): string {
  return JSON.stringify({ error: { code, message } })
}

/** One call whose whole answer is compared. */
async function expectAnswer(server: SocketApp, line: string, rest: Expected): Promise<void> {
  const { body, status = 200, answer = SUCCESS, headers } = rest
  const context = `${line} ${JSON.stringify(body)}`.slice(0, 300)
  const got = await server.call(line, body)
  assertAnswer(got, { status, body: answer, ...(headers ? { headers } : {}) }, context)
}

type Expected = {
  body?: unknown
  status?: number
  answer?: string
  headers?: Record<string, string>
}

/** Calls that must be refused so, and change nothing. */
async function expectRefusals(server: SocketApp, cases: readonly Refused[]): Promise<void> {
  const before = await tablesDigest(server.database)
  for (const [line, body, code, message] of cases) {
    await expectAnswer(server, line, { body, status: 400, answer: refusal(code, message) })
  }
  assert.equal(await tablesDigest(server.database), before)
}

type Refused = readonly [line: string, body: unknown, code: number, message: string]

async function readBound(server: SocketApp, id: string): Promise<unknown> {
  const { status, body } = await server.call(`GET /v4/devices/${id}`)
  assert.equal(status, 200, body)
  return JSON.parse(body)
}

/** A server with these users, none of whom has a tag or an alias. */
async function serverWith(
  t: Parameters<typeof startSocketApp>[0],
  engine: 'sqlite' | 'postgres',
  ids: string[],
) {
  const server = await startSocketApp(t, engine)
  for (const id of ids) await insertDevice(server.database, id)
  return server
}

async function setLimits(server: SocketApp, limits: Record<string, number>): Promise<void> {
  await server.operate(`PATCH /admin/v1/apps/${APP_KEY}`, { settings: { limits } })
}

async function erase(server: SocketApp, id: string): Promise<void> {
  await insertDevice(server.database, id)
  assert.equal((await server.call(`DELETE /v4/devices/${id}`)).status, 200)
  await untilErased(server, id)
}

forEachEngine('the device endpoints of the Tag Alias API', (_open, engine) => {
  test('GET device: tags and alias, and nothing else', async (t) => {
    const server = await serverWith(t, engine, ['u1'])
    const line = 'GET /v4/devices/u1'
    const untouched = { answer: '{"tags":[],"alias":""}', headers: { etag: '"1"' } }
    await expectAnswer(server, line, untouched)
    // Every official SDK sends a content type on calls without a body.
    const typed = await server.call(line, undefined, { headers: { 'content-type': 'application/json' } })
    assertAnswer(typed, { status: 200, body: untouched.answer, headers: untouched.headers })
    await server.call('POST /v4/devices/u1', { tags: { add: ['b', 'a', '中'] }, alias: '别名' })
    const bound = { answer: '{"tags":["a","b","中"],"alias":"别名"}', headers: { etag: '"3"' } }
    await expectAnswer(server, line, bound)
    await erase(server, 'gone')
    await expectAnswer(server, 'GET /v4/devices/gone', { status: 400, answer: UNKNOWN })
    await expectAnswer(server, 'GET /v4/devices/never', { status: 400, answer: UNKNOWN })
    for (const id of ['a,b', '*', 'a'.repeat(65), '%E4%B8%AD'])
      await expectAnswer(server, `GET /v4/devices/${id}`, { status: 400, answer: ONE_ID })
  })

  test('POST device: tags are added and removed, remove wins, the empty string clears', async (t) => {
    const server = await serverWith(t, engine, ['u1'])
    const steps: [body: unknown, tags: string[]][] = [
      [{ tags: { add: ['a', 'b', 'b'] } }, ['a', 'b']],
      [{ tags: { add: ['c'], remove: ['a'] } }, ['b', 'c']],
      [{ tags: { add: ['d'], remove: ['d', 'never'] } }, ['b', 'c']],
      [{ tags: { add: ['b'], remove: ['b'] } }, ['c']],
      [{ tags: {} }, ['c']],
      [{ tags: { add: [], remove: [] } }, ['c']],
      [{}, ['c']],
      // What the Java SDK sends: null means "not given", never "clear".
      [{ tags: null, alias: null }, ['c']],
      [{ tags: { add: ['e'], remove: null }, alias: null }, ['c', 'e']],
      [{ tags: { add: null, remove: ['e'] }, alias: null }, ['c']],
      [{ tags: '', alias: null }, []],
      [{ tags: '' }, []],
      // Upper and lower case differ, and every documented character is one.
      [{ tags: { add: ['A', 'a', '_9', '中文', '@!#$&*+=.|'] } }, ['@!#$&*+=.|', 'A', '_9', 'a', '中文']],
    ]
    for (const [body, tags] of steps) {
      await expectAnswer(server, 'POST /v4/devices/u1', { body })
      assert.deepEqual(await readBound(server, 'u1'), { tags, alias: '' }, JSON.stringify(body))
    }
    await expectAnswer(server, 'POST /v4/devices/u1', {})
    await expectAnswer(server, 'POST /v4/devices/u1', { body: 'null' })
  })

  test('POST device: an alias is set, replaced, moved and cleared', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2'])
    const steps: [id: string, body: unknown, aliases: [string, string]][] = [
      ['u1', { alias: 'one' }, ['one', '']],
      ['u1', { alias: null, tags: null }, ['one', '']],
      ['u1', { alias: 'two' }, ['two', '']],
      ['u2', { alias: 'one' }, ['two', 'one']],
      ['u2', { alias: 'two' }, ['', 'two']],
      ['u2', { alias: 'two' }, ['', 'two']],
      ['u2', { alias: '' }, ['', '']],
      ['u1', { alias: '' }, ['', '']],
    ]
    for (const [id, body, aliases] of steps) {
      await expectAnswer(server, `POST /v4/devices/${id}`, { body })
      for (const [index, reader] of ['u1', 'u2'].entries())
        assert.deepEqual(await readBound(server, reader), { tags: [], alias: aliases[index] })
    }
    const { body } = await server.call('GET /v4/tags/quota-info')
    assert.equal(JSON.parse(body).data.useAliasQuota, 0)
  })

  test('POST device: what is wrong is named', async (t) => {
    const server = await serverWith(t, engine, ['u1'])
    await erase(server, 'gone')
    const line = 'POST /v4/devices/u1'
    const characters = 'may have letters, digits and _@!#$&*+=.| only'
    const hundredOne = Array.from({ length: 101 }, (_, n) => `t${n}`)
    await expectRefusals(server, [
      [line, { tag: [] }, 21015, 'unknown parameter "tag"'],
      [line, { tags: { ad: ['a'] } }, 21015, 'unknown parameter "ad" in tags'],
      [line, { alias: 'a', mobile: '1' }, 21015, 'unknown parameter "mobile"'],
      [line, { tags: 1 }, 21016, 'tags: must be object or string'],
      [line, { tags: ['a'] }, 21016, 'tags: must be object or string'],
      [line, { tags: { add: 'a' } }, 21016, 'tags.add: must be array'],
      [line, { tags: { add: [1] } }, 21016, 'tags.add[0]: must be string'],
      [line, { tags: { remove: [{}] } }, 21016, 'tags.remove[0]: must be string'],
      [line, { alias: 1 }, 21016, 'alias: must be string'],
      [line, { alias: ['a'] }, 21016, 'alias: must be string'],
      [line, [], 21016, 'body: must be object'],
      [line, '"tags"', 21016, 'body: must be object'],
      [line, '{', 21016, 'the body is not valid JSON in UTF-8'],
      [line, { tags: { add: [''] } }, 21003, 'the tag is empty'],
      [line, { tags: { add: ['a,b'] } }, 21003, `the tag ${characters}`],
      [line, { tags: { add: ['a b'] } }, 21003, `the tag ${characters}`],
      [line, { tags: { add: ['a/b'] } }, 21003, `the tag ${characters}`],
      [line, { tags: { remove: ['a-b'] } }, 21003, `the tag ${characters}`],
      [line, { alias: '🙂' }, 21003, `the alias ${characters}`],
      [line, { tags: { add: hundredOne } }, 21003, 'tags.add: must not have more than 100 items'],
      [line, { tags: { remove: hundredOne } }, 21003, 'tags.remove: must not have more than 100 items'],
      ['POST /v4/devices/gone', { alias: 'a' }, 20101, 'registration id is unknown to this app'],
      ['POST /v4/devices/never', { tags: '' }, 20101, 'registration id is unknown to this app'],
      ['POST /v4/devices/a,b', { alias: 'a' }, 21003, JSON.parse(ONE_ID).error.message],
    ])
    // The first thing wrong decides; nothing of the rest is done.
    await expectRefusals(server, [
      [line, { alias: 'fine', tags: { add: ['a', ''] } }, 21003, 'the tag is empty'],
    ])
  })

  test('POST device: limits, on both sides of each', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2', 'u3'])
    const line = 'POST /v4/devices/u1'
    await expectAnswer(server, line, { body: { tags: { add: [FORTY] }, alias: FORTY } })
    await expectAnswer(server, line, { body: { tags: { add: ['a'.repeat(40)] }, alias: 'a'.repeat(40) } })
    await expectRefusals(server, [
      [line, { tags: { add: [FORTY_ONE] } }, 21003, 'the tag has 41 bytes of at most 40'],
      [line, { alias: FORTY_ONE }, 21003, 'the alias has 41 bytes of at most 40'],
      [line, { tags: { remove: ['a'.repeat(41)] } }, 21003, 'the tag has 41 bytes of at most 40'],
    ])
    await server.call(line, { tags: '' })
    const hundred = Array.from({ length: 100 }, (_, n) => `t${n}`)
    await expectAnswer(server, line, { body: { tags: { add: hundred } } })
    const tooMany = 'too many tags on one registration id: at most 100'
    await expectRefusals(server, [[line, { tags: { add: ['t100'] } }, 21003, tooMany]])
    await expectAnswer(server, line, { body: { tags: { add: ['t100'], remove: ['t0'] } } })
    await expectRefusals(server, [[line, { tags: { add: ['t101'] }, alias: 'x' }, 21003, tooMany]])
    // A tag that is there already adds nothing.
    await expectAnswer(server, line, { body: { tags: { add: ['t1'] } } })
  })

  test('POST device: limits that the operator has lowered, on both sides of each', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2', 'u3'])
    await setLimits(server, {
      tags_per_device: 2,
      tags_per_app: 3,
      devices_per_tag: 2,
      aliases_per_app: 2,
      tag_bytes: 3,
      alias_bytes: 6,
    })
    const set = (id: string, body: unknown) => expectAnswer(server, `POST /v4/devices/${id}`, { body })
    const refused = (id: string, body: unknown, message: string) =>
      expectRefusals(server, [[`POST /v4/devices/${id}`, body, 21003, message]])
    await set('u1', { tags: { add: ['字'] }, alias: '字字' })
    await refused('u1', { tags: { add: ['字a'] } }, 'the tag has 4 bytes of at most 3')
    await refused('u1', { alias: '字字a' }, 'the alias has 7 bytes of at most 6')
    await set('u1', { tags: { add: ['b'] } })
    await refused('u1', { tags: { add: ['c'] } }, 'too many tags on one registration id: at most 2')
    await set('u2', { tags: { add: ['字', 'c'] }, alias: 'two' })
    await refused('u3', { tags: { add: ['字'] } }, 'too many registration ids with this tag: at most 2')
    await refused('u3', { tags: { add: ['d'] } }, 'too many different tags in this app: at most 3')
    await refused('u3', { alias: 'three' }, 'too many aliases in this app: at most 2')
    // One that moves is no new one.
    await set('u3', { tags: { add: ['b'] }, alias: 'two' })
    await set('u2', { tags: { remove: ['c'] } })
    await set('u3', { tags: { add: ['d'] } })
  })

  test('POST status: who is online, in the order asked, without the unknown', async (t) => {
    const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
    const clock = { ...systemClock(), now: () => now }
    const server = await startSocketApp(t, engine, { deps: { clock } })
    const tenMinutesMs = 600_000
    await insertDevice(server.database, 'now', { now })
    await insertDevice(server.database, 'just', { now: now - tenMinutesMs })
    await insertDevice(server.database, 'over', { now: now - tenMinutesMs - 1 })
    await insertDevice(server.database, 'old', { now: Date.UTC(2020, 1, 29, 23, 59, 59, 999) })
    await erase(server, 'gone')
    const ids = ['old', 'never', 'over', 'gone', 'just', 'now', 'now']
    await expectAnswer(server, 'POST /v4/devices/status', {
      body: { registration_ids: ids },
      answer:
        '[{"regid":"old","online":false,"last_online_time":"2020-02-29 23:59:59"},' +
        '{"regid":"over","online":false,"last_online_time":"2026-01-02 02:54:05"},' +
        '{"regid":"just","online":true},{"regid":"now","online":true}]',
    })
    await expectAnswer(server, 'POST /v4/devices/status', {
      body: { registration_ids: ['never'] },
      answer: '[]',
    })
    const thousand = Array.from({ length: 1000 }, (_, n) => `n${n}`)
    await expectAnswer(server, 'POST /v4/devices/status', {
      body: { registration_ids: thousand },
      answer: '[]',
    })
    const line = 'POST /v4/devices/status'
    const list = (registration_ids: unknown) => ({ registration_ids })
    await expectRefusals(server, [
      [line, {}, 21002, 'registration_ids is required in the body'],
      [line, undefined, 21002, 'registration_ids is required in the body'],
      [line, list(null), 21002, 'registration_ids is required in the body'],
      [line, list('now'), 21016, 'registration_ids: must be array'],
      [line, list([1]), 21016, 'registration_ids[0]: must be string'],
      [line, list([null]), 21016, 'registration_ids[0]: must be string'],
      [line, list([...thousand, 'one']), 21003, 'registration_ids: must not have more than 1000 items'],
      [line, list([]), 21003, 'registration_ids: must not have fewer than 1 items'],
      [line, list(['now', 'a,b']), 21003, 'registration_ids[1]: must match pattern "^[A-Za-z0-9_-]{1,64}$"'],
      [line, { ...list(['now']), ids: 1 }, 21015, 'unknown parameter "ids"'],
    ])
  })

  test('POST token: each token has a result of its own', async (t) => {
    const server = await startSocketApp(t, engine)
    const line = 'POST /v4/devices/token/registration_id'
    const fcm = (n: number) => `${'f'.repeat(22)}:${'x'.repeat(20)}${n}`
    const apns = 'AB'.repeat(32)
    type Result = { token: string; registration_id?: string; is_new: boolean; code: number; message?: string }
    const ask = async (body: unknown): Promise<Result[]> => {
      const answer = await server.call(line, body)
      assert.equal(answer.status, 200, answer.body)
      const parsed = JSON.parse(answer.body) as { results: Result[] }
      assert.deepEqual(Object.keys(parsed), ['results'])
      return parsed.results
    }
    const [first, bad, second] = await ask({ platform: 'android', tokens: [fcm(1), 'short', fcm(2)] })
    assert.deepEqual(bad, { token: 'short', is_new: false, code: 21003, message: 'invalid fcm token format' })
    const id = first?.registration_id ?? ''
    assert.match(id, /^[A-Za-z0-9_-]{16,64}$/)
    assert.deepEqual(first, { token: fcm(1), registration_id: id, is_new: true, code: 0 })
    assert.notEqual(second?.registration_id, id)
    // Held by a user: that user. Twice in one call: one user. The Java SDK sends null for what it has not.
    const again = await ask({ platform: 'android', tokens: [fcm(1), fcm(3), fcm(3)], apns_production: null })
    assert.deepEqual(again[0], { token: fcm(1), registration_id: id, is_new: false, code: 0 })
    assert.equal(again[1]?.registration_id, again[2]?.registration_id)
    assert.deepEqual(
      again.slice(1).map((one) => one.is_new),
      [true, false],
    )
    // A phone of Apple's writes its token in either case: one token.
    const ios = await ask({ platform: 'ios', tokens: [apns, apns.toLowerCase()], apns_production: false })
    assert.equal(ios[0]?.registration_id, ios[1]?.registration_id)
    assert.deepEqual([ios[0]?.token, ios[1]?.token], [apns, apns.toLowerCase()])
    await server.call(`DELETE /v4/devices/${id}`)
    await untilErased(server, id)
    const [dead] = await ask({ platform: 'android', tokens: [fcm(1)] })
    const message = 'the user of this token was deleted; only a registration by the user brings it back'
    assert.deepEqual(dead, { token: fcm(1), is_new: false, code: 20101, message })
    const many = Array.from({ length: 500 }, () => 'short')
    assert.equal((await ask({ platform: 'android', tokens: many })).length, 500)
    const android = (tokens: unknown) => ({ platform: 'android', tokens })
    await expectRefusals(server, [
      [line, { tokens: [fcm(9)] }, 21002, 'platform is required in the body'],
      [line, { platform: 'android' }, 21002, 'tokens is required in the body'],
      [line, { platform: 'ios', tokens: [apns] }, 21002, 'apns_production is required for ios'],
      [line, { ...android([fcm(9)]), apns_production: true }, 21003, 'apns_production is for ios only'],
      [line, { ...android([fcm(9)]), apns_production: 1 }, 21016, 'apns_production: must be boolean'],
      [line, android([]), 21003, 'tokens: must not have fewer than 1 items'],
      [line, android([...many, 'x']), 21003, 'tokens: must not have more than 500 items'],
      [line, android([1]), 21016, 'tokens[0]: must be string'],
      [line, android('x'), 21016, 'tokens: must be array'],
      [line, { ...android([fcm(9)]), token: 'x' }, 21015, 'unknown parameter "token"'],
      [
        line,
        { platform: 'web', tokens: [fcm(9)] },
        21003,
        'platform: must be equal to one of the allowed values',
      ],
      [
        line,
        { platform: 7, tokens: [fcm(9)] },
        21003,
        'platform: must be equal to one of the allowed values',
      ],
    ])
  })
})

forEachEngine('the tag endpoints of the Tag Alias API', (_open, engine) => {
  test('GET tags: all tags that somebody holds', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2'])
    await expectAnswer(server, 'GET /v4/tags', { answer: '{"tags":[]}' })
    await server.call('POST /v4/devices/u1', { tags: { add: ['b', 'a'] } })
    await server.call('POST /v4/devices/u2', { tags: { add: ['b', '中'] } })
    await expectAnswer(server, 'GET /v4/tags', { answer: '{"tags":["a","b","中"]}' })
    await expectAnswer(server, 'GET /v4/tags/?platform=android', { answer: '{"tags":["a","b","中"]}' })
    await server.call('POST /v4/devices/u1', { tags: '' })
    await expectAnswer(server, 'GET /v4/tags', { answer: '{"tags":["b","中"]}' })
  })

  test('POST tag: given to some and taken from others, whole or not at all', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2', 'u3'])
    await erase(server, 'gone')
    const line = `POST /v4/tags/${encodeURIComponent('中')}`
    const holders = async () => {
      const ids = ['u1', 'u2', 'u3']
      const bound = await Promise.all(ids.map((id) => readBound(server, id)))
      return ids.filter((_, index) => (bound[index] as { tags: string[] }).tags.includes('中'))
    }
    const ids = (add: unknown, remove?: unknown) => ({ registration_ids: { add, remove } })
    const steps: [body: unknown, left: string[], skipped?: string][] = [
      [ids(['u1', 'u2', 'u2']), ['u1', 'u2']],
      [ids(['u3'], ['u1']), ['u2', 'u3']],
      // Remove wins.
      [ids(['u1', 'u2'], ['u1', 'u3']), ['u2']],
      // The Java SDK's nulls.
      [ids(['u1'], null), ['u1', 'u2']],
      [ids(null, ['u2']), ['u1']],
      [ids([], []), ['u1']],
      [{ registration_ids: {} }, ['u1']],
      // Dead ids are skipped, and so are unknown ones to remove.
      [ids(['gone', 'u2']), ['u1', 'u2'], '1'],
      [ids(['gone'], ['gone', 'never', 'u1']), ['u2'], '2'],
    ]
    for (const [body, left, skipped] of steps) {
      const headers = skipped === undefined ? {} : { 'lethe-skipped': skipped }
      await expectAnswer(server, line, { body, headers })
      assert.deepEqual(await holders(), left, JSON.stringify(body))
    }
    const thousand = Array.from({ length: 1000 }, (_, n) => `n${n}`)
    await expectAnswer(server, line, { body: ids([], thousand), headers: { 'lethe-skipped': '1000' } })
    await expectRefusals(server, [
      [line, ids(['u1', 'never']), 20101, 'registration id is unknown to this app'],
      [line, {}, 21002, 'registration_ids is required in the body'],
      [line, { registration_ids: null }, 21002, 'registration_ids is required in the body'],
      [line, { registration_ids: ['u1'] }, 21016, 'registration_ids: must be object'],
      [line, ids('u1'), 21016, 'registration_ids.add: must be array'],
      [line, ids([1]), 21016, 'registration_ids.add[0]: must be string'],
      [line, ids([...thousand, 'u1']), 21003, 'registration_ids.add: must not have more than 1000 items'],
      [
        line,
        ids([], [...thousand, 'u1']),
        21003,
        'registration_ids.remove: must not have more than 1000 items',
      ],
      [line, { registration_ids: { set: ['u1'] } }, 21015, 'unknown parameter "set" in registration_ids'],
      [line, { tags: [], registration_ids: {} }, 21015, 'unknown parameter "tags"'],
      [line, ids(['u1,u2']), 21003, 'registration_ids.add[0]: must match pattern "^[A-Za-z0-9_-]{1,64}$"'],
      [
        `POST /v4/tags/${encodeURIComponent(FORTY_ONE)}`,
        ids(['u1']),
        21003,
        'the tag has 41 bytes of at most 40',
      ],
      ['POST /v4/tags/a%2Cb', ids(['u1']), 21003, 'the tag may have letters, digits and _@!#$&*+=.| only'],
    ])
    await expectAnswer(server, `POST /v4/tags/${encodeURIComponent(FORTY)}`, { body: ids(['u1']) })
  })

  test('POST tag: limits that the operator has lowered', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2', 'u3'])
    await setLimits(server, { tags_per_device: 1, tags_per_app: 2, devices_per_tag: 2 })
    const add = (...ids: string[]) => ({ registration_ids: { add: ids } })
    await expectRefusals(server, [
      ['POST /v4/tags/a', add('u1', 'u2', 'u3'), 21003, 'too many registration ids with this tag: at most 2'],
    ])
    await expectAnswer(server, 'POST /v4/tags/a', { body: add('u1', 'u2') })
    await expectAnswer(server, 'POST /v4/tags/a', { body: add('u1', 'u2') })
    await expectRefusals(server, [
      ['POST /v4/tags/a', add('u3'), 21003, 'too many registration ids with this tag: at most 2'],
      ['POST /v4/tags/b', add('u3', 'u1'), 21003, 'too many tags on one registration id: at most 1'],
    ])
    await expectAnswer(server, 'POST /v4/tags/b', { body: add('u3') })
    await setLimits(server, { tags_per_device: 2 })
    await expectRefusals(server, [
      ['POST /v4/tags/c', add('u1'), 21003, 'too many different tags in this app: at most 2'],
    ])
    await expectAnswer(server, 'POST /v4/tags/a', {
      body: { registration_ids: { add: ['u3'], remove: ['u1'] } },
    })
  })

  test('DELETE tag: from everybody, or from those on some platforms', async (t) => {
    const server = await serverWith(t, engine, ['web1'])
    const android = await registerAndroid(server)
    const both = { registration_ids: { add: ['web1', android] } }
    const left = async () => JSON.parse((await server.call('GET /v4/tags_count?tags=a')).body).tagsCount.a
    const cases: [query: string, left: number][] = [
      ['', 0],
      ['?platform=', 0],
      ['?platform=all', 0],
      ['?platform=android', 1],
      ['?platform=android%2Cios', 1],
      ['?platform=android,web', 0],
      ['?platform=android&platform=web', 0],
      ['?platform=hmos', 2],
    ]
    for (const [query, expected] of cases) {
      await server.call('POST /v4/tags/a', both)
      await expectAnswer(server, `DELETE /v4/tags/a${query}`, {})
      assert.equal(await left(), expected, query)
    }
    await expectAnswer(server, 'DELETE /v4/tags/never', {})
    await expectRefusals(server, [
      [
        'DELETE /v4/tags/a?platform=palm',
        undefined,
        21003,
        'the platform is one of web, android, ios, hmos, or all',
      ],
      ['DELETE /v4/tags/a%20b', undefined, 21003, 'the tag may have letters, digits and _@!#$&*+=.| only'],
    ])
  })

  test('GET tags_count: repeated or joined by commas, on all platforms or some', async (t) => {
    const server = await serverWith(t, engine, ['web1', 'web2'])
    const android = await registerAndroid(server)
    await server.call('POST /v4/tags/a', { registration_ids: { add: ['web1', 'web2', android] } })
    await server.call(`POST /v4/tags/${encodeURIComponent('中')}`, { registration_ids: { add: [android] } })
    const chinese = encodeURIComponent('中')
    const cases: [query: string, counts: string][] = [
      ['tags=a', '{"a":3}'],
      ['tags=a&platform=', '{"a":3}'],
      ['tags=a&platform=all', '{"a":3}'],
      ['tags=a&platform=android', '{"a":1}'],
      ['tags=a&platform=ios', '{"a":0}'],
      ['tags=a&platform=android,web', '{"a":3}'],
      ['tags=a&platform=android%2Cios', '{"a":1}'],
      ['tags=a&platform=android&platform=web', '{"a":3}'],
      [`tags=a&tags=${chinese}&tags=a`, '{"a":3,"中":1}'],
      [`tags=a,${chinese}`, '{"a":3,"中":1}'],
      [`tags=a%2C${chinese}%2Cnever`, '{"a":3,"中":1,"never":0}'],
      [`tags=${chinese}&tags=never,a`, '{"中":1,"never":0,"a":3}'],
    ]
    for (const [query, counts] of cases)
      await expectAnswer(server, `GET /v4/tags_count?${query}`, { answer: `{"tagsCount":${counts}}` })
    const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`)
    const thousand = await server.call(`GET /v4/tags_count?tags=${names(1000).join(',')}`)
    assert.equal(Object.keys(JSON.parse(thousand.body).tagsCount).length, 1000)
    const tooMany = `GET /v4/tags_count?tags=${names(1001).join(',')}`
    await expectRefusals(server, [
      ['GET /v4/tags_count', undefined, 21002, 'tags is required in the query'],
      ['GET /v4/tags_count?platform=web', undefined, 21002, 'tags is required in the query'],
      ['GET /v4/tags_count?tags=', undefined, 21003, 'at least one tag is needed'],
      ['GET /v4/tags_count?tags=,', undefined, 21003, 'at least one tag is needed'],
      [tooMany, undefined, 21003, 'at most 1000 tags, these are 1001'],
      [
        'GET /v4/tags_count?tags=a%20b',
        undefined,
        21003,
        'the tag may have letters, digits and _@!#$&*+=.| only',
      ],
      [
        'GET /v4/tags_count?tags=a&platform=palm',
        undefined,
        21003,
        'the platform is one of web, android, ios, hmos, or all',
      ],
    ])
  })

  test('GET tag and registration id: true or false', async (t) => {
    const server = await serverWith(t, engine, ['u1'])
    await server.call('POST /v4/devices/u1', { tags: { add: ['中'] } })
    await erase(server, 'gone')
    const chinese = encodeURIComponent('中')
    await expectAnswer(server, `GET /v4/tags/${chinese}/registration_ids/u1`, { answer: '{"result":true}' })
    await expectAnswer(server, 'GET /v4/tags/a/registration_ids/u1', { answer: '{"result":false}' })
    for (const id of ['gone', 'never'])
      await expectAnswer(server, `GET /v4/tags/a/registration_ids/${id}`, { status: 400, answer: UNKNOWN })
    await expectAnswer(server, 'GET /v4/tags/a/registration_ids/u1,u2', { status: 400, answer: ONE_ID })
  })

  test('GET quota-info: the limits and what is used, exactly the documented keys', async (t) => {
    const server = await serverWith(t, engine, ['u1', 'u2'])
    const android = await registerAndroid(server)
    await server.call('POST /v4/devices/u1', { tags: { add: ['a', 'b'] }, alias: 'one' })
    await server.call('POST /v4/devices/u2', { tags: { add: ['a'] }, alias: 'two' })
    await server.call('POST /v4/tags/a', { registration_ids: { add: [android] } })
    const totals = '"totalTagQuota":100000,"useTagQuota":2,"totalAliasQuota":100000,"useAliasQuota":2'
    const detail = (tagName: string, useUidQuota: number) =>
      JSON.stringify({ tagName, totalUidQuota: 100_000, useUidQuota })
    const line = 'GET /v4/tags/quota-info'
    await expectAnswer(server, line, { answer: `{"data":{${totals}}}` })
    await expectAnswer(server, `${line}?platform=`, { answer: `{"data":{${totals}}}` })
    const details = `"tagUidQuotaDetail":[${detail('a', 3)},${detail('never', 0)}]`
    for (const query of ['tags=a&tags=never', 'tags=a,never&platform=', 'tags=a%2Cnever&platform=all'])
      await expectAnswer(server, `${line}?${query}`, { answer: `{"data":{${totals},${details}}}` })
    await expectAnswer(server, `${line}?tags=a&platform=android`, {
      answer: `{"data":{${totals},"tagUidQuotaDetail":[${detail('a', 1)}]}}`,
    })
    await setLimits(server, { tags_per_app: 7, aliases_per_app: 8, devices_per_tag: 9 })
    await expectAnswer(server, `${line}?tags=b`, {
      answer:
        '{"data":{"totalTagQuota":7,"useTagQuota":2,"totalAliasQuota":8,"useAliasQuota":2,' +
        '"tagUidQuotaDetail":[{"tagName":"b","totalUidQuota":9,"useUidQuota":1}]}}',
    })
  })
})

forEachEngine('the alias endpoints of the Tag Alias API', (_open, engine) => {
  test('GET alias: a list of nobody or one', async (t) => {
    const server = await serverWith(t, engine, ['u1'])
    await server.call('POST /v4/devices/u1', { alias: '别名' })
    const line = `GET /v4/aliases/${encodeURIComponent('别名')}`
    for (const query of ['', '?platform=', '?platform=all', '?platform=web', '?platform=ios%2Cweb'])
      await expectAnswer(server, `${line}${query}`, { answer: '{"registration_ids":["u1"]}' })
    await expectAnswer(server, `${line}?platform=android`, { answer: '{"registration_ids":[]}' })
    await expectAnswer(server, 'GET /v4/aliases/never', { answer: '{"registration_ids":[]}' })
    await expectRefusals(server, [
      [`${line}?platform=palm`, undefined, 21003, 'the platform is one of web, android, ios, hmos, or all'],
      ['GET /v4/aliases/a%20b', undefined, 21003, 'the alias may have letters, digits and _@!#$&*+=.| only'],
      [
        `GET /v4/aliases/${encodeURIComponent(FORTY_ONE)}`,
        undefined,
        21003,
        'the alias has 41 bytes of at most 40',
      ],
    ])
    await server.call('DELETE /v4/devices/u1')
    await expectAnswer(server, line, { answer: '{"registration_ids":[]}' })
  })

  test('DELETE alias: taken from its holder, if it is on one of the platforms', async (t) => {
    const server = await serverWith(t, engine, ['u1'])
    await server.call('POST /v4/devices/u1', { tags: { add: ['a'] }, alias: '别名' })
    const line = `DELETE /v4/aliases/${encodeURIComponent('别名')}`
    await expectAnswer(server, `${line}?platform=android%2Cios`, {})
    assert.deepEqual(await readBound(server, 'u1'), { tags: ['a'], alias: '别名' })
    await expectAnswer(server, `${line}?platform=`, {})
    assert.deepEqual(await readBound(server, 'u1'), { tags: ['a'], alias: '' })
    await expectAnswer(server, line, {})
    await expectRefusals(server, [
      [
        'DELETE /v4/aliases/a%2Cb',
        undefined,
        21003,
        'the alias may have letters, digits and _@!#$&*+=.| only',
      ],
      [`${line}?platform=palm`, undefined, 21003, 'the platform is one of web, android, ios, hmos, or all'],
    ])
  })
})

async function registerAndroid(server: SocketApp): Promise<string> {
  const { body } = await server.call('POST /v4/devices/token/registration_id', {
    platform: 'android',
    tokens: ['f'.repeat(40)],
  })
  return JSON.parse(body).results[0].registration_id
}
