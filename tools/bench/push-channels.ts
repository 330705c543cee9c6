// size: each measurement is read from top to bottom, what it is made of included.
// How many sends a second a channel does with one core, beside the library that it replaces, against a process that answers
// after a fixed delay. A core's worth is counted in processor time of this process, threads that encrypt included.
import { type ChildProcess, fork } from 'node:child_process'
import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once, setMaxListeners } from 'node:events'
import { Agent } from 'node:https'
import path from 'node:path'
import type { Push } from '@lethe/protocol/push.ts'
import apn from '@parse/node-apn'
import webpush from 'web-push'
import { createApnsChannel } from '../../packages/server/src/channels/apns/apns-channel.ts'
import { parseApnsCredentials } from '../../packages/server/src/channels/apns/credentials.ts'
import type { Address, Channel, Gate } from '../../packages/server/src/channels/channel.ts'
import { parseFcmCredentials } from '../../packages/server/src/channels/fcm/credentials.ts'
import { createFcmChannel } from '../../packages/server/src/channels/fcm/fcm-channel.ts'
import { createOutbound } from '../../packages/server/src/channels/outbound/create-outbound.ts'
import { mintWebPushCredentials } from '../../packages/server/src/channels/web-push/credentials.ts'
import { createEncryptionPool } from '../../packages/server/src/channels/web-push/encryption-pool.ts'
import { createWebPushChannel } from '../../packages/server/src/channels/web-push/web-push-channel.ts'
import { systemClock } from '../../packages/server/src/kernel/clock.ts'
import type { RegistrationId, Token } from '../../packages/server/src/kernel/personal.ts'
import { systemRandom } from '../../packages/server/src/kernel/random.ts'
import type { PushSection } from './push.ts'
import { format, type Result } from './results.ts'
import type { SinkStarted } from './vendor-sink.ts'

const goals = { webPush: 4_000, webPushTimes: 4, vendor: 8_000 }
const delayMs = 40

export const channels: PushSection = async (input, add) => {
  await measureWebPush(input, add)
  await measureFcm(input, add)
  await measureApns(input, add)
}

type Sink = SinkStarted & { origin: string; stop(): Promise<void> }

