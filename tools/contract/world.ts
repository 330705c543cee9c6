// What the client under test finds on a server: an app that sends to a stub, its users, and an app that may be called once
// a second.
import { createECDH, randomBytes } from 'node:crypto'
import { appKey, masterSecret, operatorToken } from '../server-process.ts'

/** python_sdk/check.py says what it holds. */
export type World = {
  readonly url: string
  readonly app_key: string
  readonly master_secret: string
  readonly slow: { readonly app_key: string; readonly master_secret: string }
  /** Registration ids by name. */
  readonly users: Readonly<Record<string, string>>
}

const slow = { app_key: 'slow', master_secret: 'opensesame' }

/** `web`, `android`, `ios` and `hmos` cannot be reached; the others are people, and the stub refuses the last. */
const registrations: Readonly<Record<string, object>> = {
  web: { platform: 'web' },
  android: { platform: 'android' },
  ios: { platform: 'ios' },
  hmos: { platform: 'hmos' },
  alice: { platform: 'web', subscription: subscription('https://push.example/alice') },
  bob: { platform: 'android', token: 'bob-'.padEnd(40, 'x') },
  carol: { platform: 'ios', token: 'ca'.repeat(32) },
  rita: { platform: 'android', token: 'stub-rejected-'.padEnd(40, 'x') },
}

export async function furnish(url: string): Promise<World> {
  const operator = { authorization: `Bearer ${operatorToken}` }
  await call(`${url}/admin/v1/apps/${appKey}/channels/stub`, { method: 'PUT', headers: operator, body: {} })
  await call(`${url}/admin/v1/apps`, { method: 'POST', headers: operator, body: { name: 'Slow', ...slow } })
  const settings = { limits: { requests_per_second: 1 } }
  await call(`${url}/admin/v1/apps/${slow.app_key}`, {
    method: 'PATCH',
    headers: operator,
    body: { settings },
  })
  const users: Record<string, string> = {}
  for (const [name, registration] of Object.entries(registrations)) {
    // A user's own client makes the user: no server can choose an id.
    const at = `${url}/client/v1/apps/${appKey}/registrations`
    const answer = await call(at, { method: 'POST', headers: {}, body: registration })
    users[name] = (answer as { registration_id: string }).registration_id
  }
  return { url, app_key: appKey, master_secret: masterSecret, slow, users }
}

/** A subscription as a browser makes it. */
function subscription(endpoint: string) {
  return {
    endpoint,
    keys: {
      p256dh: createECDH('prime256v1').generateKeys('base64url'),
      auth: randomBytes(16).toString('base64url'),
    },
  }
}

type Call = { method: string; headers: Readonly<Record<string, string>>; body: object }

async function call(url: string, { method, headers, body }: Call): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  if (!response.ok)
    throw new Error(`${method} ${new URL(url).pathname}: ${response.status} ${await response.text()}`)
  return response.json()
}
