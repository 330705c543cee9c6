// The document on Delete User as a story over plain HTTP: three users, one is deleted, the server can show that it forgot,
// and the user comes back as somebody new. Every step is told, and the first wrong answer ends it.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { appKey, basicAuth, environment, lethe } from '../server-process.ts'
import { makeCast, type Person, sharedTag, type User } from './cast.ts'
import { type Answer, Narrator } from './narrator.ts'

type Users = { alice: User; bob: User; carol: User }

/** What is remembered from chapter to chapter. */
type Plot = {
  tell: Narrator
  users: Users
  /** The keys that verify receipts, saved before anything was deleted. */
  keys: string
  erasureId: string
  receipt: string
}

const authorization = basicAuth
const registrations = `/client/v1/apps/${appKey}/registrations`
/** The goal is a minute at 200 deletions a second; a single one on a busy machine gets the same time. */
const erasedWithinMs = 60_000
const pollMs = 200
/** The documented body. */
const success = '{"success":true}'
const unknownId = { error: { code: 20101, message: 'registration id is unknown to this app' } }

/**
 * Plays the whole story against a fresh server at `url`, whose first app is that of `server-process.ts`.
 * @throws WrongAnswer at the first answer that is not as it should be.
 */
export async function playStory(url: string, say: (line: string) => void): Promise<void> {
  const tell = new Narrator(url, say)
  const users = await arrival(tell)
  const keys = await saveKeys(tell)
  const plot: Plot = { tell, users, keys, erasureId: '', receipt: '' }
  await lookBeforeDeleting(plot)
  const others = await answersAbout(tell, [users.alice, users.carol])
  plot.erasureId = await deletion(plot)
  await nothingHoldsBob(plot)
  await lateCalls(plot)
  plot.receipt = await erasure(plot)
  await proof(plot)
  tell.chapter('The others are untouched')
  const othersNow = await answersAbout(tell, [users.alice, users.carol])
  tell.expect(
    `${others.length} answers about Alice and Carol are byte for byte those of before`,
    othersNow,
    others,
  )
  await comingBack(plot)
}

async function arrival(tell: Narrator): Promise<Users> {
  const cast = makeCast()
  const users: Partial<Record<keyof Users, User>> = {}
  for (const key of ['alice', 'bob', 'carol'] as const) {
    const person = cast[key]
    tell.chapter(`${person.name} arrives, on ${person.registration.platform}`)
    users[key] = await register(tell, person)
    await setTagsAndAlias(tell, users[key])
  }
  return users as Users
}

async function register(tell: Narrator, person: Person): Promise<User> {
  const answer = await tell.call(`POST ${registrations}`, { body: person.registration })
  tell.expect(
    '201, with an id and a secret of its own',
    [answer.status, Object.keys(answer.json)],
    [201, ['registration_id', 'device_secret']],
  )
  const { registration_id, device_secret } = answer.json as { registration_id: string; device_secret: string }
  return { ...person, id: registration_id, secret: device_secret }
}

/** By the customer's server, as the Tag Alias API does it. */
async function setTagsAndAlias(tell: Narrator, { id, tags, alias }: User): Promise<void> {
  const body = { tags: { add: tags }, alias }
  const answer = await tell.call(`POST /v4/devices/${id}`, { authorization, body })
  tell.expect('tags and alias are set', [answer.status, answer.text], [200, success])
}

async function saveKeys(tell: Narrator): Promise<string> {
  tell.chapter('The keys that verify receipts are saved, before anything is deleted')
  const answer = await tell.call('GET /.well-known/jwks.json')
  tell.expect('there is a key', (answer.json['keys'] as unknown[]).length, 1)
  return answer.text
}

/** "Query tag and alias information" and "check audience", as the document recommends. */
async function lookBeforeDeleting({ tell, users: { bob } }: Plot): Promise<void> {
  tell.chapter('Before the deletion: who is it?')
  const device = await tell.call(`GET /v4/devices/${bob.id}`, { authorization })
  tell.expect('the Tag Alias API shows his tags and alias', device.json, {
    tags: [...bob.tags].sort(),
    alias: bob.alias,
  })
  const self = await tell.call(`GET ${registrations}/${bob.id}`, { authorization: `Bearer ${bob.secret}` })
  tell.expect(
    'his own client reads his language and time zone',
    [self.json['language'], self.json['timezone']],
    ['zh-Hans-CN', 'Asia/Shanghai'],
  )
  const own = encodeURIComponent(bob.tags[1] ?? '')
  const counts = await tell.call(`GET /v4/tags_count?tags=${sharedTag}&tags=${own}`, { authorization })
  tell.expect('three get the newsletter, one has his own tag', counts.json, {
    tagsCount: { [sharedTag]: 3, [bob.tags[1] ?? '']: 1 },
  })
  const quota = await tell.call(`GET /v4/tags/quota-info`, { authorization })
  const { useTagQuota, useAliasQuota } = quota.json['data'] as Record<string, number>
  tell.expect('three tags and three aliases are in use', [useTagQuota, useAliasQuota], [3, 3])
}

