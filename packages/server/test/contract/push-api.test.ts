// size: one suite, told once and run on both engines.
/** Sending over HTTP: status, headers and body of every answer. What is sent is looked at in ../push. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchBodyBytesMax } from '@lethe/protocol/push-limits.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { OutcomeUnknown, StorageUnavailable } from '../../src/storage/errors.ts'
import { basicAuth } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { type FaultyDatabase, faultyDatabase } from '../support/faulty-database.ts'
import { type PushServer, startPushServer } from '../support/push-server.ts'
import { tablesDigest } from '../support/tables-digest.ts'
import { until } from '../support/until.ts'
import { assertAnswer } from '../support/wire.ts'

const PUSH = 'POST /v4/push'
const VALIDATE = 'POST /v4/push/validate'
const BY_ID = 'POST /v4/batch/push/regid'
const BY_ALIAS = 'POST /v4/batch/push/alias'
const UNKNOWN_MESSAGE = 'Parameter value is invalid,msg_id not exist'
const NOT_OVERRIDABLE = 'options.override_msg_id: no message of the last day has this id'
const NOBODY = 'to: nobody who can be reached fits it on these platforms'
const NO_TARGET = 'no user who can be reached fits the audience'
const NOT_A_USER = 'registration id is unknown to this app'
const CHALLENGE = { 'www-authenticate': 'Basic realm="Lethe", charset="UTF-8"' }
const DAY_SECONDS = 86_400

interface Push {
  readonly to?: unknown
  /** Beside `to` and `body`. */
  readonly beside?: object
  readonly body?: object
  readonly options?: object
}

/** A push of a plain notification to all, with these differences. */
function push({ to = 'all', beside = {}, body = {}, options }: Push = {}): object {
  const content = { platform: 'all', notification: { alert: 'Hello' }, ...(options ? { options } : {}) }
  return { to, body: { ...content, ...body }, ...beside }
}

/** One push of a batch. */
function item(target: string, more: object = {}): object {
  return { target, platform: 'all', notification: { alert: 'Hello' }, ...more }
}

function refusal(code: number, message: string): string {
  return JSON.stringify({ error: { code, message } })
}

/** Sends a push that must be accepted. Answers the id of the message. */
async function accepted(server: PushServer, sent: object = push(), requestId?: string): Promise<string> {
  const answer = await server.call(PUSH, sent)
  const { msg_id: msgId } = JSON.parse(answer.body) as { msg_id?: string }
  assert.match(String(msgId), /^[1-9][0-9]{0,15}$/, answer.body)
  const echo = requestId === undefined ? '' : `,"request_id":${JSON.stringify(requestId)}`
  assertAnswer(answer, { status: 200, body: `{"msg_id":"${msgId}"${echo}}` })
  return String(msgId)
}

/** Sends a batch whose answer must have exactly these results. `msg_id` is 0 where a push must be accepted. Answers the ids. */
async function acceptedBatch(
  server: PushServer,
  line: string,
  { requests, results }: { requests: readonly object[]; results: Readonly<Record<string, object>> },
): Promise<number[]> {
  const answer = await server.call(line, { requests })
  const parsed = JSON.parse(answer.body) as { results: Record<string, { msg_id?: number }> }
  const msgIds: number[] = []
  const expected = Object.entries(results).map(([target, result]) => {
    const msgId = parsed.results[target]?.msg_id
    if (!('msg_id' in result)) return [target, { target, ...result }]
    assert.ok(Number.isSafeInteger(msgId), answer.body)
    msgIds.push(Number(msgId))
    return [target, { target, ...result, msg_id: msgId }]
  })
  assertAnswer(answer, { status: 200, body: JSON.stringify({ results: Object.fromEntries(expected) }) })
  return msgIds
}

const ACCEPTED = { success: true, msg_id: 0 }

function refused(code: number, message: string): object {
  return { success: false, error: { code, message } }
}

type Refused = readonly [what: string, body: unknown, code: number, message: string, status?: number]

/** That each is refused so, and leaves everything as it was. */
async function expectRefusals(server: PushServer, line: string, cases: readonly Refused[]): Promise<void> {
  await server.settled()
  const before = await tablesDigest(server.database)
  for (const [what, body, code, message, status = 400] of cases)
    assertAnswer(await server.call(line, body), { status, body: refusal(code, message) }, `${line}: ${what}`)
  assert.equal(await tablesDigest(server.database), before)
}

