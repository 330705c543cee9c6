// The same deletes as a removal, in bare SQL with nothing around: what the database itself can do, to compare with. The ids
// are known beforehand, nothing is counted, and one transaction is one batch.
import { openConnection } from '../../packages/server/src/storage/sqlite/connection.ts'
import { appKey, connectPostgres, type Place } from './place.ts'
import { erasureIdOf, idOf } from './users.ts'

/** The server's writer makes its own checkpoints, at this length of the log. */
const LOG_PAGES_MAX = 10_000

/** Users removed per second. */
export async function removeBare(place: Place, input: { count: number; batch: number }): Promise<number> {
  const startedAt = performance.now()
  if (place.engine === 'sqlite') removeOnSqlite(place.file, input)
  else await removeOnPostgres(place.url, input)
  return input.count / ((performance.now() - startedAt) / 1_000)
}

function removeOnSqlite(file: string, { count, batch }: { count: number; batch: number }): void {
  const connection = openConnection(file, { readonly: false })
  connection.pragma(`wal_autocheckpoint = ${LOG_PAGES_MAX}`)
  const deleteTags = connection.prepare('delete from device_tag where app_key = ? and registration_id = ?')
  const deleteDevice = connection.prepare('delete from device where app_key = ? and registration_id = ?')
  const mark = connection.prepare(
    `update erasure set state = 'verifying', removed_at = ?, removed = ?, run_at = ? where erasure_id = ?`,
  )
  for (let from = 0; from < count; from += batch) {
    connection.exec('begin immediate')
    for (let n = from; n < Math.min(from + batch, count); n++) {
      deleteTags.run(appKey, idOf(n))
      deleteDevice.run(appKey, idOf(n))
      mark.run(Date.now(), removed, Date.now(), erasureIdOf(n))
    }
    connection.exec('commit')
  }
  connection.close()
}

async function removeOnPostgres(
  url: string,
  { count, batch }: { count: number; batch: number },
): Promise<void> {
  const client = await connectPostgres(url)
  for (let from = 0; from < count; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - from) }, (_, index) => from + index)
    const ids = numbers.map(idOf)
    await client.query('begin')
    await client.query({ name: 'tags', text: DELETE_TAGS, values: [appKey, ids] })
    await client.query({ name: 'devices', text: DELETE_DEVICES, values: [appKey, ids] })
    await client.query({
      name: 'mark',
      text: MARK,
      values: [numbers.map(erasureIdOf), Date.now(), removed],
    })
    await client.query('commit')
  }
  await client.end()
}

const removed = JSON.stringify({ device_tag: 5, device: 1 })

const DELETE_TAGS = 'delete from device_tag where app_key = $1 and registration_id = any($2::text[])'
const DELETE_DEVICES = 'delete from device where app_key = $1 and registration_id = any($2::text[])'
const MARK = `update erasure set state = 'verifying', removed_at = $2, removed = $3, run_at = $2
  where erasure_id = any($1::text[])`
