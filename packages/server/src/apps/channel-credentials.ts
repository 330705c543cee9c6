/**
 * What the channels of an app need to speak to their vendors: set, removed, listed, and made where Lethe can make it itself.
 * Sealed in the database; what a form of a vendor means is the channel's business, whose parser is handed in.
 */

import type { Parsed } from '@lethe/protocol/parsed.ts'
import type { AuditEntry } from '../audit/audit.ts'
import type { Clock } from '../kernel/clock.ts'
import { type AppsDatabase, readApp } from './apps.store.ts'
import {
  type CredentialChannel,
  channelUnits,
  readAppsWithout,
  type StoredCredentials,
} from './channel-credentials.store.ts'
import type { Seal } from './seal.ts'

/** How channels read and make their credentials. */
export interface ChannelForms {
  /** Each reads what its vendor gives, and answers JSON. A reason names what is wrong, never a value. */
  readonly parsers: Readonly<Record<CredentialChannel, (input: unknown) => Parsed<object>>>
  /** A new key pair for Web Push, with the server's own subject. */
  mintWebPush(): object
}

export interface ChannelCredentialsDeps {
  readonly database: AppsDatabase
  readonly seal: Seal
  readonly clock: Clock
  readonly channelForms: ChannelForms
}

/** A channel as it is set. */
export interface SetChannel {
  readonly channel: CredentialChannel
  readonly credentials: object
  readonly revision: number
  readonly changedAt: number
}

export type SetOutcome =
  | { readonly kind: 'set'; readonly set: SetChannel }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'appUnknown' }

/** Sets the channel of an app, or replaces what is set. */
export async function setChannel(
  deps: ChannelCredentialsDeps,
  input: { appKey: string; channel: CredentialChannel; given: object; audit: AuditEntry },
): Promise<SetOutcome> {
  const { database, seal, clock, channelForms } = deps
  const { appKey, channel, audit } = input
  const parsed = channelForms.parsers[channel](await completed(deps, input))
  if (!parsed.ok) return { kind: 'invalid', reason: parsed.reason }
  const credentials = parsed.value
  const sealed = sealCredentials(seal, { appKey, channel, credentials })
  const changedAt = clock.now()
  const revision = await database.write(channelUnits.setChannel, {
    appKey,
    channel,
    sealed,
    changedAt,
    audit,
  })
  if (revision === null) return { kind: 'appUnknown' }
  return { kind: 'set', set: { channel, credentials, revision, changedAt } }
}

/** Takes the credentials away; false: there were none. */
export function removeChannel(
  { database, clock }: Pick<ChannelCredentialsDeps, 'database' | 'clock'>,
  input: { appKey: string; channel: CredentialChannel; audit: AuditEntry },
): Promise<boolean> {
  return database.write(channelUnits.removeChannel, { ...input, changedAt: clock.now() })
}

/** What is set, in no order; undefined: there is no such app. */
export async function listChannels(
  { database, seal }: Pick<ChannelCredentialsDeps, 'database' | 'seal'>,
  appKey: string,
): Promise<SetChannel[] | undefined> {
  const app = await readApp(database.read, appKey)
  return app?.channels.map((stored) => openCredentials(seal, appKey, stored))
}

/** Makes a key pair for Web Push in every app that never had one. Several nodes may do this at once. */
export async function mintMissingWebPush(deps: ChannelCredentialsDeps): Promise<void> {
  const { database, clock } = deps
  for (const appKey of await readAppsWithout(database.read, 'webPush')) {
    const sealed = mintSealedWebPush(deps, appKey)
    await database.write(channelUnits.addChannel, {
      appKey,
      channel: 'webPush',
      sealed,
      changedAt: clock.now(),
    })
  }
}

/** A new key pair for Web Push of this app, sealed. */
export function mintSealedWebPush(
  { seal, channelForms }: Pick<ChannelCredentialsDeps, 'seal' | 'channelForms'>,
  appKey: string,
): string {
  return sealCredentials(seal, { appKey, channel: 'webPush', credentials: channelForms.mintWebPush() })
}

/** @throws Error when they were sealed for another app or channel, or under another secret key. */
export function openCredentials(seal: Seal, appKey: string, stored: StoredCredentials): SetChannel {
  const { sealed, ...rest } = stored
  const text = Buffer.from(seal.open(sealed, purposeOf(appKey, stored.channel))).toString()
  return { ...rest, credentials: JSON.parse(text) as object }
}

function sealCredentials(
  seal: Seal,
  { appKey, channel, credentials }: { appKey: string; channel: CredentialChannel; credentials: object },
): string {
  return seal.seal(Buffer.from(JSON.stringify(credentials)), purposeOf(appKey, channel))
}

function purposeOf(appKey: string, channel: CredentialChannel): string {
  return `credentials of channel ${channel} of app ${appKey}`
}

/** What is absent stays for Web Push, and an app without it gets new keys: nobody should have to make a key pair. */
async function completed(
  deps: ChannelCredentialsDeps,
  { appKey, channel, given }: { appKey: string; channel: CredentialChannel; given: object },
): Promise<object> {
  if (channel !== 'webPush') return given
  const known = (await listChannels(deps, appKey))?.find((one) => one.channel === channel)
  return { ...(known?.credentials ?? deps.channelForms.mintWebPush()), ...given }
}
