/** Operator API, deletions of many users: plan one, look at it, confirm it, stop it, and read what is signed about it. */

import { AdminAppParams } from '@lethe/protocol/admin.schemas.ts'
import {
  ConfirmDeletionBody,
  DeletionAnswer,
  DeletionLinesAnswer,
  DeletionLinesBody,
  DeletionParams,
  DeletionsAnswer,
  DeletionsQuery,
  deletionsPerPage,
  graceSecondsDefault,
  linesPerListMax,
  ManifestsAnswer,
  ManifestsQuery,
  manifestsPerPage,
  PlanDeletionAnswer,
  PlanDeletionBody,
} from '@lethe/protocol/deletion.schemas.ts'
import type { ErrorName } from '@lethe/protocol/errors.ts'
import type { App } from '../../apps/app.ts'
import type { AppDirectory } from '../../apps/find-app.ts'
import { auditEntry } from '../../audit/audit.ts'
import { sha256 } from '../../kernel/digest.ts'
import { type Operation, operation } from '../../kernel/operation.ts'
import type { Alias, RegistrationId } from '../../kernel/personal.ts'
import { answer, created, type Reply, refuse } from '../../kernel/reply.ts'
import { BULK_TOPIC } from './bulk-topic.ts'
import { type ConfirmOutput, confirmDeletions, type DecideInput, decideDeletions } from './decide.store.ts'
import { deletionAnswer } from './deletion-answer.ts'
import { judgePlan } from './judge-plan.ts'
import { addLines, openPlan, type PlanDeps, type Plans } from './plan-deletion.ts'
import { type DeletionRow, readBulkDeletion, readBulkDeletions, readManifests } from './read.store.ts'

export interface DeletionsDeps extends PlanDeps {
  readonly apps: AppDirectory
  readonly plans: Plans
}

/** Plans of so few users that they are ready by then are answered whole; of others, that they are being made. */
const PLAN_WAIT_MS = 5_000

export function planDeletion(deps: DeletionsDeps): Operation {
  return operation({
    id: 'planDeletion',
    summary: 'Plan the deletion of many users',
    description:
      'Writes down who is in the audience now, and answers the figures and a confirmation token. Nobody is deleted before that is ' +
      'confirmed, and nobody who is not on this list is ever deleted by it. A tag that no user holds is refused. For a list of ids or ' +
      'aliases, say list_of, give the lines, and freeze it.',
    schema: { params: AdminAppParams, body: PlanDeletionBody, answers: { 201: PlanDeletionAnswer } },
    handle: async ({ params, body, address }) => {
      const app = await deps.apps.find(params.app_key)
      if (!app) return refuse('appUnknown')
      const judged = await judgePlan(deps, app, body)
      if (!judged.ok) return refuse(judged.error, judged.message)
      const plan = judged.value
      const { deletionId, token } = await openPlan(deps, { app, source: plan.source })
      if (plan.source === 'audience') {
        await waitFor(deps, deps.plans.planAudience({ ...plan, app, deletionId, address }))
      }
      const reply = await showOr(deps, { app, deletionId })
      if (reply.kind === 'refused') return reply.refusal
      return created({ ...reply.deletion, confirmation_token: token })
    },
  })
}

export function addDeletionLines(deps: DeletionsDeps): Operation {
  return operation({
    id: 'addDeletionLines',
    summary: 'Give further lines of a list of users to delete',
    description: 'Lines that name nobody live, or somebody who is on the list, change nothing.',
    schema: { params: DeletionParams, body: DeletionLinesBody, answers: { 200: DeletionLinesAnswer } },
    handle: async ({ params, body }) => {
      const app = await deps.apps.find(params.app_key)
      const row = app && (await rowOf(deps, params))
      if (!app || !row) return refuse(app ? 'deletionUnknown' : 'appUnknown')
      const { registration_ids: registrationIds, aliases } = body
      const [given, lines] =
        row.source === 'aliases'
          ? ([aliases, 'aliases'] as const)
          : ([registrationIds, 'registration_ids'] as const)
      if (row.source === 'audience') return refuse('deletionStateWrong', 'an audience takes no lines')
      if (!given || Object.keys(body).length > 1)
        return refuse('parameterInvalid', `give ${lines}, and nothing else`)
      if (row.line_count + given.length > linesPerListMax) {
        return refuse('parameterInvalid', `${lines}: a list has at most ${linesPerListMax} lines`)
      }
      const users =
        row.source === 'aliases'
          ? { aliases: given as Alias[] }
          : { registrationIds: given as RegistrationId[] }
      const added = await addLines(deps, { app, deletionId: row.deletion_id, ...users })
      if (added === undefined) return wrongState(deps, params)
      return answer({ lines: given.length, added })
    },
  })
}

