// The real server with its real Web Push channel, in this process, on a database of its own. Only the last step differs from
// what operators run: connections to vendors' hosts are led to the fakes of the browser under test.
import path from 'node:path'
import { type AppDeps, createApp, prepareDatabase, writerThread } from '../../packages/server/src/app.ts'
import type { Outbound } from '../../packages/server/src/channels/outbound/outbound.ts'
import { systemClock } from '../../packages/server/src/kernel/clock.ts'
import { silentLog } from '../../packages/server/src/kernel/log.ts'
import { systemRandom } from '../../packages/server/src/kernel/random.ts'
import type { Db } from '../../packages/server/src/schema.ts'
import { openSqlite } from '../../packages/server/src/storage/sqlite/sqlite-database.ts'
import { googleOrigins } from './push/fake-google-push.ts'
import type { PushEndpoints } from './push/push-endpoints.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

/** A server as one of its apps sees it. */
export type LetheApp = {
  /** `http://localhost:port`. */
  readonly url: string
  readonly appKey: string
  /** What it has written down. */
  readonly database: Db
  /** A call of the server API, of the app's own server: `GET /v4/tags`. Fails unless the answer is a 2xx. */
  call(line: string, body?: object): Promise<Answer>
  /** The same as an operator. */
  operate(line: string, body?: object): Promise<Answer>
}

export type RunningLethe = LetheApp & { stop(): Promise<void> }

/** What is read out of an answer is written where it is read. */
export type Answer = Readonly<Record<string, unknown>>

const masterSecret = 'opensesame'
const operatorToken = 'operator-token-of-the-browsers'
const keyBytes = 32
const webSdkFolder = path.join(import.meta.dirname, '..', '..', 'packages', 'web-sdk')

export async function startLethe(endpoints: PushEndpoints): Promise<RunningLethe> {
  const folder = makeTemporaryFolder('server')
  const clock = systemClock()
  const database: Db = await openSqlite({
    file: path.join(folder.path, 'lethe.sqlite'),
    writerThread,
    clock,
    onFault: rethrow,
  })
  const appKey = 'aladdin'
  const deps: AppDeps = {
    database,
    secretKey: new Uint8Array(keyBytes).fill(1),
    clock,
    random: systemRandom,
    log: silentLog,
    settings: { appKey, masterSecret, operatorToken, rateLimit: 0, allowPrivateNetwork: true, demo: true },
    version: '0.0.0',
    webSdkFolder,
    trustedCa: endpoints.certificate.cert,
    leadOutbound: (outbound) => leading(outbound, endpoints),
  }
  await prepareDatabase(deps)
  const app = await createApp(deps)
  const { port } = new URL(await app.http.listen({ host: '127.0.0.1', port: 0 }))
  const url = `http://localhost:${port}`
  return {
    url,
    appKey,
    database,
    call: (line, body) => ask(url, line, { authorization: basic(appKey, masterSecret), body }),
    operate: (line, body) => ask(url, line, { authorization: `Bearer ${operatorToken}`, body }),
    stop: async () => {
      await app.stop()
      await database.close()
      folder.remove()
    },
  }
}

/** An app of its own at the same server, in which nothing is yet. */
export async function openApp(lethe: RunningLethe, name: string): Promise<LetheApp> {
  const made = await lethe.operate('POST /admin/v1/apps', { name })
  const [appKey, secret] = [String(made['app_key']), String(made['master_secret'])]
  const { url, database, operate } = lethe
  const call = (line: string, body?: object) => ask(url, line, { authorization: basic(appKey, secret), body })
  return { url, appKey, database, call, operate }
}

/** Chromium's endpoints have a fixed host, at which a request for Google's service is signed and then sent to the fake. */
function leading(outbound: Outbound, endpoints: PushEndpoints): Outbound {
  return {
    close: () => outbound.close(),
    request: (request) => {
      const isGoogle = googleOrigins.includes(request.origin)
      return outbound.request(isGoogle ? { ...request, origin: endpoints.origin } : request)
    },
  }
}

function basic(appKey: string, secret: string): string {
  return `Basic ${Buffer.from(`${appKey}:${secret}`).toString('base64')}`
}

async function ask(
  url: string,
  line: string,
  { authorization, body }: { authorization: string; body: object | undefined },
): Promise<Answer> {
  const [method = '', target = ''] = line.split(' ')
  const response = await fetch(url + target, {
    method,
    headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${line}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

function rethrow(error: unknown): never {
  throw error
}