forEachEngine('POST /v4/push', (open) => {
  test('answers with the id of the message as a text, and with the request_id that was sent', async (t) => {
    const server = await startPushServer(t, open)
    await server.register('alice')
    const first = await accepted(server)
    const second = await accepted(server, push({ beside: { from: 'push', request_id: '123' } }), '123')
    assert.ok(Number(second) > Number(first))
    await accepted(server, push({ beside: { request_id: '请求 "1"' } }), '请求 "1"')
    // The empty text counts as none.
    await accepted(server, push({ beside: { request_id: '' } }))
    await accepted(server, push({ beside: { request_id: null, from: null, custom_args: null } }))
  })

  test('a cid that is repeated answers with the message of the first, whatever the rest says', async (t) => {
    const server = await startPushServer(t, open)
    const alice = await server.register('alice')
    const options = { cid: 'a-B_9' }
    const first = await accepted(server, push({ options, beside: { request_id: 'r1' } }), 'r1')
    const again = push({ to: { registration_id: [alice] }, options, beside: { request_id: 'r2' } })
    assert.equal(await accepted(server, again, 'r2'), first)
    assert.notEqual(await accepted(server, push({ options: { cid: 'a-b_9' } })), first)
    const results = { [alice]: ACCEPTED }
    const msgIds = await acceptedBatch(server, BY_ID, { requests: [item(alice, { options })], results })
    assert.deepEqual(msgIds, [Number(first)])
    await server.outside('update push_cid set expires_at = 1')
    assert.notEqual(await accepted(server, push({ options })), first)
  })

  test('a message can be overridden that is of the app, of the last day, and not withdrawn', async (t) => {
    const server = await startPushServer(t, open)
    await server.register('alice')
    const overriding = (msgId: number | string) => push({ options: { override_msg_id: Number(msgId) } })
    const first = await accepted(server)
    const second = await accepted(server, overriding(first))
    await accepted(server, overriding(second))
    const withdrawn = await accepted(server)
    assert.equal((await server.call(`DELETE /v4/push/withdraw/${withdrawn}`)).status, 200)
    const [old, young] = [await accepted(server), await accepted(server)]
    await ageBy(server, { [old]: DAY_SECONDS, [young]: DAY_SECONDS - 60 })
    await accepted(server, overriding(young))
    await expectRefusals(server, PUSH, [
      ['unknown', overriding(Number.MAX_SAFE_INTEGER), 1003, NOT_OVERRIDABLE],
      ['withdrawn', overriding(withdrawn), 1003, NOT_OVERRIDABLE],
      ['old', overriding(old), 1003, NOT_OVERRIDABLE],
      ['zero', overriding(0), 21003, 'body.options.override_msg_id: must be >= 1'],
      ['beyond', overriding(2 ** 53), 21003, `body.options.override_msg_id: must be <= ${2 ** 53 - 1}`],
    ])
  })

  test('who may not call is told why', async (t) => {
    const server = await startPushServer(t, open)
    await server.register('alice')
    const credentials: readonly [Record<string, string>, number, string][] = [
      [{}, 27001, 'verification information is missing'],
      [
        { authorization: basicAuth('aladdin', 'wrong') },
        21004,
        'verification failed: the credentials are wrong',
      ],
      [server.bearer, 27001, 'verification information is missing'],
    ]
    const calls = [PUSH, VALIDATE, BY_ID, BY_ALIAS, 'DELETE /v4/push/withdraw/1']
    for (const line of calls) {
      for (const [headers, code, message] of credentials)
        assertAnswer(await server.call(line, {}, headers), {
          status: 401,
          body: refusal(code, message),
          headers: CHALLENGE,
        })
    }
    for (const line of calls) {
      const other = line.replace(/^\w+/, 'PATCH')
      const body = refusal(21001, 'this path does not answer to this method')
      const allow = String(line.split(' ')[0])
      assertAnswer(await server.call(other, {}), { status: 405, body, headers: { allow } }, other)
    }
  })
})

/** Makes messages older by so many seconds. */
async function ageBy(server: PushServer, seconds: Readonly<Record<string, number>>): Promise<void> {
  await server.settled()
  for (const [msgId, age] of Object.entries(seconds))
    await server.outside(`update push set accepted_at = accepted_at - ${age * 1_000} where msg_id = ${msgId}`)
}