export function freezeDeletion(deps: DeletionsDeps): Operation {
  return operation({
    id: 'freezeDeletion',
    summary: 'Freeze a list of users to delete',
    description: 'From then on nobody comes onto it. It may be confirmed for ten minutes.',
    schema: { params: DeletionParams, answers: { 200: DeletionAnswer } },
    handle: async ({ params, address }) => {
      const app = await deps.apps.find(params.app_key)
      const row = app && (await rowOf(deps, params))
      if (!app || !row) return refuse(app ? 'deletionUnknown' : 'appUnknown')
      if (row.state !== 'planning' || row.source === 'audience') return wrongState(deps, params)
      await waitFor(deps, deps.plans.planList({ app, deletionId: row.deletion_id, address }))
      const reply = await showOr(deps, { app, deletionId: row.deletion_id })
      return reply.kind === 'refused' ? reply.refusal : answer(reply.deletion)
    },
  })
}

export function listDeletions(deps: DeletionsDeps): Operation {
  return operation({
    id: 'listDeletions',
    summary: 'List the deletions of many users, the newest first',
    schema: { params: AdminAppParams, query: DeletionsQuery, answers: { 200: DeletionsAnswer } },
    handle: async ({ params, query }) => {
      const rows = await readBulkDeletions(deps.database.read, {
        appKey: params.app_key,
        // Behind every id.
        before: query.before ?? 'g',
        limit: deletionsPerPage + 1,
      })
      const now = await deps.database.now()
      const page = rows.slice(0, deletionsPerPage)
      const next = rows.length > deletionsPerPage ? (page.at(-1)?.deletion_id ?? null) : null
      return answer({ deletions: page.map((row) => deletionAnswer(row, now)), next })
    },
  })
}

export function showDeletion(deps: DeletionsDeps): Operation {
  return operation({
    id: 'showDeletion',
    summary: 'Watch a deletion of many users',
    schema: { params: DeletionParams, answers: { 200: DeletionAnswer } },
    handle: ({ params }) => show(deps, params),
  })
}

export function confirmDeletion(deps: DeletionsDeps): Operation {
  return operation({
    id: 'confirmDeletion',
    summary: 'Confirm a plan: its users will be deleted',
    description:
      'With the token of the plan and the count of its users, typed again. The first user is deleted after the grace period; until ' +
      'then it can be cancelled as if nothing had been. It cannot be undone.',
    schema: { params: DeletionParams, body: ConfirmDeletionBody, answers: { 200: DeletionAnswer } },
    handle: async ({ params, body, address }) => {
      const { app_key: appKey, deletion_id: deletionId } = params
      const output = await deps.database.write(confirmDeletions, {
        appKey,
        deletionId,
        tokenDigest: sha256(body.confirmation_token),
        count: body.count,
        appName: body.app_name ?? null,
        graceMs: (body.grace_seconds ?? graceSecondsDefault) * 1_000,
        audit: auditEntry(deps, {
          actor: 'operator',
          address,
          appKey,
          action: 'deletion.confirmed',
          subject: deletionId,
        }),
      })
      if (output === 'wrongState') return wrongState(deps, params)
      if (output !== 'confirmed') return refuse(REFUSALS[output])
      deps.database.announce(BULK_TOPIC)
      return show(deps, params)
    },
  })
}

const REFUSALS: Readonly<Record<Exclude<ConfirmOutput, 'confirmed' | 'wrongState'>, ErrorName>> = {
  unknown: 'deletionUnknown',
  tokenWrong: 'confirmationTokenWrong',
  tokenExpired: 'confirmationExpired',
  countWrong: 'confirmationCountWrong',
  nameWrong: 'confirmationNameWrong',
}

export function pauseDeletion(deps: DeletionsDeps): Operation {
  return decision(deps, {
    id: 'pauseDeletion',
    decision: 'pause',
    summary: 'Pause a running deletion: no further user is deleted until it is resumed',
  })
}

export function resumeDeletion(deps: DeletionsDeps): Operation {
  return decision(deps, { id: 'resumeDeletion', decision: 'resume', summary: 'Go on with a paused deletion' })
}

export function cancelDeletion(deps: DeletionsDeps): Operation {
  return decision(deps, {
    id: 'cancelDeletion',
    decision: 'cancel',
    summary: 'Cancel a deletion: in grace nobody is deleted, later the rest is spared',
  })
}

