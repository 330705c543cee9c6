/** SQL of the ledger: places in it, what stands in the database at them, and how far the files of the nodes have come. */

import type { RegistrationId } from '../../kernel/personal.ts'
import type { Read, Tables, Tx } from '../../schema.ts'
import { ONCE, statement } from '../../storage/statement.ts'
import { background } from '../../storage/unit.ts'
import type { LedgerEntry } from './ledger-line.ts'

/** Takes so many places and answers the last of them. The row is locked until the end of `tx`: only the fence is counted later. */
export async function takePositions(tx: Tx, count: number): Promise<number> {
  const [row] = await tx.query(TAKE, ONCE, count)
  if (!row) throw new Error('the table of the ledger is empty')
  return row.position
}

/** The ledger that this database belongs to, null when none has begun, and the last place that was given. */
export async function readLedgerState(read: Read): Promise<{ ledgerId: string | null; position: number }> {
  const [row] = await read.query(STATE, ONCE)
  if (!row) throw new Error('the table of the ledger is empty')
  return { ledgerId: row.ledger_id, position: row.position }
}

export interface LedgerFileRow {
  readonly fileId: string
  readonly position: number
  readonly seenAt: number
}

/** The files that nodes have told of. */
export async function readLedgerFiles(read: Read): Promise<LedgerFileRow[]> {
  const rows = await read.query(FILES, ONCE)
  return rows.map((row) => ({ fileId: row.file_id, position: row.position, seenAt: row.seen_at }))
}

/** The last place of an erasure that is called erased; 0 when there is none. */
export async function readLastErased(read: Read): Promise<number> {
  const [row] = await read.query(LAST_ERASED, ONCE)
  return row?.ledger_position ?? 0
}

/** What the ledger is to hold behind `after`, in order. */
export async function readEntriesAfter(read: Read, after: number, limit: number): Promise<LedgerEntry[]> {
  const rows = await read.query(ENTRIES, ONCE, after, limit)
  return rows.map((row) => ({
    position: row.ledger_position,
    erasureId: row.erasure_id,
    appKey: row.app_key,
    idDigest: row.id_digest,
    tokenDigest: row.token_digest,
    requestDigest: row.request_digest,
    keyVersion: row.key_version,
    origin: row.origin,
    acceptedAt: row.accepted_at,
  }))
}

/** Of these erasures, those that the database has, with their places; null: it has none yet. */
export async function readPositions(
  read: Read,
  erasureIds: readonly string[],
): Promise<Map<string, number | null>> {
  const rows = await read.query(
    POSITIONS,
    erasureIds.map((erasure_id) => ({ erasure_id })),
  )
  return new Map(rows.map((row) => [row.erasure_id, row.ledger_position]))
}

/** The erasures at these places. */
export async function readErasuresAt(read: Read, positions: readonly number[]): Promise<Map<number, string>> {
  const rows = await read.query(
    AT,
    positions.map((position) => ({ position })),
  )
  return new Map(rows.map((row) => [row.position, row.erasure_id]))
}

export interface DeviceDigests {
  readonly registration_id: RegistrationId
  readonly token_digest: string | null
}

/** Users of an app in the order of their ids, behind `after`, at most `DEVICES_PAGE`. */
export function readDevicesAfter(read: Read, appKey: string, after: string): Promise<DeviceDigests[]> {
  return read.query(DEVICES, ONCE, appKey, after)
}

/** Some 10 ms of reading. */
export const DEVICES_PAGE = 5_000

/** Gives the database a ledger unless it has one; the output is the one that it has. */
export const beginLedger = background(
  'erasure.begin-ledger',
  async (tx: Tx, inputs: readonly string[]): Promise<string[]> => {
    const outputs: string[] = []
    for (const ledgerId of inputs) {
      const [row] = await tx.query(BEGIN, [{ ledger_id: ledgerId }])
      outputs.push(row?.ledger_id ?? ledgerId)
    }
    return outputs
  },
)

/** What this file holds is on disk up to this place. */
export const reportLedgerFile = background(
  'erasure.report-ledger-file',
  async (tx: Tx, inputs: readonly { fileId: string; position: number }[]): Promise<true[]> => {
    await tx.query(
      REPORT,
      inputs.map(({ fileId, position }) => ({ file_id: fileId, position })),
      tx.now,
    )
    return inputs.map(() => true)
  },
)

