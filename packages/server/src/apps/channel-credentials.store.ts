/** SQL of what the channels of an app need to speak to their vendors. */

import { writeAudit } from '../audit/audit.store.ts'
import type { AuditEntry } from '../audit/audit.ts'
import type { Read, Tables, Tx } from '../schema.ts'
import { interactive } from '../storage/unit.ts'

type CredentialRow = Tables['channel_credential']

/** The channels that need credentials, or at least that somebody wants them. */
export type CredentialChannel = CredentialRow['channel']

export interface StoredCredentials {
  readonly channel: CredentialChannel
  readonly sealed: string
  readonly revision: number
  readonly changedAt: number
}

export interface CredentialsToStore {
  readonly appKey: string
  readonly channel: CredentialChannel
  readonly sealed: string
  readonly changedAt: number
}

/** A change that an operator asked for, with what is written down about it. */
export type Audited<Change> = Change & { readonly audit: AuditEntry }

/** The channels that are set, in no order. */
export async function readChannelCredentials(read: Read, appKey: string): Promise<StoredCredentials[]> {
  const rows = await read.kysely
    .selectFrom('channel_credential')
    .select(['channel', 'sealed', 'revision', 'changed_at'])
    .where('app_key', '=', appKey)
    .where('sealed', '<>', REMOVED)
    .execute()
  return rows.map(({ changed_at, ...row }) => ({ ...row, changedAt: changed_at }))
}

/** Keys of the apps for which this channel was never set; one that was removed is not among them. */
export async function readAppsWithout(read: Read, channel: CredentialChannel): Promise<string[]> {
  const rows = await read.kysely
    .selectFrom('app as a')
    .leftJoin('channel_credential as c', (join) =>
      join.onRef('c.app_key', '=', 'a.app_key').on('c.channel', '=', channel),
    )
    .select('a.app_key')
    .where('c.app_key', 'is', null)
    .execute()
  return rows.map((row) => row.app_key)
}

/** Sets the channel, or replaces what is set; the output is the new revision, or null when there is no such app. */
const setChannel = interactive(
  'apps.setChannel',
  async (tx: Tx, inputs: readonly Audited<CredentialsToStore>[]) => {
    await tx.lockNames(inputs.map(nameOf))
    const outputs: (number | null)[] = []
    for (const input of inputs) {
      const revision = (await isApp(tx, input.appKey)) ? await replace(tx, input) : null
      if (revision !== null) await writeAudit(tx, [{ ...input.audit, figures: { revision } }])
      outputs.push(revision)
    }
    return outputs
  },
)

/** Sets the channel of an app that never had it; false: it has, or had. Nodes that start at once all try, and one of them does. */
const addChannel = interactive('apps.addChannel', async (tx: Tx, inputs: readonly CredentialsToStore[]) => {
  await tx.lockNames(inputs.map(nameOf))
  const outputs: boolean[] = []
  for (const input of inputs) outputs.push(await insertCredentials(tx, input))
  return outputs
})

/** Takes the credentials away; false: there were none. */
const removeChannel = interactive(
  'apps.removeChannel',
  async (tx: Tx, inputs: readonly Audited<Omit<CredentialsToStore, 'sealed'>>[]) => {
    await tx.lockNames(inputs.map(nameOf))
    const outputs: boolean[] = []
    for (const { appKey, channel, changedAt, audit } of inputs) {
      const updated = await tx.kysely
        .updateTable('channel_credential')
        .set((eb) => ({ sealed: REMOVED, revision: eb('revision', '+', 1), changed_at: changedAt }))
        .where('app_key', '=', appKey)
        .where('channel', '=', channel)
        .where('sealed', '<>', REMOVED)
        .executeTakeFirst()
      const isRemoved = updated.numUpdatedRows > 0n
      if (isRemoved) await writeAudit(tx, [audit])
      outputs.push(isRemoved)
    }
    return outputs
  },
)

export const channelUnits = { setChannel, addChannel, removeChannel }

/** Inserts the first credentials of a channel, revision 1; false: the channel has a row already. */
export async function insertCredentials(tx: Tx, input: CredentialsToStore): Promise<boolean> {
  const inserted = await tx.kysely
    .insertInto('channel_credential')
    .values(rowOf(input))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
}

const REMOVED = ''

async function replace(tx: Tx, input: CredentialsToStore): Promise<number> {
  const { revision } = await tx.kysely
    .insertInto('channel_credential')
    .values(rowOf(input))
    .onConflict((conflict) =>
      conflict.columns(['app_key', 'channel']).doUpdateSet((eb) => ({
        sealed: eb.ref('excluded.sealed'),
        revision: eb('channel_credential.revision', '+', 1),
        changed_at: eb.ref('excluded.changed_at'),
      })),
    )
    .returning('revision')
    .executeTakeFirstOrThrow()
  return revision
}

async function isApp(tx: Tx, appKey: string): Promise<boolean> {
  const row = await tx.kysely
    .selectFrom('app')
    .select('app_key')
    .where('app_key', '=', appKey)
    .executeTakeFirst()
  return row !== undefined
}

function rowOf({ appKey, channel, sealed, changedAt }: CredentialsToStore): CredentialRow {
  return { app_key: appKey, channel, sealed, revision: 1, changed_at: changedAt }
}

function nameOf({ appKey, channel }: Pick<CredentialsToStore, 'appKey' | 'channel'>): string {
  return `channel ${channel} of app ${appKey}`
}
