/** Reads of users to whom something is to be sent, and the last look before it is. */

import type { Platform } from '@lethe/protocol/platform.ts'
import { type DeviceKey, keyOf } from '../devices/working-set.ts'
import type { Alias, Fact, RegistrationId, Token } from '../kernel/personal.ts'
import type { Read } from '../schema.ts'
import { statement } from '../storage/statement.ts'
import type { Content } from './push.tables.ts'

/** A live user and its address, if it has one. */
export interface RecipientRow {
  readonly app_key: string
  readonly registration_id: RegistrationId
  readonly platform: Platform
  readonly token: Token | null
  readonly token_p256dh: Token | null
  readonly token_auth: Token | null
  readonly token_environment: 'production' | 'sandbox' | null
  readonly language: Fact | null
  readonly alias: Alias | null
}

/** Those of the users that are live, by `keyOf`. */
export async function readRecipients(
  read: Read,
  keys: readonly DeviceKey[],
): Promise<ReadonlyMap<string, RecipientRow>> {
  const rows = await read.query(
    RECIPIENTS,
    keys.map(({ appKey, registrationId }) => ({ app_key: appKey, registration_id: registrationId })),
  )
  return new Map(rows.map((row) => [keyOf(row.app_key, row.registration_id), row]))
}

/** The live holders of aliases, by alias. */
export async function readAliasHolders(
  read: Read,
  appKey: string,
  aliases: readonly Alias[],
): Promise<ReadonlyMap<Alias, RecipientRow>> {
  const rows = await read.query(
    ALIAS_HOLDERS,
    aliases.map((name) => ({ app_key: appKey, name })),
  )
  return new Map(rows.flatMap((row) => (row.alias === null ? [] : [[row.alias, row] as const])))
}

/** Which of these users have an open socket somewhere, by `keyOf`. */
export async function readConnected(read: Read, keys: readonly DeviceKey[]): Promise<ReadonlySet<string>> {
  const rows = await read.query(
    CONNECTED,
    keys.map(({ appKey, registrationId }) => ({ app_key: appKey, registration_id: registrationId })),
  )
  return new Set(rows.map((row) => keyOf(row.app_key, row.registration_id)))
}

export interface StandingInput extends DeviceKey {
  readonly msgId: number
}

/** What a user and a message are at this moment. A user that is not live, or a message that is withdrawn, is left out. */
export interface Standing {
  readonly n: number
  readonly token: Token | null
  readonly alias: Alias | null
}

/** One answer at most for each input, by its place `n`. */
export function readStandings(read: Read, inputs: readonly StandingInput[]): Promise<Standing[]> {
  return read.query(
    STANDINGS,
    inputs.map(({ appKey, registrationId, msgId }, n) => ({
      n,
      app_key: appKey,
      registration_id: registrationId,
      id: msgId,
    })),
  )
}

export interface StoredPush {
  readonly msg_id: number
  readonly app_key: string
  readonly content: Content | null
  readonly collapse_id: string
  readonly overridden_msg_id: number | null
}

/** Messages that are not withdrawn. */
export function readPushes(read: Read, msgIds: readonly number[]): Promise<StoredPush[]> {
  return read.query(
    PUSHES,
    msgIds.map((id) => ({ id })),
  )
}

const KEY = { app_key: 'text', registration_id: 'text' } as const

const RECIPIENTS = statement<RecipientRow>()(
  'push.recipients',
  KEY,
  (
    q,
  ) => `select d.app_key, d.registration_id, d.platform, d.token, d.token_p256dh, d.token_auth, d.token_environment,
      d.language, d.alias
    from ${q.input} join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    where d.state = 'live'`,
)

const ALIAS_HOLDERS = statement<RecipientRow>()(
  'push.alias-holders',
  { app_key: 'text', name: 'text' },
  (
    q,
  ) => `select d.app_key, d.registration_id, d.platform, d.token, d.token_p256dh, d.token_auth, d.token_environment,
      d.language, d.alias
    from ${q.input} join device d on d.app_key = input.app_key and d.alias = input.name
    where d.state = 'live' and d.alias is not null`,
)

const CONNECTED = statement<{ app_key: string; registration_id: RegistrationId }>()(
  'push.connected',
  KEY,
  (q) => `select s.app_key, s.registration_id from ${q.input}
    join socket_presence s on s.app_key = input.app_key and s.registration_id = input.registration_id`,
)

const STANDINGS = statement<Standing>()(
  'push.standings',
  { n: 'bigint', ...KEY, id: 'bigint' },
  (q) => `select input.n, d.token, d.alias from ${q.input}
    join device d on d.app_key = input.app_key and d.registration_id = input.registration_id
    join push p on p.msg_id = input.id
    where d.state = 'live' and p.state <> 'withdrawn'`,
)

const PUSHES = statement<StoredPush>()(
  'push.read',
  { id: 'bigint' },
  (q) => `select p.msg_id, p.app_key, p.content, p.collapse_id, p.overridden_msg_id from ${q.input}
    join push p on p.msg_id = input.id where p.state <> 'withdrawn'`,
)
