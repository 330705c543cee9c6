/** A whole server for tests of the HTTP surface: real SQLite, no socket unless asked for. */

import { type AppDeps, createApp, type FirstStart, prepareDatabase, type RunningApp } from '../../src/app.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { silentLog } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import { openTestSqlite, type TestDatabase } from './engines.ts'

export const APP_KEY = 'aladdin'
export const MASTER_SECRET = 'opensesame'
export const OPERATOR_TOKEN = 'operator-token-of-the-tests'

export interface TestApp {
  readonly app: RunningApp
  readonly deps: AppDeps
  readonly firstStart: FirstStart
  /** Headers of the server API. */
  readonly basic: { readonly authorization: string }
  /** Headers of the operator API. */
  readonly bearer: { readonly authorization: string }
  close(): Promise<void>
}

export async function startTestApp(
  settings: AppDeps['settings'] = {},
  given: { database?: TestDatabase; deps?: Partial<AppDeps> } = {},
): Promise<TestApp> {
  const opened = given.database ?? (await openTestSqlite())
  const deps: AppDeps = {
    database: opened.database,
    secretKey: new Uint8Array(32).fill(1),
    clock: systemClock(),
    random: systemRandom,
    log: silentLog,
    settings: { appKey: APP_KEY, masterSecret: MASTER_SECRET, operatorToken: OPERATOR_TOKEN, ...settings },
    version: '0.0.0',
    ...given.deps,
  }
  const firstStart = await prepareDatabase(deps)
  const app = await createApp(deps)
  return {
    app,
    deps,
    firstStart,
    basic: { authorization: basicAuth(APP_KEY, MASTER_SECRET) },
    bearer: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    close: async () => {
      await app.stop()
      if (!given.database) await opened.close()
    },
  }
}

export function basicAuth(appKey: string, secret: string): string {
  return `Basic ${Buffer.from(`${appKey}:${secret}`).toString('base64')}`
}
