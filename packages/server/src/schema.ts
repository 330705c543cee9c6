/**
 * Every table of Lethe, and what an erasure does in each. A table without a rule does not compile: that is the first of
 * the locks that keep erasure complete.
 */

import { operatorTokenTable, serverFactTable } from './admin/admin.tables.ts'
import { appTable, appUsageTable, channelCredentialTable, erasureKeyTable } from './apps/apps.tables.ts'
import { auditTable } from './audit/audit.tables.ts'
import { deviceTable, deviceTagTable, tagTable, tombstoneTable } from './devices/devices.tables.ts'
import { deletionTable, deletionTargetTable } from './erasure/bulk/bulk.tables.ts'
import {
  erasureTable,
  guardTable,
  ledgerFileTable,
  ledgerTable,
  manifestTable,
  signingKeyTable,
} from './erasure/erasure.tables.ts'
import {
  counterTable,
  fenceHoldTable,
  pendingMessageTable,
  pushCidTable,
  pushSpanTable,
  pushTable,
  senderTable,
  socketPresenceTable,
} from './push/push.tables.ts'
import { messageCountTable, messageStatusTable, userDayTable } from './statistics/statistics.tables.ts'
import type { Database, Reader, Transaction } from './storage/database.ts'
import type { Row, Table } from './storage/table.ts'

export const tables = {
  app: appTable,
  app_usage: appUsageTable,
  erasure_key: erasureKeyTable,
  signing_key: signingKeyTable,
  operator_token: operatorTokenTable,
  server_fact: serverFactTable,
  audit: auditTable,
  device: deviceTable,
  device_tag: deviceTagTable,
  tag: tagTable,
  tombstone: tombstoneTable,
  erasure: erasureTable,
  manifest: manifestTable,
  deletion: deletionTable,
  deletion_target: deletionTargetTable,
  guard: guardTable,
  ledger: ledgerTable,
  ledger_file: ledgerFileTable,
  channel_credential: channelCredentialTable,
  push: pushTable,
  push_cid: pushCidTable,
  push_span: pushSpanTable,
  pending_message: pendingMessageTable,
  socket_presence: socketPresenceTable,
  sender: senderTable,
  fence_hold: fenceHoldTable,
  counter: counterTable,
  message_status: messageStatusTable,
  message_count: messageCountTable,
  user_day: userDayTable,
} as const

export type Tables = { [Name in keyof typeof tables]: Row<(typeof tables)[Name]> }
export type TableName = keyof Tables

export type Db = Database<Tables>
export type Read = Reader<Tables>
export type Tx = Transaction<Tables>

/** The columns of each table that tell something about a user; tables without any are not in it. */
export const personalColumns: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.values<Table>(tables).flatMap(({ name, columns }) => {
    const names = Object.keys(columns).filter((column) => columns[column]?.tells !== undefined)
    return names.length > 0 ? [[name, names]] : []
  }),
)

/** What an erasure does with a table. */
export type ErasureRule<Name extends TableName> =
  /** Rows of the user are deleted. Only for tables that carry the device's key. */
  | (Tables[Name] extends { app_key: string; registration_id: string }
      ? { readonly kind: 'deleteRows' }
      : never)
  /** The device row itself: deleted after everything that refers to it. */
  | (Name extends 'device' ? { readonly kind: 'lastOfAll' } : never)
  /** The row stays, these columns are cleared once the second look has found nothing. */
  | { readonly kind: 'clearColumns'; readonly columns: readonly (keyof Tables[Name])[] }
  /** The row goes when the last user that it counts is hidden. */
  | { readonly kind: 'deleteWithLastHolder' }
  /** These columns are cleared when the last user goes to whom the row's message was addressed by name; they go after this many days anyway. */
  | {
      readonly kind: 'clearWithLastReceiver'
      readonly columns: readonly (keyof Tables[Name])[]
      readonly days: number
    }
  /** Nothing is done at once; the row goes after this many days. */
  | { readonly kind: 'expireWithin'; readonly days: number }
  /** Nothing in the table tells anything about a user, for this reason. */
  | { readonly kind: 'nothingPersonal'; readonly reason: string }

export const erasureRules: { readonly [Name in TableName]: ErasureRule<Name> } = {
  app: { kind: 'nothingPersonal', reason: 'settings of the customer' },
  app_usage: { kind: 'nothingPersonal', reason: 'totals of an app' },
  erasure_key: { kind: 'nothingPersonal', reason: 'sealed keys' },
  signing_key: { kind: 'nothingPersonal', reason: 'sealed keys' },
  operator_token: { kind: 'nothingPersonal', reason: 'digests of operators’ tokens' },
  server_fact: { kind: 'nothingPersonal', reason: 'facts of the server' },
  audit: {
    kind: 'nothingPersonal',
    reason: 'what operators did, with figures; deletions of users stand in erasure, as digests',
  },
  device: { kind: 'lastOfAll' },
  device_tag: { kind: 'deleteRows' },
  tag: { kind: 'deleteWithLastHolder' },
  tombstone: {
    kind: 'nothingPersonal',
    reason: 'keyed digests; without the app’s erasure key they tell nothing, and they must outlive the user',
  },
  erasure: { kind: 'clearColumns', columns: ['registration_id'] },
  manifest: { kind: 'nothingPersonal', reason: 'signed lists of keyed digests' },
  deletion: { kind: 'nothingPersonal', reason: 'figures of what an operator decided' },
  deletion_target: { kind: 'deleteRows' },
  guard: { kind: 'nothingPersonal', reason: 'settings and figures of an app' },
  ledger: { kind: 'nothingPersonal', reason: 'a number' },
  ledger_file: { kind: 'nothingPersonal', reason: 'nodes that keep a ledger' },
  channel_credential: { kind: 'nothingPersonal', reason: 'sealed keys of the customer' },
  push: { kind: 'clearWithLastReceiver', columns: ['content', 'audience'], days: 30 },
  push_cid: { kind: 'nothingPersonal', reason: 'digests of the customer’s ids of pushes' },
  push_span: { kind: 'nothingPersonal', reason: 'positions in the space of all ids' },
  pending_message: { kind: 'deleteRows' },
  socket_presence: { kind: 'deleteRows' },
  sender: { kind: 'nothingPersonal', reason: 'nodes that send' },
  fence_hold: { kind: 'nothingPersonal', reason: 'ids of erasures' },
  counter: { kind: 'nothingPersonal', reason: 'numbers' },
  message_status: { kind: 'deleteRows' },
  message_count: { kind: 'nothingPersonal', reason: 'totals of a message' },
  user_day: { kind: 'nothingPersonal', reason: 'totals of an app' },
}