forEachEngine('POST /v4/push/validate', (open) => {
  test('answers as a push does, with an id that no message has, tells the reach, and keeps nothing', async (t) => {
    const server = await startPushServer(t, open)
    const alice = await server.register('alice', { tags: ['vip'], alias: 'al' })
    await server.register('bob', { tags: ['vip'], platform: 'web' })
    const cases: readonly [to: unknown, reach: string][] = [
      ['all', '2'],
      [{ tag: ['vip'] }, '2'],
      [{ alias: ['al', 'nobody'] }, '1'],
      [{ registration_id: [alice, alice, 'nobody'] }, '1'],
    ]
    const before = await tablesDigest(server.database)
    for (const [to, reach] of cases) {
      const sent = push({ to, beside: { request_id: 'r1' }, options: { cid: 'c1' } })
      const headers = { 'lethe-reach': reach }
      assertAnswer(await server.call(VALIDATE, sent), {
        status: 200,
        body: '{"msg_id":"0","request_id":"r1"}',
        headers,
      })
    }
    const platform = push({ body: { platform: 'web' } })
    assertAnswer(await server.call(VALIDATE, platform), {
      status: 200,
      body: '{"msg_id":"0"}',
      headers: { 'lethe-reach': '1' },
    })
    assert.equal(await tablesDigest(server.database), before)
    assert.deepEqual(server.channels.sent, [])
    // The cid of a validation is still free.
    await accepted(server, push({ options: { cid: 'c1' } }))
  })
})

forEachEngine('a push and its validation', (open) => {
  test('refuse whom nobody can be reached of', async (t) => {
    const server = await startPushServer(t, open)
    const alice = await server.register('alice', { alias: 'al', tags: ['vip'] })
    const erased = await server.register('erased', { alias: 'gone', tags: ['gone'] })
    assert.equal((await server.call(`DELETE /v4/devices/${erased}`)).status, 200)
    await untilErased(server, erased)
    const unknown = 'to.registration_id: none of them is a user of this app'
    for (const line of [PUSH, VALIDATE])
      await expectRefusals(server, line, [
        ['a tag', push({ to: { tag: ['nobody'] } }), 21011, NOBODY],
        ['an alias', push({ to: { alias: ['nobody'] } }), 21011, NOBODY],
        ['a tag of a deleted user', push({ to: { tag: ['gone'] } }), 21011, NOBODY],
        ['an alias of a deleted user', push({ to: { alias: ['gone'] } }), 21011, NOBODY],
        ['another platform', push({ body: { platform: 'ios' } }), 21011, NOBODY],
        [
          'an id elsewhere',
          push({ to: { registration_id: [alice] }, body: { platform: 'ios' } }),
          21011,
          NOBODY,
        ],
        ['an id that lacks the tag', push({ to: { registration_id: [alice], tag: ['no'] } }), 21011, NOBODY],
        ['an unknown id', push({ to: { registration_id: ['0'.repeat(32)] } }), 20101, unknown],
        ['a deleted id', push({ to: { registration_id: [erased] } }), 20101, unknown],
      ])
  })

  test('refuse each fault with its number and words', async (t) => {
    const server = await startPushServer(t, open)
    await server.register('alice')
    for (const line of [PUSH, VALIDATE]) await expectRefusals(server, line, FAULTS)
  })

  test('take what is at a limit and refuse what is beyond', async (t) => {
    const server = await startPushServer(t, open)
    const alice = await server.register('alice', { alias: 'al', tags: ['t0', ...names('t', 20).slice(1)] })
    const ids = (count: number) => [alice, ...names('u', count - 1)]
    for (const [what, sent] of atTheLimit(ids)) {
      const { status, body } = await server.call(VALIDATE, sent)
      assert.deepEqual([status, body], [200, '{"msg_id":"0"}'], what)
    }
    for (const line of [PUSH, VALIDATE]) await expectRefusals(server, line, beyondTheLimit(ids))
  })
})

const NO_AUDIENCE =
  'to: all, or at least one of tag, tag_and, tag_not, alias and registration_id that is not empty'
const PLATFORMS = 'body.platform: all, or some of web, android, ios, hmos'
const CID = 'body.options.cid: 1 to 64 characters of A-Z a-z 0-9 _ -'
const ONE_KIND = 'only one of them is possible'
const NOT_YET = 'this is not supported yet'

function content(body: object): object {
  return { to: 'all', body: { platform: 'all', ...body } }
}

const notification = { alert: 'Hello' }
const message = { msg_content: 'Hello' }
const live_activity = { ios: { event: 'update', 'content-state': { score: 1 } } }
const voip = { call_id: '1' }

