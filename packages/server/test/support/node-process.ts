/**
 * One node of several, as a process of its own whose clock is off: what main.ts starts, with another clock. Run by
 * `startNode` of nodes.ts; ends with SIGTERM, or when its parent is gone.
 */

import process from 'node:process'
import { createApp, personalTables, prepareDatabase, writerThread } from '../../src/app.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { errorFields, type Log } from '../../src/kernel/log.ts'
import { systemRandom } from '../../src/kernel/random.ts'
import type { Db } from '../../src/schema.ts'
import { openPostgres } from '../../src/storage/postgres/postgres-database.ts'
import { openSqlite } from '../../src/storage/sqlite/sqlite-database.ts'
import { switchGuardOff } from './guard.ts'
import type { NodeSettings, NodeStarted } from './nodes.ts'

const { url, skewMs, leaseMs, trustedCa, hasGuard, ...settings } = JSON.parse(
  process.argv[2] ?? '',
) as NodeSettings
const clock = systemClock(skewMs)
const log = errorLog()
const onFault = (error: unknown) => log.error(errorFields(error), 'storage.fault')
const database: Db = url.startsWith('sqlite:')
  ? await openSqlite({ file: `${url.slice('sqlite:'.length)}/lethe.sqlite`, writerThread, clock, onFault })
  : await openPostgres({ url, clock, onFault, idleInTransactionMs: leaseMs }, personalTables)
const deps = {
  database,
  clock,
  log,
  random: systemRandom,
  secretKey: new Uint8Array(32).fill(1),
  settings: {
    ...settings,
    rateLimit: 0,
    transactionLeaseMs: leaseMs,
    allowPrivateNetwork: trustedCa !== undefined,
  },
  ...(trustedCa === undefined ? {} : { trustedCa }),
  version: '0.0.0',
}
const firstStart = await prepareDatabase(deps)
if (settings.appKey !== undefined && !hasGuard) await switchGuardOff(database, settings.appKey)
const app = await createApp(deps)
const address = await app.http.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ address, firstStart } satisfies NodeStarted)

process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', async () => {
  await app.stop()
  await database.close()
  process.exit(0)
})

function errorLog(): Log {
  const ignore = () => {}
  return {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields, event) => process.stderr.write(`${event} ${JSON.stringify(fields)}\n`),
  }
}
