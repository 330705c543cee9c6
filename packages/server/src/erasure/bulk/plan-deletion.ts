/**
 * Makes the plan of a deletion: writes its list down, adds up the figures that an operator looks at before confirming, and
 * freezes both. An audience is walked in the background of the node that was asked; when the node dies, the plan fails and
 * nobody is deleted.
 */

import type { App } from '../../apps/app.ts'
import { countLive } from '../../audience/audience.store.ts'
import type { Audience } from '../../audience/audience.ts'
import { type AudienceFigures, startFigures } from '../../audience/check-audience.ts'
import { walkAudience } from '../../audience/walk-audience.ts'
import { type AuditEntry, auditEntry } from '../../audit/audit.ts'
import type { Clock } from '../../kernel/clock.ts'
import { sha256 } from '../../kernel/digest.ts'
import { errorFields, type Log } from '../../kernel/log.ts'
import type { Address, Alias, RegistrationId } from '../../kernel/personal.ts'
import { orderedId, type Random, randomId } from '../../kernel/random.ts'
import type { Db, Tables } from '../../schema.ts'
import { BULK_TOPIC } from './bulk-topic.ts'
import { readHoldersOfAliases } from './lines.store.ts'
import { addTargets, failPlans, freezePlans, openPlans, readTargets } from './plan.store.ts'

export interface PlanDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What is kept of the figures: counts alone. */
export type PlanFigures = Omit<AudienceFigures, 'users' | 'fingerprint'> & { readonly liveUsers: number }

/** A plan that has just been opened. The token is told once; its digest is kept. */
export interface OpenedPlan {
  readonly deletionId: string
  readonly token: string
}

/** Ours, from the issue that asked for it: long enough to read the figures, too short to be found the next day. */
export const TOKEN_VALID_MS = 600_000

/** Users written down in one step. */
const STEP = { sqlite: 500, postgres: 2_000 } as const
/** Users of a list read in one step: looking up more, PostgreSQL would rather read the whole registry each time. */
const READ_AT_ONCE = 250

export async function openPlan(
  { database, clock, random }: PlanDeps,
  { app, source }: { app: App; source: Tables['deletion']['source'] },
): Promise<OpenedPlan> {
  const deletionId = orderedId(random, clock.now())
  const token = randomId(random)
  await database.write(openPlans, { deletionId, appKey: app.appKey, source, tokenDigest: sha256(token) })
  return { deletionId, token }
}

export interface PlanInput {
  readonly app: App
  readonly deletionId: string
  /** Where the call came from. */
  readonly address: Address
}

export interface AudiencePlanInput extends PlanInput {
  readonly audience: Audience
  /** What the audience was when somebody looked at it; undefined: nobody asks. */
  readonly fingerprint: string | undefined
}

/** The plans that this node is making. */
export class Plans {
  readonly #deps: PlanDeps
  readonly #running = new Set<Promise<void>>()
  #isStopping = false

  constructor(deps: PlanDeps) {
    this.#deps = deps
  }

  /** Writes down who is in the audience now, and freezes the list. Resolves when that is done, or has failed. */
  planAudience(input: AudiencePlanInput): Promise<void> {
    return this.#track(input, () => planAudience(this.#deps, input, () => this.#isStopping))
  }

  /** Freezes a list whose lines were all given. */
  planList(input: PlanInput): Promise<void> {
    return this.#track(input, () => planList(this.#deps, input))
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#running)
  }

  #track({ deletionId }: PlanInput, work: () => Promise<void>): Promise<void> {
    const { database, log } = this.#deps
    const tracked = work()
      .catch(async (error: unknown) => {
        log.error({ deletionId, ...errorFields(error) }, 'deletion.plan-failed')
        await database.write(failPlans, { deletionId, failure: 'interrupted' })
      })
      // The database is away: the plan is found silent later, and fails.
      .catch((error: unknown) => log.error({ deletionId, ...errorFields(error) }, 'deletion.plan-left'))
      .finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
    return tracked
  }
}