const FAULTS: readonly Refused[] = [
  ['nothing', '', 21002, 'to is required in the body'],
  ['half an object', '{"to":', 21016, 'the body is not valid JSON in UTF-8'],
  ['a list', [], 21016, 'body: must be object'],
  ['no audience', { body: { platform: 'all', notification } }, 21002, 'to is required in the body'],
  ['no body', { to: 'all' }, 21002, 'body is required in the body'],
  ['no platform', { to: 'all', body: { notification } }, 21002, 'body.platform is required'],
  ['no content', content({}), 21002, 'body.notification or body.message is required'],
  [
    'null for content',
    content({ notification: null }),
    21002,
    'body.notification or body.message is required',
  ],
  ['an empty notification', content({ notification: {} }), 21002, 'body.notification.alert is required'],
  ['an empty message', content({ message: {} }), 21002, 'body.message.msg_content is required, or extras'],

  ['an audience of nothing', push({ to: {} }), 21003, NO_AUDIENCE],
  [
    'an audience of empty lists',
    push({ to: { tag: [], alias: [], registration_id: [] } }),
    21003,
    NO_AUDIENCE,
  ],
  ['a segment', push({ to: { seg: { id: 's1' } } }), 21003, 'to.seg: not supported yet'],
  [
    'a live activity id',
    push({ to: { live_activity_id: 'l' } }),
    21003,
    'to.live_activity_id: not supported yet',
  ],
  ['a platform that is none', push({ body: { platform: 'windows' } }), 21003, PLATFORMS],
  ['a list with one that is none', push({ body: { platform: ['ios', 'x'] } }), 21003, PLATFORMS],
  ['no platform in the list', push({ body: { platform: [] } }), 21003, PLATFORMS],
  ['a plan', push({ options: { plan_id: 'p1' } }), 21003, `body.options.plan_id: ${NOT_YET}`],
  ['a text to speak', push({ options: { voice_value: 'v' } }), 21003, `body.options.voice_value: ${NOT_YET}`],
  ['a live activity', content({ live_activity }), 21003, `body.live_activity: ${NOT_YET}`],
  ['a call', content({ voip }), 21003, `body.voip: ${NOT_YET}`],
  [
    'options twice',
    push({ options: { time_to_live: 1 }, beside: { options: { time_to_live: 1 } } }),
    21003,
    'options: they are in the body already',
  ],

  ['a key beside the body', push({ beside: { sendno: '1' } }), 21015, 'unknown parameter "sendno"'],
  ['a key in to', push({ to: { tags: ['vip'] } }), 21015, 'unknown parameter "tags" in to'],
  ['a key in the body', push({ body: { platfrom: 'ios' } }), 21015, 'unknown parameter "platfrom" in body'],
  ['a key in options', push({ options: { ttl: 1 } }), 21015, 'unknown parameter "ttl" in body.options'],

  ['another word for all', push({ to: 'ALL' }), 21016, 'to: must be object'],
  ['a number for all', push({ to: 7 }), 21016, 'to: must be string or object'],
  ['a text for tags', push({ to: { tag: 'vip' } }), 21016, 'to.tag: must be array'],
  [
    'a text for the ttl',
    push({ options: { time_to_live: '1' } }),
    21016,
    'body.options.time_to_live: must be integer',
  ],
  [
    'a number for an alert',
    content({ notification: { alert: 1 } }),
    21016,
    'body.notification.alert: must be string or object',
  ],

  [
    'a live activity and more',
    content({ notification, live_activity }),
    21054,
    `body.notification, body.live_activity: ${ONE_KIND}`,
  ],
  [
    'a call and more',
    content({ notification, message, voip }),
    21057,
    `body.notification, body.message, body.voip: ${ONE_KIND}`,
  ],
  [
    'both contents',
    content({ notification, message }),
    21306,
    `body.notification, body.message: ${ONE_KIND}`,
    401,
  ],

  ['no cid', push({ options: { cid: '' } }), 23003, CID],
  ['a cid with a space', push({ options: { cid: 'a b' } }), 23003, CID],
  ['a cid in Chinese', push({ options: { cid: '中' } }), 23003, CID],
  [
    'a way without a text',
    content({
      notification: { android: { alert: '' } },
      options: { third_party_channel: { distribution_new: 'mtpush' } },
    }),
    27008,
    'body.notification.alert: empty, while a distribution is chosen',
    401,
  ],
  [
    'a way that is none',
    push({ options: { third_party_channel: { w3push: { distribution: 'pigeon' } } } }),
    27009,
    'body.options.third_party_channel.w3push.distribution: this is one of mtpush, first_ospush, secondary_push, ospush',
    401,
  ],
]

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, number) => `${prefix}${number}`)
}

