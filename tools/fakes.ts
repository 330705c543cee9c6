// `npm run fakes [-- --folder <folder>]`: the fake push services, for anybody's development. They speak the real protocols on
// this machine, check what they get as strictly as the vendors do, and print every message that arrives, decrypted. Nothing
// leaves the machine.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startVendors, type Vendors } from './story/vendors.ts'

const pollMs = 200
/** So many browsers are subscribed, to be registered by the lines that are printed. */
const browserCount = 2

const browsers = new Map<string, ReturnType<Vendors['webPush']['subscribe']>>()
const phones = new Map<string, string>()

const { values } = parseArgs({ options: { folder: { type: 'string', default: './data/fakes' } } })
const vendors = await startVendors()
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
const files = writeCredentials(vendors, values.folder)
console.log(instructions(files))
await printMessages()
await vendors.stop()

type Files = Record<'ca' | 'fcm' | 'apns', string> & { apnsFlags: string }

function writeCredentials({ fcm, apns, authorities }: Vendors, folder: string): Files {
  mkdirSync(folder, { recursive: true })
  const file = (name: string) => path.join(folder, name)
  const { key, keyId, teamId, topic, endpoint } = apns.credentials()
  writeFileSync(file('ca.pem'), authorities)
  writeFileSync(file('fcm.json'), JSON.stringify(fcm.serviceAccount(), undefined, 2))
  writeFileSync(file('apns.p8'), key, { mode: 0o600 })
  const apnsFlags = `--key-id ${keyId} --team-id ${teamId} --topic ${topic} --endpoint ${endpoint}`
  return { ca: file('ca.pem'), fcm: file('fcm.json'), apns: file('apns.p8'), apnsFlags }
}

function instructions({ ca, fcm, apns, apnsFlags }: Files): string {
  return `The fakes run until Ctrl-C. In another terminal, start Lethe so that it trusts and reaches them:

  NODE_EXTRA_CA_CERTS=${ca} LETHE_ALLOW_PRIVATE_NETWORK=true npm start

Then give an app their credentials; APP is its key, and LETHE_OPERATOR_TOKEN was printed at the first start:

  npx lethe channel set $APP fcm --service-account ${fcm}
  npx lethe channel set $APP apns --key ${apns} ${apnsFlags}

Register users with addresses that the fakes know:

${registrations()
  .map(
    (body) =>
      `  curl -s http://127.0.0.1:7300/client/v1/apps/$APP/registrations -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`,
  )
  .join('\n')}

and push. What arrives is printed here:
`
}

function registrations(): object[] {
  const web = Array.from({ length: browserCount }, (_, index) => {
    const browser = vendors.webPush.subscribe()
    browsers.set(`browser ${index + 1}`, browser)
    return { platform: 'web', subscription: browser.toJSON() }
  })
  const android = `${randomBytes(16).toString('base64url')}:APA91b${randomBytes(100).toString('base64url')}`
  const ios = randomBytes(32).toString('hex')
  phones.set('android phone', android).set('iphone', ios)
  return [
    ...web,
    { platform: 'android', token: android },
    { platform: 'ios', token: ios, apns_production: true },
  ]
}

async function printMessages(): Promise<void> {
  const printed = new Map<string, number>()
  const printNew = (name: string, messages: readonly unknown[]) => {
    for (const message of messages.slice(printed.get(name) ?? 0))
      console.log(`${name}: ${JSON.stringify(message)}`)
    printed.set(name, messages.length)
  }
  while (!stopping.signal.aborted) {
    for (const [name, browser] of browsers)
      printNew(
        name,
        browser.received.map(({ text, ttlSeconds, urgency }) => ({ text, ttlSeconds, urgency })),
      )
    for (const [name, token] of phones)
      printNew(name, name === 'iphone' ? vendors.apns.received(token) : vendors.fcm.received(token))
    await sleep(pollMs, undefined, { signal: stopping.signal }).catch(() => {})
  }
}
