// The second part of the story: users on every channel, pushes that reach exactly the right ones, and a deleted user who gets
// nothing more. What arrived is told by the vendors, who are fakes that speak the real protocols.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { FakeSocketClient } from '../../packages/server/src/channels/socket/fake-socket-client.ts'
import { appKey, basicAuth, operatorToken } from '../server-process.ts'
import { newFcmToken } from './cast.ts'
import { Narrator, WrongAnswer } from './narrator.ts'
import type { Vendors } from './vendors.ts'

const authorization = basicAuth
const registrations = `/client/v1/apps/${appKey}/registrations`
const tag = 'sale'
/** An erasure may take a minute on a busy machine, and so may everything else. */
const waitMs = 60_000
const pollMs = 50

type Receiver = {
  name: string
  id: string
  /** The texts that came, the oldest first. */
  texts: () => string[]
}

type Cast = { wendy: Receiver; anton: Receiver; ines: Receiver; sam: Receiver; dora: Receiver }

type Scene = {
  tell: Narrator
  vendors: Vendors
  cast: Cast
  browser: ReturnType<Vendors['webPush']['subscribe']>
  socket: FakeSocketClient
}

/** Plays it against a server that was started with the vendors' environment. @throws WrongAnswer at the first wrong one. */
export async function playSending(url: string, vendors: Vendors, say: (line: string) => void): Promise<void> {
  const tell = new Narrator(url, say)
  await setChannels(tell, vendors)
  const scene = await arrivals(tell, url, vendors)
  try {
    const first = await pushToTag(scene, 'Half price today', ['wendy', 'anton', 'ines', 'sam'])
    await statisticsAgree(scene, first)
    await forgetAnton(scene)
    await pushToTag(scene, 'Last hours', ['wendy', 'ines', 'sam'])
    tell.expect('Anton got nothing more', scene.cast.anton.texts(), ['Half price today'])
    await withdrawn(scene)
    await forgetSam(scene)
  } finally {
    await scene.socket.close()
  }
}

async function setChannels(tell: Narrator, { fcm, apns }: Vendors): Promise<void> {
  tell.chapter('The operator sets the channels of the app')
  const bearer = { authorization: `Bearer ${operatorToken}` }
  const channels = `/admin/v1/apps/${appKey}/channels`
  const ofFcm = await tell.quietCall(`PUT ${channels}/fcm`, { ...bearer, body: fcm.serviceAccount() })
  tell.expect('FCM knows the service account', ofFcm.status, 200)
  const ofApns = await tell.quietCall(`PUT ${channels}/apns`, { ...bearer, body: apnsBody(apns) })
  tell.expect('APNs knows the key', [ofApns.status, ofApns.text.includes('PRIVATE')], [200, false])
}

function apnsBody(apns: Vendors['apns']): object {
  const { key, keyId, teamId, topic, endpoint } = apns.credentials() as unknown as Record<string, string>
  return { key, key_id: keyId, team_id: teamId, topic, endpoint }
}

async function arrivals(tell: Narrator, url: string, vendors: Vendors): Promise<Scene> {
  tell.chapter('Five users arrive, on every channel there is')
  const app = await tell.call(`GET /client/v1/apps/${appKey}`)
  const browser = vendors.webPush.subscribe(String(app.json['vapid_public_key']))
  const wendy = await register(tell, 'Wendy, in a browser', {
    platform: 'web',
    subscription: browser.toJSON(),
    tags: [tag],
  })
  const [phone, other] = [newFcmToken(), newFcmToken()]
  const anton = await register(tell, 'Anton, on Android', {
    platform: 'android',
    token: phone,
    tags: [tag],
  })
  const apple = randomBytes(32).toString('hex')
  const ines = await register(tell, 'Ines, on an iPhone', {
    platform: 'ios',
    token: apple,
    apns_production: true,
    tags: [tag],
  })
  const sam = await register(tell, 'Sam, who allows no notifications', { platform: 'web', tags: [tag] })
  const dora = await register(tell, 'Dora, on Android, without the tag', {
    platform: 'android',
    token: other,
  })
  const socket = new FakeSocketClient({
    url: `${url.replace('http', 'ws')}/client/v1/apps/${appKey}/socket`,
    registrationId: sam.id,
    deviceSecret: sam.secret,
  })
  tell.expect('Sam opens a socket of his own', await socket.welcomed, true)
  const ofFcm = (token: string) => () =>
    vendors.fcm.received(token).map((message) => textIn(message, ['android', 'notification', 'body']))
  const cast: Cast = {
    wendy: { name: 'Wendy', id: wendy.id, texts: () => browser.received.map(({ text }) => bodyIn(text)) },
    anton: { name: 'Anton', id: anton.id, texts: ofFcm(phone) },
    ines: { name: 'Ines', id: ines.id, texts: () => vendors.apns.received(apple).map(alertIn) },
    sam: {
      name: 'Sam',
      id: sam.id,
      texts: () => socket.messages.map((message) => textIn(message, ['body'])),
    },
    dora: { name: 'Dora', id: dora.id, texts: ofFcm(other) },
  }
  return { tell, vendors, cast, browser, socket }
}

async function register(tell: Narrator, who: string, body: object): Promise<{ id: string; secret: string }> {
  const answer = await tell.quietCall(`POST ${registrations}`, { body })
  tell.expect(`${who}, is registered`, answer.status, 201)
  const { registration_id: id, device_secret: secret } = answer.json as Record<string, string>
  return { id: id ?? '', secret: secret ?? '' }
}

