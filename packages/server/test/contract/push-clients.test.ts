/**
 * Bodies of pushes as SDKs and live users write them, letter by letter, from the request to what a channel gets. The bodies
 * of the protocol's own tests go the same way. EngageLab's Python client itself is called by `npm run contract`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors } from '@lethe/protocol/errors.ts'
import { batchSamples, type PushSample, pushSamples } from '../../../protocol/test/push-samples.ts'
import { openTestSqlite, type TestDatabase } from '../support/engines.ts'
import { type PushServer, startPushServer } from '../support/push-server.ts'
import type { Sent } from '../support/recording-channel.ts'

/** A request as it comes over the wire, with ALICE and BOB for their registration ids. */
interface Request {
  readonly name: string
  readonly line?: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** What becomes of it: what each of them gets, as far as it is looked at. */
  readonly alice?: object
  readonly bob?: object
}

const UTF8 = { 'content-type': 'application/json; charset=utf-8' }
const text = (body: string) => ({ alert: { body } })

const REQUESTS: readonly Request[] = [
  {
    name: 'Java: pretty-printed, nulls dropped, one id twice',
    headers: UTF8,
    body: `{
  "from" : "push",
  "to" : {
    "registration_id" : [ "ALICE", "ALICE", "BOB" ]
  },
  "request_id" : "12345678",
  "custom_args" : {
    "business" : "info"
  },
  "body" : {
    "platform" : "all",
    "notification" : {
      "android" : {
        "alert" : "to android",
        "title" : "T",
        "builder_id" : 1,
        "extras" : {
          "newsid" : 321
        }
      },
      "ios" : {
        "alert" : "to ios",
        "sound" : "default",
        "badge" : "+1",
        "content-available" : true
      }
    },
    "options" : {
      "time_to_live" : 60,
      "apns_production" : false
    }
  }
}`,
    alice: { alert: { title: 'T', body: 'to android' }, builderId: 1, extras: { newsid: 321 } },
    bob: { ...text('to ios'), sound: 'default', badge: { change: 1 }, isContentAvailable: true },
  },
  {
    name: 'Java, plain mapper: explicit nulls, and the id of a schedule',
    headers: UTF8,
    body: `{"from":null,"to":{"tag":null,"tag_and":null,"tag_not":null,"alias":null,"registration_id":["ALICE"],
      "live_activity_id":null,"seg":null},"body":{"platform":["android"],"notification":{"alert":"Hello","android":
      {"alert":null,"title":null,"badge_add_num":null,"intent":null,"inbox":null,"extras":{"kept":1,"not":null}},"ios":null},
      "message":null,"live_activity":null,"voip":null,"options":{"time_to_live":null,"multi_language":null,"cid":null}},
      "request_id":null,"custom_args":null,"scheduleId":"6a1b1bd2-8f4d-11f0-9c1c-0242ac120002"}`,
    alice: { ...text('Hello'), extras: { kept: 1 } },
  },
  {
    name: 'Go: what is empty is left out, pointers to zero are not',
    headers: UTF8,
    body:
      '{"to":"all","body":{"platform":"all","notification":{"android":{"title":"T","badge_add_num":0,"badge_set_num":0},' +
      '"ios":{"alert":"to ios","mutable-content":false}},"options":{"apns_production":false}}}\n',
    alice: { alert: { title: 'T' }, badge: { set: 0 } },
    bob: { ...text('to ios'), isMutableContent: false },
  },
  {
    name: 'Go, by an address with a trailing slash',
    line: 'POST //v4/push',
    body: '{"from":"push","to":{"registration_id":["BOB"]},"body":{"platform":"ios","notification":{"alert":"Hello"}}}',
    bob: text('Hello'),
  },
  {
    name: 'Python: empty lists, texts and objects, zero and false',
    headers: UTF8,
    body:
      '{"from": "", "to": {"registration_id": ["ALICE"], "tag": [], "tag_and": [], "tag_not": [], "alias": []}, ' +
      '"request_id": "", "custom_args": {}, "body": {"platform": ["android", "ios"], "notification": {"alert": "\\u4f60\\u597d", ' +
      '"android": {"channel_id": "", "extras": {}, "is_fold": false, "priority": 0}, "ios": {"badge": 0, "sound": ""}}, ' +
      '"options": {"time_to_live": 0, "multi_language": {}, "voice_value": "", "plan_id": "", "classification": 0}}}',
    alice: { ...text('你好'), priority: 0, isFolded: false, extras: {} },
  },
  {
    name: 'PHP: without from and request_id, both blocks, options at the top',
    body:
      '{"to":{"alias":["alice"]},"body":{"platform":"all","notification":{"android":{"alert":"Hi","title":"T"},' +
      '"ios":{"alert":{"title":"T","body":"Hi"},"sound":"default"}}},"options":{"time_to_live":60,"apns_production":true}}',
    alice: { alert: { title: 'T', body: 'Hi' } },
  },
  {
    name: 'the fork of JPush',
    body:
      '{"from":"push","to":{"registration_id":["ALICE"]},"body":{"platform":"android","notification":{"android":' +
      '{"alert":"Hi","title":"T","extras":{"k":"v"}}},"options":{"apns_production":true,"time_to_live":86400}}}',
    alice: { alert: { title: 'T', body: 'Hi' }, extras: { k: 'v' } },
  },
  {
    name: 'the document of group push: options and a text for custom_args at the top',
    body:
      '{"from":"push","to":"all","body":{"platform":"all","notification":{"android":{"alert":"Hi"},"ios":{"alert":"Hi",' +
      '"badge":"+1"}}},"options":{"time_to_live":60,"apns_production":true},"request_id":"12345678","custom_args":"business info"}',
    alice: text('Hi'),
    bob: { ...text('Hi'), badge: { change: 1 } },
  },
]