async function startSink(delay: number): Promise<Sink> {
  const child: ChildProcess = fork(path.join(import.meta.dirname, 'vendor-sink.ts'), [String(delay)])
  const [started] = (await once(child, 'message')) as [SinkStarted]
  return {
    ...started,
    origin: `https://localhost:${started.port}`,
    stop: async () => {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

type Measured = { perSecond: number; perCore: number; cpuMicroseconds: number }

/** Keeps so many sends under way until all are done. `send` answers whether the vendor took it. */
async function measure(given: {
  count: number
  atOnce: number
  send: (index: number) => Promise<boolean>
}): Promise<Measured> {
  const { count, atOnce, send } = given
  let next = 0
  let taken = 0
  const begunAt = performance.now()
  const cpu = process.cpuUsage()
  const lane = async () => {
    while (next < count) if (await send(next++)) taken++
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  const seconds = (performance.now() - begunAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  if (taken !== count) throw new Error(`${taken} of ${count} sends were taken.`)
  const cpuMicroseconds = (user + system) / count
  return { perSecond: count / seconds, perCore: 1_000_000 / cpuMicroseconds, cpuMicroseconds }
}

function wordsOf({ perSecond, cpuMicroseconds }: Measured): string {
  return `${format(perSecond, '/s')} on the clock, ${Math.round(cpuMicroseconds)} µs of processor time each`
}

const never = new AbortController().signal
setMaxListeners(0, never)
const gate: Gate = { confirm: async () => true, holds: () => true, signal: never }

function sender<Rendered>(channel: Channel<Rendered>, push: Push, addresses: readonly Address[]) {
  const [platform] = push.platforms
  if (platform === undefined) throw new Error('A push to no platform.')
  const rendered = channel.render({
    msgId: 1,
    platform,
    push,
    language: null,
    collapseId: '1',
    overriddenMsgId: null,
  })
  return async (index: number) => {
    const address = addresses[index % addresses.length]
    if (!address) throw new Error('There is nobody to send to.')
    const input = { rendered, address, ttlSeconds: 3_600, expiresAtSeconds: 1_900_000_000, gate }
    const outcome = await channel.send(input)
    return outcome.kind === 'accepted'
  }
}

const OPTIONS = {
  timeToLiveSeconds: 3_600,
  bigPushMinutes: 0,
  languages: [],
  channelOrder: { android: 'vendorFirst', web: 'vendorFirst' },
  classification: 'operational',
} as const

const TEXT =
  'A text of the length that notifications have in practice, which is about a hundred characters long.'

async function measureWebPush(
  { isQuick, say }: Parameters<PushSection>[0],
  add: (result: Result) => void,
): Promise<void> {
  const sink = await startSink(0)
  const subscriptions = Array.from({ length: 500 }, (_, index) => {
    const ecdh = createECDH('prime256v1')
    ecdh.generateKeys()
    const keys = { p256dh: ecdh.getPublicKey('base64url'), auth: randomBytes(16).toString('base64url') }
    return { endpoint: `${sink.origin}/push/${index}`, keys }
  })
  const credentials = mintWebPushCredentials('mailto:bench@example.com')
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: sink.ca })
  const encryption = createEncryptionPool({
    threadCount: 1,
    onFault: (error) => {
      throw error
    },
  })
  const channel = createWebPushChannel(
    { outbound, encryption, clock: systemClock(), eventTokenFor: () => 'A'.repeat(22) },
    credentials,
  )
  const push: Push = {
    platforms: ['web'],
    content: { kind: 'notification', web: { alert: { title: 'Title', body: TEXT }, buttons: [] } },
    options: OPTIONS,
  }
  const addresses = subscriptions.map(
    ({ endpoint, keys }): Address => ({
      token: endpoint as Token,
      p256dh: keys.p256dh as Token,
      auth: keys.auth as Token,
      environment: null,
      registrationId: 'bench' as RegistrationId,
    }),
  )
  const send = sender(channel, push, addresses)
  const agent = new Agent({ ca: sink.ca, keepAlive: true, maxSockets: 50 })
  const theirText = JSON.stringify({ title: 'Title', body: TEXT, msg_id: '1' })
  const theirs = async (index: number) => {
    const subscription = subscriptions[index % subscriptions.length]
    if (!subscription) return false
    const options = { vapidDetails: credentials, TTL: 3_600, agent }
    return (await webpush.sendNotification(subscription, theirText, options)).statusCode === 201
  }
  const count = isQuick ? 3_000 : 30_000
  await measure({ count: 1_000, atOnce: 200, send })
  await measure({ count: 500, atOnce: 50, send: theirs })
  // In turns, the best of each: whatever else the machine does meanwhile makes both slower.
  const ours: Measured[] = []
  const library: Measured[] = []
  for (let round = 0; round < 3; round++) {
    ours.push(await measure({ count, atOnce: 400, send }))
    library.push(await measure({ count: Math.round(count / 5), atOnce: 100, send: theirs }))
  }
  const best = bestOf(ours)
  const bestOfTheirs = bestOf(library)
  say(`Web Push: ${wordsOf(best)}; web-push: ${wordsOf(bestOfTheirs)}`)
  add({
    what: 'Web Push, sends per core',
    value: best.perCore,
    unit: '/s',
    goal: goals.webPush,
    beside: wordsOf(best),
  })
  add({
    what: 'Web Push, times `web-push`, on the clock',
    value: best.perSecond / bestOfTheirs.perSecond,
    unit: '×',
    goal: goals.webPushTimes,
    beside: `${wordsOf(bestOfTheirs)}; ${(best.perCore / bestOfTheirs.perCore).toFixed(1)} times by processor time`,
  })
  agent.destroy()
  await encryption.close()
  await outbound.close()
  await sink.stop()
}

function bestOf(runs: readonly Measured[]): Measured {
  return runs.reduce((best, one) => (one.perSecond > best.perSecond ? one : best))
}

async function measureFcm(
  { isQuick, say }: Parameters<PushSection>[0],
  add: (result: Result) => void,
): Promise<void> {
  const sink = await startSink(delayMs)
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const parsed = parseFcmCredentials({
    type: 'service_account',
    project_id: 'bench-project',
    client_email: 'bench@example.com',
    private_key: privateKey,
    token_uri: `${sink.origin}/token`,
    endpoint: sink.origin,
  })
  if (!parsed.ok) throw new Error(parsed.reason)
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: sink.ca })
  // Google's quota is 10,000 a second; here nobody counts.
  const rate = { messagesPerMinute: 60_000_000, burst: 1_000_000 }
  const channel = createFcmChannel(
    { outbound, clock: systemClock(), random: systemRandom, rate },
    parsed.value,
  )
  const push: Push = {
    platforms: ['android'],
    content: { kind: 'notification', android: { alert: { title: 'Title', body: TEXT } } },
    options: OPTIONS,
  }
  const send = sender(
    channel,
    push,
    tokens((n) => `token-${'x'.repeat(140)}-${n}`),
  )
  const count = isQuick ? 5_000 : 60_000
  await measure({ count: 2_000, atOnce: 1_000, send })
  const best = bestOf(await inTurn([1, 2, 3], () => measure({ count, atOnce: 1_000, send })))
  say(`FCM: ${wordsOf(best)}`)
  add({
    what: `FCM, sends per core, answers after ${delayMs} ms`,
    value: best.perCore,
    unit: '/s',
    goal: goals.vendor,
    beside: wordsOf(best),
  })
  await channel.close()
  await outbound.close()
  await sink.stop()
}

async function measureApns(
  { isQuick, say }: Parameters<PushSection>[0],
  add: (result: Result) => void,
): Promise<void> {
  const sink = await startSink(delayMs)
  const { privateKey: key } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const names = { keyId: 'BENCH00001', teamId: 'BENCH00002', topic: 'com.example.bench' }
  const parsed = parseApnsCredentials({ key, ...names, endpoint: sink.origin })
  if (!parsed.ok) throw new Error(parsed.reason)
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: sink.ca })
  const channel = createApnsChannel({ outbound, clock: systemClock() }, parsed.value)
  const push: Push = {
    platforms: ['ios'],
    content: { kind: 'notification', ios: { alert: { title: 'Title', body: TEXT } } },
    options: OPTIONS,
  }
  const addresses = tokens((n) => n.toString(16).padStart(64, '0'))
  const send = sender(channel, push, addresses)
  const provider = new apn.Provider({
    token: { key, keyId: names.keyId, teamId: names.teamId },
    address: 'localhost',
    port: sink.port,
    ca: [sink.ca],
    production: true,
  })
  const notification = new apn.Notification({ alert: { title: 'Title', body: TEXT }, topic: names.topic })
  const theirs = async (index: number) => {
    const { sent } = await provider.send(notification, addresses[index % addresses.length]?.token ?? '')
    return sent.length === 1
  }
  const count = isQuick ? 5_000 : 60_000
  await measure({ count: 2_000, atOnce: 1_000, send })
  const best = bestOf(await inTurn([1, 2, 3], () => measure({ count, atOnce: 1_000, send })))
  const library = await tried(async () => {
    await measure({ count: 500, atOnce: 500, send: theirs })
    return bestOf(
      await inTurn([1, 2], () => measure({ count: Math.round(count / 5), atOnce: 900, send: theirs })),
    )
  })
  const beside = typeof library === 'string' ? library : wordsOf(library)
  say(`APNs: ${wordsOf(best)}; @parse/node-apn: ${beside}`)
  add({
    what: `APNs, sends per core, answers after ${delayMs} ms`,
    value: best.perCore,
    unit: '/s',
    goal: goals.vendor,
    beside: `${wordsOf(best)}; \`@parse/node-apn\`: ${beside}`,
  })
  await provider.shutdown()
  await channel.close()
  await outbound.close()
  await sink.stop()
}

function tokens(nameOf: (n: number) => string): Address[] {
  return Array.from({ length: 500 }, (_, n) => ({
    token: nameOf(n) as Token,
    p256dh: null,
    auth: null,
    environment: null,
    registrationId: `bench${n}` as RegistrationId,
  }))
}

async function inTurn<Item, Out>(items: readonly Item[], work: (item: Item) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = []
  for (const item of items) results.push(await work(item))
  return results
}

/** What it gave, or why not: another library's failure is a figure too. */
async function tried<Out>(work: () => Promise<Out>): Promise<Out | string> {
  try {
    return await work()
  } catch (error) {
    return `failed (${error instanceof Error ? error.message : error})`
  }
}