async function deletion({ tell, users: { bob } }: Plot): Promise<string> {
  tell.chapter('Bob is deleted')
  const answer = await tell.call(`DELETE /v4/devices/${bob.id}`, { authorization })
  tell.expect(
    'the documented answer',
    [answer.status, answer.headers.get('content-type'), answer.text],
    [200, 'application/json; charset=utf-8', success],
  )
  const erasureId = answer.headers.get('lethe-erasure') ?? ''
  tell.expect(`Lethe-Erasure names the erasure: ${erasureId}`, /^[A-Za-z0-9_-]{16,64}$/.test(erasureId), true)
  return erasureId
}

async function nothingHoldsBob({ tell, users: { alice, bob, carol } }: Plot): Promise<void> {
  tell.chapter('From that moment nothing holds him')
  const ask = (line: `${string} ${string}`, body?: unknown) => tell.call(line, { authorization, body })
  const own = encodeURIComponent(bob.tags[1] ?? '')

  const device = await ask(`GET /v4/devices/${bob.id}`)
  tell.expect('his id is unknown', [device.status, device.json], [400, unknownId])
  const alias = await ask(`GET /v4/aliases/${encodeURIComponent(bob.alias)}`)
  tell.expect('nobody holds his alias', alias.text, '{"registration_ids":[]}')
  const tags = await ask('GET /v4/tags')
  tell.expect('his tag is in no list', tags.json, { tags: ['garden', sharedTag] })
  const counts = await ask(`GET /v4/tags_count?tags=${sharedTag}&tags=${own}`)
  tell.expect('no count has him', counts.json, { tagsCount: { [sharedTag]: 2, [bob.tags[1] ?? '']: 0 } })
  const member = await ask(`GET /v4/tags/${sharedTag}/registration_ids/${bob.id}`)
  tell.expect('he is no member of a tag', [member.status, member.json], [400, unknownId])
  const status = await ask('POST /v4/devices/status', { registration_ids: [alice.id, bob.id, carol.id] })
  tell.expect('the status leaves him out', status.json, [
    { regid: alice.id, online: true },
    { regid: carol.id, online: true },
  ])
  const quota = await ask(`GET /v4/tags/quota-info?tags=${own}`)
  const { useTagQuota, useAliasQuota, tagUidQuotaDetail } = quota.json['data'] as Record<string, unknown>
  tell.expect(
    'no quota has him',
    [useTagQuota, useAliasQuota, tagUidQuotaDetail],
    [2, 2, [{ tagName: bob.tags[1], totalUidQuota: 100_000, useUidQuota: 0 }]],
  )
}

async function lateCalls({ tell, users: { alice, bob }, erasureId }: Plot): Promise<void> {
  tell.chapter('Whatever comes late is refused and changes nothing')
  const own = `Bearer ${bob.secret}`
  const heartbeat = await tell.call(`PUT ${registrations}/${bob.id}`, { authorization: own, body: {} })
  tell.expect(
    'his own client hears 410: gone for good',
    [heartbeat.status, heartbeat.json],
    [410, { error: { code: 20101, message: 'the user with this registration id was deleted' } }],
  )
  const change = { tags: { add: ['late'] }, alias: 'late' }
  const tagged = await tell.call(`POST /v4/devices/${bob.id}`, { authorization, body: change })
  tell.expect('a late tag call is refused', [tagged.status, tagged.json], [400, unknownId])
  const body = { registration_ids: { add: [alice.id, bob.id] } }
  const listed = await tell.call('POST /v4/tags/garden', { authorization, body })
  tell.expect(
    'in a list he is skipped, and counted',
    [listed.status, listed.text, listed.headers.get('lethe-skipped')],
    [200, success, '1'],
  )
  const { token } = bob.registration
  const tokens = { platform: 'android', tokens: [token] }
  const given = await tell.call('POST /v4/devices/token/registration_id', { authorization, body: tokens })
  const [result] = given.json['results'] as Record<string, unknown>[]
  tell.expect(
    'his token cannot be registered behind his back',
    [given.status, result?.['token'], result?.['code'], result?.['is_new'], result?.['registration_id']],
    [200, token, 20101, false, undefined],
  )
  const again = await tell.call(`DELETE /v4/devices/${bob.id}`, { authorization })
  tell.expect(
    'deleting him again gives the same answer and names the same erasure',
    [again.status, again.text, again.headers.get('lethe-erasure')],
    [200, success, erasureId],
  )
}

async function erasure({ tell, users: { bob }, erasureId }: Plot): Promise<string> {
  tell.chapter('His erasure is watched')
  const line = `GET /v4/erasures/${erasureId}` as const
  const end = performance.now() + erasedWithinMs
  let answer = await tell.quietCall(line, { authorization })
  const states = [String(answer.json['state'])]
  while (states.at(-1) !== 'erased' && performance.now() < end) {
    await sleep(pollMs)
    answer = await tell.quietCall(line, { authorization })
    const state = String(answer.json['state'])
    if (state !== states.at(-1)) states.push(state)
  }
  tell.remark(`GET /v4/erasures/${erasureId}: ${states.join(' … ')}`)
  tell.expect('it comes to its end', [answer.status, states.at(-1)], [200, 'erased'])
  tell.remark(
    `hidden ${answer.json['hidden_at']}, removed ${answer.json['removed_at']}, erased ${answer.json['erased_at']}`,
  )
  tell.expect('his row and his two tags were removed', answer.json['removed'], { device: 1, device_tag: 2 })
  const byId = await tell.call(`GET /v4/devices/${bob.id}/erasure`, { authorization })
  tell.expect('it is found by his id as well', byId.text, answer.text)
  return String(answer.json['receipt'])
}

