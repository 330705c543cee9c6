// The OpenAPI document, as a server with an empty database gives it.
import path from 'node:path'
import { createApp, prepareDatabase, writerThread } from '../../packages/server/src/app.ts'
import { systemClock } from '../../packages/server/src/kernel/clock.ts'
import { silentLog } from '../../packages/server/src/kernel/log.ts'
import { systemRandom } from '../../packages/server/src/kernel/random.ts'
import type { Db } from '../../packages/server/src/schema.ts'
import { openSqlite } from '../../packages/server/src/storage/sqlite/sqlite-database.ts'

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
}

export interface OpenApiOperation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
}

/** `directory`: an empty folder for the database. */
export async function readOpenApi(directory: string): Promise<OpenApi> {
  const clock = systemClock()
  const database: Db = await openSqlite({
    file: path.join(directory, 'lethe.sqlite'),
    writerThread,
    clock,
    onFault: (error) => {
      throw error
    },
  })
  try {
    const deps = {
      database,
      secretKey: new Uint8Array(32),
      clock,
      random: systemRandom,
      log: silentLog,
      settings: {},
      version: '0',
    }
    await prepareDatabase(deps)
    const app = await createApp(deps)
    const openApi = app.http.openApi() as OpenApi
    await app.stop()
    return openApi
  } finally {
    await database.close()
  }
}