type Ids = (count: number) => string[]

function atTheLimit(ids: Ids): readonly (readonly [what: string, sent: unknown])[] {
  const tags = names('t', 20)
  return [
    ['20 tags', push({ to: { tag: tags, tag_and: tags, tag_not: names('x', 20) } })],
    ['1000 ids', push({ to: { registration_id: ids(1_000) } })],
    ['1000 aliases', push({ to: { alias: ['al', ...names('a', 999)] } })],
    ['custom_args', push({ beside: { custom_args: '中'.repeat(128) } })],
    ['custom_args in an object', push({ beside: { custom_args: { k: 'x'.repeat(120) } } })],
    ['from', push({ beside: { from: 'x'.repeat(128) } })],
    ['15 days', push({ options: { time_to_live: 15 * DAY_SECONDS } })],
    ['now or never', push({ options: { time_to_live: 0 } })],
    ['cid', push({ options: { cid: 'x'.repeat(64) } })],
    ['a day', push({ options: { big_push_duration: 1440 } })],
    ['at full speed', push({ options: { big_push_duration: 0 } })],
    ['4000 bytes', content({ platform: 'android', notification: { alert: 'x'.repeat(3_988) } })],
    ['a body of 1 MiB', padded(push(), 1024 * 1024)],
  ]
}

/** The same with spaces behind it, so that it has so many bytes. */
function padded(sent: object, bytes: number): string {
  const text = JSON.stringify(sent)
  return text + ' '.repeat(bytes - Buffer.byteLength(text))
}

function beyondTheLimit(ids: Ids): readonly Refused[] {
  const items = (count: number) => `must not have more than ${count} items`
  const characters = 'must not have more than 128 characters'
  const duration = (minutes: number) => `body.options.big_push_duration: ${minutes} of 0 to 1440 minutes`
  const tags = names('t', 21)
  const ttl = 'body.options.time_to_live'
  return [
    ['21 tags', push({ to: { tag: tags } }), 21003, `to.tag: ${items(20)}`],
    ['21 of all tags', push({ to: { tag_and: tags } }), 21003, `to.tag_and: ${items(20)}`],
    ['21 of no tags', push({ to: { tag_not: tags } }), 21003, `to.tag_not: ${items(20)}`],
    ['1001 ids', push({ to: { registration_id: ids(1_001) } }), 21003, `to.registration_id: ${items(1_000)}`],
    ['1001 aliases', push({ to: { alias: names('a', 1_001) } }), 21003, `to.alias: ${items(1_000)}`],
    [
      'a long tag',
      push({ to: { tag: ['x'.repeat(41)] } }),
      21003,
      'to.tag[0]: the tag has 41 bytes of at most 40',
    ],
    ['an empty alias', push({ to: { alias: [''] } }), 21003, 'to.alias[0]: the alias is empty'],
    [
      'custom_args',
      push({ beside: { custom_args: '中'.repeat(129) } }),
      21003,
      'custom_args: 129 characters of at most 128',
    ],
    [
      'custom_args in an object',
      push({ beside: { custom_args: { k: 'x'.repeat(121) } } }),
      21003,
      'custom_args: 129 characters of at most 128',
    ],
    ['from', push({ beside: { from: 'x'.repeat(129) } }), 21003, `from: ${characters}`],
    ['request_id', push({ beside: { request_id: 'x'.repeat(129) } }), 21003, `request_id: ${characters}`],
    [
      '15 days',
      push({ options: { time_to_live: 15 * DAY_SECONDS + 1 } }),
      21003,
      `${ttl}: must be <= 1296000`,
    ],
    ['a negative ttl', push({ options: { time_to_live: -1 } }), 21003, `${ttl}: must be >= 0`],
    ['cid', push({ options: { cid: 'x'.repeat(65) } }), 23003, CID],
    ['a day and a minute', push({ options: { big_push_duration: 1441 } }), 23006, duration(1441)],
    ['a negative duration', push({ options: { big_push_duration: -1 } }), 23006, duration(-1)],
    [
      '4001 bytes',
      content({ platform: 'android', notification: { alert: 'x'.repeat(3_989) } }),
      21005,
      'body.notification.android: 4001 bytes of at most 4000',
    ],
    [
      'a body beyond 1 MiB',
      padded(push(), 1024 * 1024 + 1),
      21005,
      'the body is too large: at most 1048576 bytes',
    ],
  ]
}