export function listManifests(deps: DeletionsDeps): Operation {
  return operation({
    id: 'listManifests',
    summary: 'Read the signed manifests of a deletion',
    description: 'Each stands for the receipts of up to a thousand erasures, and names nobody.',
    schema: { params: DeletionParams, query: ManifestsQuery, answers: { 200: ManifestsAnswer } },
    handle: async ({ params, query }) => {
      if (!(await rowOf(deps, params))) return refuse('deletionUnknown')
      const rows = await readManifests(deps.database.read, {
        deletionId: params.deletion_id,
        after: query.after ?? '',
        limit: manifestsPerPage + 1,
      })
      const page = rows.slice(0, manifestsPerPage)
      const manifests = page.map(({ manifest_id, erasure_count, signed_at, receipt }) => ({
        manifest_id,
        users: erasure_count,
        signed_at: new Date(signed_at).toISOString(),
        manifest: receipt,
      }))
      return answer({
        manifests,
        next: rows.length > manifestsPerPage ? (page.at(-1)?.manifest_id ?? null) : null,
      })
    },
  })
}

const ACTIONS = {
  pause: 'deletion.paused',
  resume: 'deletion.resumed',
  cancel: 'deletion.cancelled',
} as const

function decision(
  deps: DeletionsDeps,
  { id, decision, summary }: { id: string; decision: DecideInput['decision']; summary: string },
): Operation {
  return operation({
    id,
    summary,
    schema: { params: DeletionParams, answers: { 200: DeletionAnswer } },
    handle: async ({ params, address }) => {
      const { app_key: appKey, deletion_id: deletionId } = params
      const output = await deps.database.write(decideDeletions, {
        appKey,
        deletionId,
        decision,
        audit: auditEntry(deps, {
          actor: 'operator',
          address,
          appKey,
          action: ACTIONS[decision],
          subject: deletionId,
        }),
      })
      if (output.kind === 'unknown') return refuse('deletionUnknown')
      if (output.kind === 'wrongState') return wrongState(deps, params)
      deps.database.announce(BULK_TOPIC)
      return show(deps, params)
    },
  })
}

function rowOf({ database }: DeletionsDeps, params: DeletionParams): Promise<DeletionRow | undefined> {
  return readBulkDeletion(database.read, { appKey: params.app_key, deletionId: params.deletion_id })
}

async function show(deps: DeletionsDeps, params: DeletionParams): Promise<Reply> {
  const row = await rowOf(deps, params)
  return row ? answer(deletionAnswer(row, await deps.database.now())) : refuse('deletionUnknown')
}

async function wrongState(deps: DeletionsDeps, params: DeletionParams): Promise<Reply> {
  const row = await rowOf(deps, params)
  return row
    ? refuse('deletionStateWrong', `the deletion is ${row.state}: ${TOLD[row.state]}`)
    : refuse('deletionUnknown')
}

const TOLD: Readonly<Record<DeletionRow['state'], string>> = {
  planning: 'its list is not frozen yet',
  planned: 'it has not been confirmed',
  confirmed: 'it was confirmed, and has not begun',
  running: 'it was confirmed, and has begun',
  paused: 'it was confirmed, and has begun',
  finishing: 'everybody on its list is deleted',
  done: 'it is over',
  cancelled: 'it is over',
  expired: 'it is over; plan again',
  failed: 'it is over; plan again',
}

/** A plan that failed while somebody waited for it is a refusal. */
async function showOr(
  deps: DeletionsDeps,
  { app, deletionId }: { app: App; deletionId: string },
): Promise<{ kind: 'refused'; refusal: Reply } | { kind: 'deletion'; deletion: DeletionAnswer }> {
  const row = await rowOf(deps, { app_key: app.appKey, deletion_id: deletionId })
  if (!row) return { kind: 'refused', refusal: refuse('deletionUnknown') }
  if (row.failure === null)
    return { kind: 'deletion', deletion: deletionAnswer(row, await deps.database.now()) }
  const refusal = {
    nobody: refuse('targetNone', 'no live user fits: there is nobody to delete'),
    audienceChanged: refuse('audienceChanged'),
    interrupted: refuse('storageUnavailable', 'the plan was interrupted: plan again'),
  }[row.failure]
  return { kind: 'refused', refusal }
}

async function waitFor({ clock }: DeletionsDeps, plan: Promise<void>): Promise<void> {
  const enough = new AbortController()
  await Promise.race([plan, clock.sleep(PLAN_WAIT_MS, enough.signal)])
  enough.abort()
}