async function planAudience(
  deps: PlanDeps,
  { app, deletionId, audience, fingerprint, address }: AudiencePlanInput,
  isStopping: () => boolean,
): Promise<void> {
  const { database } = deps
  const figures = startFigures(app.erasureKeys[0].key)
  for await (const members of walkAudience(deps, { appKey: app.appKey, audience })) {
    for (const member of members) figures.add(member)
    const ids = members.map(({ registrationId }) => registrationId)
    const isOpen = await addAll(deps, { app, deletionId, ids, lineCount: 0 })
    if (isStopping()) throw new Error('the node stops')
    if (isOpen === undefined) return
  }
  const found = figures.end()
  if (fingerprint !== undefined && fingerprint !== found.fingerprint) {
    await database.write(failPlans, { deletionId, failure: 'audienceChanged' })
    return
  }
  const isEveryone = audience.kind === 'everyone'
  await freeze(deps, { app, deletionId, address }, { isEveryone, found, fingerprint: found.fingerprint })
}

/** Adds users step by step; the answer is how many came onto the list, undefined when it is closed. */
async function addAll(
  { database }: Pick<PlanDeps, 'database'>,
  input: { app: App; deletionId: string; ids: readonly RegistrationId[]; lineCount: number },
): Promise<number | undefined> {
  const { app, deletionId, ids, lineCount } = input
  const step = STEP[database.engine]
  let added = 0
  for (let done = 0; done === 0 || done < ids.length; done += step) {
    const output = await database.write(addTargets, {
      deletionId,
      appKey: app.appKey,
      registrationIds: ids.slice(done, done + step),
      lineCount: done === 0 ? lineCount : 0,
    })
    if (output.kind === 'closed') return undefined
    added += output.count
  }
  return added
}

/** Lines of a list: ids, or aliases whose holders of this moment are meant. The answer is how many users came onto the list. */
export async function addLines(
  deps: Pick<PlanDeps, 'database'>,
  input: { app: App; deletionId: string } & (
    | { readonly registrationIds: readonly RegistrationId[] }
    | { readonly aliases: readonly Alias[] }
  ),
): Promise<number | undefined> {
  const { app, deletionId } = input
  const lines = 'aliases' in input ? input.aliases : input.registrationIds
  const ids =
    'aliases' in input
      ? await readHoldersOfAliases(deps.database.read, app.appKey, [...new Set(input.aliases)])
      : [...new Set(input.registrationIds)]
  return addAll(deps, { app, deletionId, ids, lineCount: lines.length })
}

/** Adds up who is on a list whose lines were all given. */
async function planList(deps: PlanDeps, input: PlanInput): Promise<void> {
  const { app, deletionId } = input
  const count = startFigures(app.erasureKeys[0].key)
  for (let after = -1, isMore = true; isMore; ) {
    const rows = await readTargets(deps.database.read, { deletionId, after, limit: READ_AT_ONCE })
    for (const { registration_id: registrationId, platform, token } of rows) {
      count.add({ registrationId, platform, token })
    }
    after = rows.at(-1)?.number ?? after
    isMore = rows.length === READ_AT_ONCE
  }
  await freeze(deps, input, { isEveryone: false, found: count.end(), fingerprint: null })
}

/** Closes the list. From here on it only gets shorter. */
async function freeze(
  deps: PlanDeps,
  { app, deletionId, address }: PlanInput,
  plan: { isEveryone: boolean; found: AudienceFigures; fingerprint: string | null },
): Promise<void> {
  const { database } = deps
  const { users, byPlatform, reachable } = plan.found
  const liveUsers = await countLive(database.read, app.appKey)
  const figures: PlanFigures = { liveUsers, byPlatform, reachable }
  const isFrozen = await database.write(freezePlans, {
    deletionId,
    figures: JSON.stringify(figures),
    fingerprint: plan.fingerprint,
    // However it was said: whoever names every single user means all of them.
    isEveryone: plan.isEveryone || users >= liveUsers,
    tokenValidMs: TOKEN_VALID_MS,
    audit: planned(deps, { appKey: app.appKey, deletionId, address }),
  })
  if (!isFrozen) await database.write(failPlans, { deletionId, failure: 'nobody' })
  database.announce(BULK_TOPIC)
}

function planned(
  deps: PlanDeps,
  { appKey, deletionId, address }: { appKey: string; deletionId: string; address: Address },
): AuditEntry {
  return auditEntry(deps, {
    actor: 'operator',
    address,
    appKey,
    action: 'deletion.planned',
    subject: deletionId,
  })
}