async function proof({ tell, users: { bob }, keys, receipt, erasureId }: Plot): Promise<void> {
  tell.chapter('The receipt proves it, offline, with the keys saved before')
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-story-'))
  try {
    const [receiptFile, changedFile, keysFile] = ['receipt.jws', 'changed.jws', 'jwks.json'].map((name) =>
      path.join(folder, name),
    ) as [string, string, string]
    writeFileSync(receiptFile, receipt)
    writeFileSync(changedFile, changed(receipt))
    writeFileSync(keysFile, keys)
    const verified = await runLethe(['receipt', 'verify', receiptFile, '--keys', keysFile, '--json'])
    tell.remark('lethe receipt verify receipt.jws --keys jwks.json')
    const { valid, claims } = parseVerdict(verified.stdout)
    tell.expect(
      'it is valid, for this erasure',
      [verified.code, valid, claims?.['jti']],
      [0, true, erasureId],
    )
    const text = JSON.stringify(claims)
    const marks = [bob.id, bob.alias, bob.registration['token'], ...bob.tags, bob.registration['timezone']]
    tell.expect(
      'it names nobody',
      marks.filter((mark) => text.includes(String(mark))),
      [],
    )
    const refused = await runLethe(['receipt', 'verify', changedFile, '--keys', keysFile])
    tell.expect('a changed one is refused', refused.code, 1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** "Open the app again": the app registers afresh, and the same phone gives the same token. */
async function comingBack({ tell, users: { bob } }: Plot): Promise<void> {
  tell.chapter('Bob opens the app again')
  const { token } = bob.registration
  const { id, secret } = await register(tell, { ...bob, registration: { platform: 'android', token } })
  tell.expect('he is somebody new', id === bob.id, false)
  const device = await tell.call(`GET /v4/devices/${id}`, { authorization })
  tell.expect('without tags and alias', device.text, '{"tags":[],"alias":""}')
  const self = await tell.call(`GET ${registrations}/${id}`, { authorization: `Bearer ${secret}` })
  const { language, timezone, model, reachable } = self.json
  tell.expect(
    'and nothing else was inherited',
    { language, timezone, model, reachable },
    {
      language: null,
      timezone: null,
      model: null,
      reachable: true,
    },
  )
  const tokens = { platform: 'android', tokens: [token] }
  const given = await tell.call('POST /v4/devices/token/registration_id', { authorization, body: tokens })
  const [result] = given.json['results'] as Record<string, unknown>[]
  tell.expect('his token is his new one’s', [result?.['registration_id'], result?.['is_new']], [id, false])
  const old = await tell.call(`GET /v4/devices/${bob.id}`, { authorization })
  tell.expect('his old id stays unknown', [old.status, old.json], [400, unknownId])
  const late = await tell.call(`PUT ${registrations}/${bob.id}`, {
    authorization: `Bearer ${secret}`,
    body: {},
  })
  tell.expect('and deleted for good', late.status, 410)
}

/** Everything that can be read of these users, as it comes. */
async function answersAbout(tell: Narrator, users: User[]): Promise<string[]> {
  const answers: string[] = []
  for (const { id, secret, alias, tags } of users) {
    const shown = async (answer: Promise<Answer>) => {
      const { status, text } = await answer
      answers.push(`${status} ${text}`)
    }
    await shown(tell.quietCall(`GET /v4/devices/${id}`, { authorization }))
    await shown(tell.quietCall(`GET ${registrations}/${id}`, { authorization: `Bearer ${secret}` }))
    await shown(tell.quietCall(`GET /v4/aliases/${alias}`, { authorization }))
    for (const tag of tags)
      await shown(tell.quietCall(`GET /v4/tags/${tag}/registration_ids/${id}`, { authorization }))
    const body = { registration_ids: [id] }
    await shown(tell.quietCall('POST /v4/devices/status', { authorization, body }))
  }
  return answers
}

/** The receipt with one claim changed and its signature kept. */
function changed(receipt: string): string {
  const [header = '', payload = '', signature = ''] = receipt.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  const forged = JSON.stringify({ ...claims, app_key: 'somebody-else' })
  return [header, Buffer.from(forged).toString('base64url'), signature].join('.')
}

function parseVerdict(text: string): { valid?: boolean; claims?: Record<string, unknown> } {
  try {
    return JSON.parse(text) as { valid: boolean; claims?: Record<string, unknown> }
  } catch {
    return {}
  }
}

function runLethe(args: string[]): Promise<{ code: number | null; stdout: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [lethe, ...args], { env: environment() }, (_, stdout) =>
      resolve({ code: child.exitCode, stdout }),
    )
  })
}