async function untilErased(server: PushServer, id: string): Promise<void> {
  await until(`the erasure of ${id}`, async () => {
    const { body } = await server.call(`GET /v4/devices/${id}/erasure`)
    return (JSON.parse(body) as { state?: string }).state === 'erased'
  })
}

forEachEngine('a batch', (open) => {
  test('answers by target, in its order, with ids that are numbers', async (t) => {
    const server = await startPushServer(t, open)
    const [alice, bob] = [await server.register('alice', { alias: 'al' }), await server.register('bob')]
    const byId = await acceptedBatch(server, BY_ID, {
      requests: [
        item(bob),
        item(alice, { custom_args: { business: 'info' }, options: { cid: 'c1', apns_production: true } }),
      ],
      results: { [bob]: ACCEPTED, [alice]: ACCEPTED },
    })
    assert.equal(new Set(byId).size, 2)
    // Such an alias is a name like any other.
    await server.call(`POST /v4/devices/${bob}`, { alias: '__proto__' })
    const answer = await server.call(BY_ALIAS, { requests: [item('__proto__'), item('al')] })
    const ids = [...answer.body.matchAll(/"msg_id":(\d+)/g)].map(([, id]) => id)
    assertAnswer(answer, {
      status: 200,
      body:
        `{"results":{"__proto__":{"target":"__proto__","success":true,"msg_id":${ids[0]}},` +
        `"al":{"target":"al","success":true,"msg_id":${ids[1]}}}}`,
    })
    await server.settled()
    assert.equal(server.channels.sent.length, 4)
  })

  test('tells for each push why it is refused, and sends the others', async (t) => {
    const server = await startPushServer(t, open)
    const alice = await server.register('alice')
    const both = { message: { msg_content: 'x' } }
    const long = { platform: 'android', notification: { alert: 'x'.repeat(4_000) } }
    const way = { third_party_channel: { fcm: { distribution_new: 'pigeon' } } }
    const faults: readonly [more: object, code: number, message: string][] = [
      [{}, 20101, NOT_A_USER],
      [both, 21306, `notification, message: ${ONE_KIND}`],
      [long, 21005, 'notification.android: 4012 bytes of at most 4000'],
      [{ notification: undefined }, 21002, 'notification or message is required'],
      [{ platform: 'windows' }, 21003, PLATFORMS.slice('body.'.length)],
      [{ custom_args: 'x'.repeat(129) }, 21003, 'custom_args: 129 characters of at most 128'],
      [{ options: { cid: '' } }, 23003, CID.slice('body.'.length)],
      [
        { options: { big_push_duration: 1441 } },
        23006,
        'options.big_push_duration: 1441 of 0 to 1440 minutes',
      ],
      [
        { options: way },
        27009,
        'options.third_party_channel.fcm.distribution_new: this is one of mtpush, pns_mtpush, fcm_mtpush, mtpush_pns, mtpush_fcm',
      ],
    ]
    const results = Object.fromEntries(
      faults.map(([, code, message], index) => [`u${index}`, refused(code, message)] as const),
    )
    await acceptedBatch(server, BY_ID, {
      requests: [...faults.map(([more], index) => item(`u${index}`, more)), item(alice)],
      results: { ...results, [alice]: ACCEPTED },
    })
    const bob = await server.register('bob')
    await acceptedBatch(server, BY_ID, {
      requests: [
        item(alice, { platform: 'ios' }),
        item(bob, { options: { override_msg_id: Number.MAX_SAFE_INTEGER } }),
      ],
      results: { [alice]: refused(21011, NO_TARGET), [bob]: refused(1003, NOT_OVERRIDABLE) },
    })
    await acceptedBatch(server, BY_ALIAS, {
      requests: [item('nobody'), item('not an alias'), item('')],
      results: {
        nobody: refused(21011, NO_TARGET),
        'not an alias': refused(21011, NO_TARGET),
        '': refused(21011, NO_TARGET),
      },
    })
    await server.settled()
    assert.equal(server.channels.sent.length, 1)
  })

  test('of 500 is taken whole, in the order sent', async (t) => {
    const server = await startPushServer(t, open)
    const targets = names('name', 500)
    const results = Object.fromEntries(targets.map((target) => [target, refused(21011, NO_TARGET)]))
    await acceptedBatch(server, BY_ALIAS, { requests: targets.map((target) => item(target)), results })
  })

  test('is refused as a whole where it is no batch', async (t) => {
    const server = await startPushServer(t, open)
    await server.register('alice', { alias: 'al' })
    const cases: readonly Refused[] = [
      ['nothing', {}, 21002, 'requests is required in the body'],
      ['no items', { requests: [] }, 21003, 'requests: must not have fewer than 1 items'],
      [
        '501',
        { requests: names('n', 501).map((target) => item(target)) },
        21003,
        'requests: must not have more than 500 items',
      ],
      [
        'one target twice',
        { requests: [item('al'), item('b'), item('al')] },
        21003,
        'requests: 3 pushes to 2 targets; each may be there once',
      ],
      ['no target', { requests: [{ ...item('al'), target: null }] }, 21002, 'requests[0].target is required'],
      ['a key', { requests: [item('al', { to: 'all' })] }, 21015, 'unknown parameter "to" in requests[0]'],
      [
        'a type',
        { requests: [item('al', { platform: 1 })] },
        21016,
        'requests[0].platform: must be string or array',
      ],
      [
        'a body beyond the limit',
        padded({ requests: [item('al')] }, batchBodyBytesMax + 1),
        21005,
        `the body is too large: at most ${batchBodyBytesMax} bytes`,
      ],
    ]
    for (const line of [BY_ID, BY_ALIAS]) await expectRefusals(server, line, cases)
    const atTheLimit = padded({ requests: [item('nobody')] }, batchBodyBytesMax)
    assert.equal((await server.call(BY_ALIAS, atTheLimit)).status, 200)
  })
})