/** No place up to this one is given any more. */
export const raiseLedgerPosition = background(
  'erasure.raise-ledger-position',
  async (tx: Tx, inputs: readonly number[]): Promise<true[]> => {
    for (const position of inputs) await tx.query(RAISE, ONCE, position)
    return inputs.map(() => true)
  },
)

/** Gives these erasures, which the database has but had not yet removed, the places that the ledger has given them. */
export const placeErasures = background(
  'erasure.place',
  async (
    tx: Tx,
    inputs: readonly (readonly { readonly erasureId: string; readonly position: number }[])[],
  ): Promise<true[]> => {
    for (const batch of inputs) {
      await tx.query(
        PLACE,
        batch.map(({ erasureId, position }) => ({ erasure_id: erasureId, position })),
      )
    }
    return inputs.map(() => true)
  },
)

const TAKE = statement<{ position: number }>()(
  'ledger.take',
  {},
  (q) => `update ledger set position = position + ${q.value(1)} where id = 1 returning position`,
)

const RAISE = statement()(
  'ledger.raise',
  {},
  (q) => `update ledger set position = ${q.value(1)} where id = 1 and position < ${q.value(1)}`,
)

const PLACE = statement()(
  'ledger.place',
  { erasure_id: 'text', position: 'bigint' },
  (q) => `update erasure as e set ledger_position = input.position from ${q.input}
    where e.erasure_id = input.erasure_id and e.ledger_position is null`,
)

const STATE = statement<Pick<Tables['ledger'], 'ledger_id' | 'position'>>()(
  'ledger.state',
  {},
  () => 'select ledger_id, position from ledger where id = 1',
)

const BEGIN = statement<{ ledger_id: string }>()(
  'ledger.begin',
  { ledger_id: 'text' },
  (q) =>
    `update ledger set ledger_id = coalesce(ledger.ledger_id, input.ledger_id) from ${q.input} where id = 1
    returning ledger.ledger_id`,
)

const FILES = statement<Tables['ledger_file']>()(
  'ledger.files',
  {},
  () => 'select file_id, position, seen_at from ledger_file',
)

const REPORT = statement()(
  'ledger.report',
  { file_id: 'text', position: 'bigint' },
  (q) => `insert into ledger_file (file_id, position, seen_at)
    select file_id, position, ${q.value(1)} from ${q.input} where true
    on conflict (file_id) do update set position = excluded.position, seen_at = excluded.seen_at`,
)

const LAST_ERASED = statement<{ ledger_position: number }>()(
  'ledger.last-erased',
  {},
  () => `select ledger_position from erasure where ledger_position is not null and state = 'erased'
    order by ledger_position desc limit 1`,
)

const ENTRIES = statement<
  Pick<
    Tables['erasure'],
    | 'erasure_id'
    | 'app_key'
    | 'id_digest'
    | 'token_digest'
    | 'request_digest'
    | 'key_version'
    | 'origin'
    | 'accepted_at'
  > & { ledger_position: number }
>()(
  'ledger.entries',
  {},
  (
    q,
  ) => `select ledger_position, erasure_id, app_key, id_digest, token_digest, request_digest, key_version, origin, accepted_at
    from erasure where ledger_position is not null and ledger_position > ${q.value(1)}
    order by ledger_position limit ${q.value(2)}`,
)

const POSITIONS = statement<{ erasure_id: string; ledger_position: number | null }>()(
  'ledger.positions',
  { erasure_id: 'text' },
  (q) =>
    `select e.erasure_id, e.ledger_position from ${q.input} join erasure e on e.erasure_id = input.erasure_id`,
)

const AT = statement<{ position: number; erasure_id: string }>()(
  'ledger.at',
  { position: 'bigint' },
  (q) => `select input.position, e.erasure_id from ${q.input}
    join erasure e on e.ledger_position = input.position and e.ledger_position is not null`,
)

const DEVICES = statement<DeviceDigests>()(
  'ledger.devices',
  {},
  (q) => `select d.registration_id, d.token_digest from device d
    where d.app_key = ${q.value(1)} and d.registration_id > ${q.value(2)}
    order by d.app_key, d.registration_id limit ${DEVICES_PAGE}`,
)
