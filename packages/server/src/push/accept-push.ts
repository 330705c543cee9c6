/** Accepts pushes: finds out whom they reach, and writes them down before anybody hears that they are accepted. */

import { fault, type Judged, passed, type Refusal } from '@lethe/protocol/fault.ts'
import type { Platform } from '@lethe/protocol/platform.ts'
import type { Push } from '@lethe/protocol/push.ts'
import type { App } from '../apps/app.ts'
import { type Audience, conditionsOf } from '../audience/audience.ts'
import { countAudience } from '../audience/count-audience.ts'
import { pageAudience } from '../audience/page-audience.ts'
import { keyOf } from '../devices/working-set.ts'
import { sha256 } from '../kernel/digest.ts'
import type { Alias, RegistrationId } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { type AcceptPushInput, acceptPushes, type Target } from './accept-push.store.ts'
import type { AppChannels } from './app-channels.ts'
import type { MessageIds } from './message-ids.ts'
import type { Content } from './push.tables.ts'
import type { PushMetrics } from './push-metrics.ts'
import { PUSH_TOPIC } from './push-work.ts'
import { type RecipientRow, readAliasHolders, readRecipients } from './recipients.store.ts'
import { planSpans } from './slices.ts'
import { namesUsers, storeAudience } from './stored-audience.ts'

export interface AcceptPushDeps {
  readonly database: Db
  readonly messageIds: MessageIds
  readonly channels: AppChannels
  readonly metrics: PushMetrics
}

export interface PushToAccept {
  readonly app: App
  readonly push: Push
  readonly audience: Audience
}

/** Whom a push reaches at this moment: users by name, or how many. */
export type Reach =
  | { readonly kind: 'named'; readonly targets: readonly Target[]; readonly users: number }
  | { readonly kind: 'counted'; readonly users: number }

/** Everything that can be said about a push before it is accepted. Refuses one that reaches nobody, or that a vendor would not take. */
export async function checkPush(deps: AcceptPushDeps, input: PushToAccept): Promise<Judged<Reach>> {
  const refusal = refusalOfVendors(deps, input)
  if (refusal) return refusal
  const { audience } = input
  if (!namesUsers(audience)) {
    const { total } = await countAudience(deps, {
      appKey: input.app.appKey,
      audience,
      platforms: input.push.platforms,
    })
    return total > 0 ? passed({ kind: 'counted', users: total }) : fault('targetNone', NOBODY)
  }
  const targets = await findTargets(deps, input)
  if (targets.length > 0) return passed({ kind: 'named', targets, users: targets.length })
  return (await namesNobodyKnown(deps, input))
    ? fault('registrationIdUnknown', 'to.registration_id: none of them is a user of this app')
    : fault('targetNone', NOBODY)
}

/** The id of the message, which is on disk: this one's, or that of the push that had its cid before. */
export async function acceptPush(
  deps: AcceptPushDeps,
  input: PushToAccept,
  reach: Reach,
): Promise<Judged<number>> {
  const output = await deps.database.write(acceptPushes, await acceptInput(deps, input, reach))
  switch (output.kind) {
    case 'accepted':
      deps.database.announce(PUSH_TOPIC)
      deps.metrics.accepted.inc({ kind: input.push.content.kind })
      return passed(output.msgId)
    case 'repeated':
      return passed(output.msgId)
    case 'overrideUnknown':
      return fault('overrideInvalid', 'options.override_msg_id: no message of the last day has this id')
    case 'nobody':
      return fault('targetNone', NOBODY)
  }
}

const NOBODY = 'to: nobody who can be reached fits it on these platforms'

/** One push to one user, as batches have them. */
export interface SinglePush {
  readonly push: Push
  readonly target: string
}

/** The users that the targets of a batch name, by target. */
export async function findSingleTargets(
  { database }: Pick<AcceptPushDeps, 'database'>,
  appKey: string,
  by: { readonly kind: 'registrationId' | 'alias'; readonly targets: readonly string[] },
): Promise<ReadonlyMap<string, RecipientRow>> {
  if (by.kind === 'alias') return readAliasHolders(database.read, appKey, by.targets as Alias[])
  const keys = by.targets.map((target) => ({ appKey, registrationId: target as RegistrationId }))
  const rows = await readRecipients(database.read, keys)
  return new Map([...rows.values()].map((row) => [row.registration_id, row]))
}