forEachEngine('the rate limit', (open) => {
  /** As good as standing still: nobody earns a call meanwhile. */
  const slowClock = () => ({ ...systemClock(), monotonic: () => performance.now() / 1_000 })

  test('counts each push of a batch; beyond it the others are still sent', async (t) => {
    const server = await startPushServer(t, open, {
      settings: { rateLimit: 3 },
      deps: { clock: slowClock() },
    })
    await server.register('alice', { alias: 'al' })
    const answer = await server.call(BY_ALIAS, {
      requests: ['al', 'b', 'c', 'd', 'e'].map((name) => item(name)),
    })
    const msgId = /"msg_id":(\d+)/.exec(answer.body)?.[1]
    const over = refused(23008, 'Rate limit exceeded for the API')
    assertAnswer(answer, {
      status: 200,
      body: JSON.stringify({
        results: {
          al: { target: 'al', success: true, msg_id: Number(msgId) },
          b: { target: 'b', ...refused(21011, NO_TARGET) },
          c: { target: 'c', ...refused(21011, NO_TARGET) },
          d: { target: 'd', ...over },
          e: { target: 'e', ...over },
        },
        rate_limit_info: {
          rate_limit_occurred: true,
          message: 'Some requests were rate limited during batch processing',
        },
      }),
    })
    await server.settled()
    assert.equal(server.channels.sent.length, 1)
    const tooMany = {
      status: 429,
      body: refusal(23008, 'too many requests'),
      headers: { 'retry-after': '1' },
    }
    for (const [line, body] of [
      [PUSH, push()],
      [VALIDATE, push()],
      [BY_ID, { requests: [item('x')] }],
      ['DELETE /v4/push/withdraw/1', undefined],
    ] as const)
      assertAnswer(await server.call(line, body), tooMany, line)
  })
})