/** Pushes to the holders of the tag, and waits until exactly these have the text. */
async function pushToTag(
  { tell, cast }: Scene,
  text: string,
  receivers: readonly (keyof Cast)[],
): Promise<string> {
  tell.chapter(`A push by tag: “${text}”`)
  const body = { to: { tag: [tag] }, body: { platform: 'all', notification: { alert: text } } }
  const answer = await tell.call('POST /v4/push', { authorization, body })
  tell.expect('accepted', answer.status, 200)
  await waitFor(
    () => `“${text}” reaches ${receivers.join(', ')}: until now ${JSON.stringify(textsOf(cast))}`,
    () => receivers.every((key) => cast[key].texts().includes(text)),
  )
  // Whoever should not have it has the time to get it by mistake.
  await sleep(500)
  const got = Object.entries(cast).flatMap(([key, { texts }]) => (texts().includes(text) ? [key] : []))
  const names = receivers.map((key) => cast[key].name).join(', ')
  tell.expect(`it came to ${names}, and to nobody else`, got, receivers)
  return String(answer.json['msg_id'])
}

async function statisticsAgree(
  { tell, cast, vendors, browser, socket }: Scene,
  msgId: string,
): Promise<void> {
  tell.chapter('Statistics agree with what the vendors have counted')
  const detail = await waitFor(
    () => 'everything is counted',
    async () => {
      const { json } = await tell.quietCall(`GET /v4/status/detail?message_ids=${msgId}`, { authorization })
      const counted = json[msgId] as Record<string, number> | undefined
      return counted?.['sent'] === 4 ? counted : undefined
    },
  )
  const atVendors =
    browser.received.length +
    vendors.fcm.counts.accepted +
    vendors.apns.counts.accepted +
    socket.messages.length
  tell.expect('four targets, four sent', [detail['targets'], detail['sent']], [4, atVendors])
  const ids = [cast.anton.id, cast.sam.id, cast.dora.id].join(',')
  const status = await tell.call(`GET /v4/status/message?message_id=${msgId}&registration_ids=${ids}`, {
    authorization,
  })
  const of = (id: string) => (status.json[id] as { status?: string } | undefined)?.status
  tell.expect(
    'sent to Anton, delivered to Sam, nothing about Dora',
    [of(cast.anton.id), of(cast.sam.id), of(cast.dora.id)],
    ['sent', 'delivered', undefined],
  )
}

async function forgetAnton({ tell, cast: { anton } }: Scene): Promise<void> {
  tell.chapter('Anton is deleted')
  const answer = await tell.call(`DELETE /v4/devices/${anton.id}`, { authorization })
  tell.expect('answered at once', [answer.status, answer.text], [200, '{"success":true}'])
  const erasureId = answer.headers.get('lethe-erasure') ?? ''
  const receipt = await waitFor(
    () => 'he is erased',
    async () => {
      const { json } = await tell.quietCall(`GET /v4/erasures/${erasureId}`, { authorization })
      return json['state'] === 'erased' ? String(json['receipt']) : undefined
    },
  )
  const claims = Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString()
  tell.expect(
    'his receipt names the vendor who knew his token',
    claims.includes('Firebase Cloud Messaging'),
    true,
  )
  tell.expect('and nothing about him', claims.includes(anton.id), false)
}

async function withdrawn({ tell, vendors, cast: { wendy }, browser }: Scene): Promise<void> {
  tell.chapter('A push is taken back in time')
  const askedBefore = vendors.webPush.requestCount
  browser.behaviour = { kind: 'answer', status: 503, headers: { 'retry-after': '1' } }
  const body = {
    to: { registration_id: [wendy.id] },
    body: { platform: 'all', notification: { alert: 'A mistake' } },
  }
  const pushed = await tell.call('POST /v4/push', { authorization, body })
  const asked = () => vendors.webPush.requestCount > askedBefore
  await waitFor(() => 'her push service is asked', asked)
  tell.remark('Her push service has no time for it, and wants to be asked again in a second.')
  const answer = await tell.call(`DELETE /v4/push/withdraw/${pushed.json['msg_id']}`, { authorization })
  tell.expect('withdrawn', answer.json, { request_id: '', msg_id: pushed.json['msg_id'] })
  browser.behaviour = { kind: 'take' }
  await sleep(2_500)
  tell.expect('Wendy never gets it', wendy.texts().includes('A mistake'), false)
}

async function forgetSam({ tell, cast: { sam }, socket }: Scene): Promise<void> {
  tell.chapter('Sam is deleted while his socket is open')
  const answer = await tell.call(`DELETE /v4/devices/${sam.id}`, { authorization })
  tell.expect('answered at once', answer.status, 200)
  tell.expect('his socket is closed, with the reason', (await socket.closed).code, 4410)
}

function textsOf(cast: Cast): Record<string, string[]> {
  return Object.fromEntries(Object.entries(cast).map(([key, { texts }]) => [key, texts()]))
}

async function waitFor<T>(what: () => string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + waitMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (performance.now() > deadline) throw new WrongAnswer(`In vain waited for: ${what()}`)
    await sleep(pollMs)
  }
}

/** The text of a Web Push, as the browser has decrypted it. */
function bodyIn(text: string | undefined): string {
  return text === undefined ? '(not decrypted)' : textIn(JSON.parse(text) as object, ['body'])
}

function alertIn(message: unknown): string {
  const { payload } = message as { payload: object }
  return textIn(payload, ['aps', 'alert'])
}

function textIn(value: unknown, path: readonly string[]): string {
  const found = path.reduce<unknown>(
    (inner, key) => (inner as Record<string, unknown> | undefined)?.[key],
    value,
  )
  return typeof found === 'string' ? found : JSON.stringify(found ?? null)
}
