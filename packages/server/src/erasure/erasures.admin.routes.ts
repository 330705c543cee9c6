/** Operator API, erasures: look at one, or at many. */

import { AdminAppParams } from '@lethe/protocol/admin.schemas.ts'
import { ErasureAnswer } from '@lethe/protocol/erasure.schemas.ts'
import {
  AdminErasureParams,
  type ErasureItem,
  ErasuresAnswer,
  ErasuresQuery,
  erasuresPerPage,
} from '@lethe/protocol/erasure-list.schemas.ts'
import type { App } from '../apps/app.ts'
import type { AppDirectory } from '../apps/find-app.ts'
import { findErasureId } from '../devices/find-device.ts'
import { parseId } from '../devices/parse-device.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, refuse } from '../kernel/reply.ts'
import type { Db } from '../schema.ts'
import { readErasure } from './erasure.store.ts'
import { wireErasure, wireState } from './erasure-answer.ts'
import { type ErasureItemRow, readErasures, readOpenErasures } from './erasures.store.ts'

export interface AdminErasuresDeps {
  readonly database: Db
  readonly apps: AppDirectory
}

export function showErasure({ database }: AdminErasuresDeps): Operation {
  return operation({
    id: 'showErasure',
    summary: 'Watch an erasure of an app',
    schema: { params: AdminErasureParams, answers: { 200: ErasureAnswer } },
    handle: async ({ params }) => {
      const erasure = await readErasure(database.read, params.app_key, params.erasure_id)
      return erasure ? answer(wireErasure(erasure)) : refuse('erasureUnknown')
    },
  })
}

export function listErasures(deps: AdminErasuresDeps): Operation {
  return operation({
    id: 'listErasures',
    summary: 'List the erasures of an app',
    description: 'The newest first; the open ones alone, the oldest first; or that of one user.',
    schema: { params: AdminAppParams, query: ErasuresQuery, answers: { 200: ErasuresAnswer } },
    handle: async ({ params, query }) => {
      const app = await deps.apps.find(params.app_key)
      if (!app) return refuse('appUnknown')
      const { open, before, registration_id: registrationId } = query
      if (Object.keys(query).length > 1) {
        return refuse('parameterInvalid', 'give one of open, before and registration_id')
      }
      if (registrationId !== undefined) return listOfOne(deps, app, registrationId)
      const { appKey } = app
      if (open !== undefined) {
        const rows = await readOpenErasures(deps.database.read, { appKey, limit: erasuresPerPage })
        return answer({ erasures: rows.map(itemOf), next: null })
      }
      const rows = await readErasures(deps.database.read, {
        appKey,
        // Behind every id.
        before: before ?? 'g',
        limit: erasuresPerPage + 1,
      })
      const page = rows.slice(0, erasuresPerPage)
      const next = rows.length > erasuresPerPage ? (page.at(-1)?.erasure_id ?? null) : null
      return answer({ erasures: page.map(itemOf), next })
    },
  })
}

async function listOfOne({ database }: AdminErasuresDeps, app: App, registrationId: string) {
  const id = parseId(registrationId)
  if (!id.ok) return refuse('oneRegistrationIdPerRequest')
  const erasureId = await findErasureId({ database }, app, id.value)
  const row = erasureId && (await readErasure(database.read, app.appKey, erasureId))
  return row ? answer({ erasures: [itemOf(row)], next: null }) : refuse('erasureUnknown')
}

function itemOf(row: ErasureItemRow): ErasureItem {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  return {
    erasure_id: row.erasure_id,
    state: wireState(row),
    origin: row.origin,
    deletion_id: row.deletion_id,
    hidden_at: new Date(row.accepted_at).toISOString(),
    removed_at: time(row.removed_at),
    erased_at: time(row.erased_at),
    attempts: row.attempts,
  }
}