/** Whom the push reaches if this is its only target; undefined where it cannot be reached. */
export function reachOfOne(
  { platform, token, registration_id: registrationId }: RecipientRow,
  { push, alias }: { push: Push; alias: Alias | null },
): Reach | undefined {
  if (token === null || !push.platforms.includes(platform)) return undefined
  return { kind: 'named', targets: [{ registrationId, alias }], users: 1 }
}

/** What a vendor would refuse in any of the languages; the first refusal. */
export function refusalOfVendors(
  { channels }: Pick<AcceptPushDeps, 'channels'>,
  { app, push }: Pick<PushToAccept, 'app' | 'push'>,
): Refusal | undefined {
  const overriddenMsgId = push.options.overrideMsgId ?? null
  const languages = [null, ...push.options.languages.map(({ language }) => language)]
  for (const platform of push.platforms) {
    const channel = channels.vendorOf(app, platform)?.channel
    if (!channel) continue
    for (const language of languages) {
      const refusal = channel.refusalOf(
        channel.render({ ...UNNAMED, overriddenMsgId, platform, push, language }),
      )
      if (refusal) return refusal
    }
  }
  return undefined
}

/** A message with the longest names there are. */
const UNNAMED = {
  msgId: Number.MAX_SAFE_INTEGER,
  collapseId: String(Number.MAX_SAFE_INTEGER),
} as const

/** Named users who can be reached on these platforms and fit what else the audience says. */
async function findTargets(deps: AcceptPushDeps, { app, push, audience }: PushToAccept): Promise<Target[]> {
  const aliases = new Set(
    conditionsOf(audience).flatMap((one) => (one.kind === 'anyAlias' ? one.aliases : [])),
  )
  const { appKey } = app
  const ids = await idsOf(deps, { appKey, audience, platforms: push.platforms })
  const rows = await readRecipients(
    deps.database.read,
    ids.map((registrationId) => ({ appKey, registrationId })),
  )
  return ids.flatMap((registrationId): Target[] => {
    const row = rows.get(keyOf(appKey, registrationId))
    if (!row || row.token === null || !push.platforms.includes(row.platform)) return []
    if (aliases.size === 0) return [{ registrationId, alias: null }]
    return row.alias !== null && aliases.has(row.alias) ? [{ registrationId, alias: row.alias }] : []
  })
}

async function idsOf(
  deps: AcceptPushDeps,
  { appKey, audience, platforms }: { appKey: string; audience: Audience; platforms: readonly Platform[] },
): Promise<readonly RegistrationId[]> {
  const [first, ...more] = conditionsOf(audience)
  // The common push, to users by id alone, needs no statement for audiences.
  if (first?.kind === 'anyId' && more.length === 0) return first.registrationIds
  const page = await pageAudience(deps, { appKey, audience, platforms, after: '', candidatesMax: NAMED_MAX })
  return page.recipients.map(({ registrationId }) => registrationId)
}

/** More than an audience can name: 1,000 ids and 1,000 aliases (documented). */
const NAMED_MAX = 2_500

/** Ids of an audience that names ids: where not one is a user, the caller has the wrong ids and not the wrong moment. */
async function namesNobodyKnown(
  { database }: AcceptPushDeps,
  { app, audience }: PushToAccept,
): Promise<boolean> {
  const ids = conditionsOf(audience).flatMap((one) => (one.kind === 'anyId' ? one.registrationIds : []))
  if (ids.length === 0) return false
  const rows = await readRecipients(
    database.read,
    ids.map((registrationId) => ({ appKey: app.appKey, registrationId })),
  )
  return rows.size === 0
}

async function acceptInput(
  { messageIds }: AcceptPushDeps,
  { app, push, audience }: PushToAccept,
  reach: Reach,
): Promise<AcceptPushInput> {
  const { options, content } = push
  const msgId = await messageIds.take()
  const spreadMs = options.bigPushMinutes * 60_000
  const isNamed = reach.kind === 'named'
  return {
    appKey: app.appKey,
    msgId,
    kind: content.kind,
    timeToLiveMs: options.timeToLiveSeconds * 1_000,
    spreadMs,
    content: JSON.stringify(push) as Content,
    audience: isNamed ? null : storeAudience(audience),
    collapseId: options.apnsCollapseId ?? String(msgId),
    overrideMsgId: options.overrideMsgId ?? null,
    cidDigest: options.cid === undefined ? null : sha256(`${app.appKey}:${options.cid}`),
    targets: isNamed ? reach.targets : null,
    spans: isNamed ? [] : planSpans(reach.users, spreadMs > 0),
  }
}