async function start(t: Parameters<typeof startPushServer>[0]): Promise<{
  server: PushServer
  ids: { alice: string; bob: string }
}> {
  const server = await startPushServer(t, async () => closing(t, await openTestSqlite()))
  const alice = await server.register('alice', { alias: 'alice', tags: ['news'] })
  const bob = await server.register('bob', { platform: 'ios' })
  return { server, ids: { alice, bob } }
}

function closing(t: Parameters<typeof startPushServer>[0], opened: TestDatabase): TestDatabase {
  t.after(opened.close)
  return opened
}

/** What the user got of the message: the notification of its platform, without what is not looked at. */
function gotBy(sent: readonly Sent[], id: string, looked: object): object | undefined {
  const got = sent.filter(({ registrationId }) => registrationId === id)
  assert.ok(got.length < 2, 'nobody gets it twice')
  const [one] = got
  if (!one) return undefined
  const { content } = one.message.push
  assert.equal(content.kind, 'notification')
  const { platform } = one.message
  const notification = (content.kind === 'notification' ? content[platform] : undefined) as Record<
    string,
    unknown
  >
  return Object.fromEntries(Object.keys(looked).map((key) => [key, notification[key]]))
}

test('bodies as clients write them are accepted, and say the same to the channel', async (t) => {
  const { server, ids } = await start(t)
  for (const { name, line = 'POST /v4/push', body, headers, alice, bob } of REQUESTS) {
    const sent = body.replaceAll('ALICE', ids.alice).replaceAll('BOB', ids.bob)
    const answer = await server.call(line, sent, { ...server.basic, ...headers })
    assert.equal(answer.status, 200, `${name}: ${answer.body}`)
    await server.settled()
    const { msg_id: msgId } = JSON.parse(answer.body) as { msg_id: string }
    const got = server.channels.sent.filter(({ message }) => message.msgId === Number(msgId))
    assert.deepEqual([gotBy(got, ids.alice, alice ?? {}), gotBy(got, ids.bob, bob ?? {})], [alice, bob], name)
  }
})

/** Whom the samples name by alias, tag and id. */
async function withReceivers(server: PushServer, ids: { alice: string }): Promise<(body: object) => string> {
  await server.register('web', { platform: 'web', tags: ['news'], alias: 'web' })
  await server.register('user', { alias: 'user_001' })
  await server.register('a', { alias: 'a' })
  await server.register('u1', { platform: 'ios', alias: 'u1' })
  return (body) => JSON.stringify(body).replaceAll('["r1","r1"]', `["${ids.alice}"]`)
}

function statusOf(code: number): number {
  return code === 0 ? 200 : (Object.values(errors).find((entry) => entry.code === code)?.status ?? 0)
}

function codeIn(body: string): number {
  return (JSON.parse(body) as { error?: { code: number } }).error?.code ?? 0
}

test('every sample of the protocol is answered as it says there', async (t) => {
  const { server, ids } = await start(t)
  const withIds = await withReceivers(server, ids)
  const check = async (line: string, { name, code, body }: PushSample) => {
    const answer = await server.call(line, withIds(body))
    assert.deepEqual([answer.status, codeIn(answer.body)], [statusOf(code), code], `${name}: ${answer.body}`)
  }
  for (const sample of pushSamples) await check('POST /v4/push/validate', sample)
  for (const sample of pushSamples.filter(({ body }) => !JSON.stringify(body).includes('override_msg_id')))
    await check('POST /v4/push', sample)
  for (const sample of batchSamples)
    for (const kind of ['regid', 'alias']) await check(`POST /v4/batch/push/${kind}`, sample)
})