forEachEngine('DELETE /v4/push/withdraw/{msg_id}', (open) => {
  test('answers with the id, once, for a push and for one of a batch', async (t) => {
    const server = await startPushServer(t, open)
    const alice = await server.register('alice')
    const results = { [alice]: ACCEPTED }
    const [single = 0] = await acceptedBatch(server, BY_ID, { requests: [item(alice)], results })
    const [all, spread] = [
      await accepted(server),
      await accepted(server, push({ options: { big_push_duration: 9 } })),
    ]
    for (const [line, msgId] of [
      [`DELETE /v4/push/withdraw/${single}`, single],
      [`DELETE //v4//push/withdraw/${all}/`, all],
      [`DELETE /v4/push/withdraw/${spread}?x=1`, spread],
    ] as const) {
      // Every official SDK sends a content type on calls without a body.
      const typed = { ...server.basic, 'content-type': 'application/json' }
      const body = `{"request_id":"","msg_id":"${msgId}"}`
      assertAnswer(await server.call(line, undefined, typed), { status: 200, body }, line)
      const again = refusal(21003, UNKNOWN_MESSAGE)
      assertAnswer(await server.call(line, undefined, typed), { status: 400, body: again }, line)
    }
  })

  test('of what the app cannot take back is refused in the documented words', async (t) => {
    const server = await startPushServer(t, open)
    await server.register('alice')
    const [old, mine] = [await accepted(server), await accepted(server)]
    await ageBy(server, { [old]: DAY_SECONDS, [mine]: DAY_SECONDS - 60 })
    const other = { name: 'Other', app_key: 'other', master_secret: 'pw' }
    const made = await server.call('POST /admin/v1/apps', other, server.bearer)
    assert.equal(made.status, 201)
    const before = await tablesDigest(server.database)
    const body = refusal(21003, UNKNOWN_MESSAGE)
    for (const id of [
      old,
      '9007199254740991',
      '9007199254740992',
      '0',
      '-1',
      `0${mine}`,
      `${mine},${old}`,
      'x',
      '%20',
    ])
      assertAnswer(await server.call(`DELETE /v4/push/withdraw/${id}`), { status: 400, body }, id)
    const stranger = { authorization: basicAuth('other', 'pw') }
    const foreign = await server.call(`DELETE /v4/push/withdraw/${mine}`, undefined, stranger)
    assertAnswer(foreign, { status: 400, body })
    const nothing = await server.call('DELETE /v4/push/withdraw')
    assertAnswer(nothing, { status: 404, body: refusal(21001, 'this path does not exist') })
    assert.equal(await tablesDigest(server.database), before)
    assert.equal((await server.call(`DELETE /v4/push/withdraw/${mine}`)).status, 200)
  })
})

forEachEngine('a push while storage fails', (open) => {
  const unavailable = 'storage is not available: nothing was changed'
  const maybe = 'may have been accepted; repeat the call'
  const lost = new OutcomeUnknown('the answer of the commit was lost')

  async function startFaulty(t: Parameters<typeof startPushServer>[0]) {
    let faults: FaultyDatabase | undefined
    const wrap = (database: Parameters<typeof faultyDatabase>[0]) => {
      faults = faultyDatabase(database)
      return faults.database
    }
    const server = await startPushServer(t, open, { wrap })
    assert.ok(faults)
    return { server, faults }
  }

  test('is not accepted, and says so', async (t) => {
    const { server, faults } = await startFaulty(t)
    await server.register('alice')
    const cases: readonly [Error, number, number, string][] = [
      [new StorageUnavailable('no database'), 503, 21030, unavailable],
      [lost, 503, 21030, maybe],
      [new TypeError('alice is in the message'), 500, 27002, 'unknown error'],
    ]
    for (const [error, status, code, words] of cases) {
      faults.failWrites('push.accept', [{ error }])
      assertAnswer(await server.call(PUSH, push()), { status, body: refusal(code, words) }, words)
    }
    assert.deepEqual(server.channels.sent, [])
    await accepted(server)
  })

  test('that a cid makes safe to repeat is sent once, whether the commit stood or not', async (t) => {
    const { server, faults } = await startFaulty(t)
    await server.register('alice')
    for (const [cid, isDone] of [
      ['stood', true],
      ['fell', false],
    ] as const) {
      faults.failWrites('push.accept', [{ error: lost, isDone }])
      const sent = push({ options: { cid } })
      assertAnswer(await server.call(PUSH, sent), { status: 503, body: refusal(21030, maybe) })
      const msgId = await accepted(server, sent)
      assert.equal(await accepted(server, sent), msgId)
      await until('it is sent', () => server.channels.receivers(msgId).length === 1)
    }
    await server.settled()
    assert.equal(server.channels.sent.length, 2)
  })

  test('in a batch is refused for itself: the others stand', async (t) => {
    const { server, faults } = await startFaulty(t)
    const ids = [await server.register('a'), await server.register('b'), await server.register('c')] as const
    faults.failWrites('push.accept', [{ error: new StorageUnavailable('no database') }, { error: lost }])
    await acceptedBatch(server, BY_ID, {
      requests: ids.map((id) => item(id)),
      results: {
        [ids[0]]: refused(21030, unavailable),
        [ids[1]]: refused(21030, maybe),
        [ids[2]]: ACCEPTED,
      },
    })
  })
})
