/** Server API, aliases: who holds one, and take it away. */

import { AliasAnswer, AliasParams, AliasQuery, DeleteAliasAnswer } from '@lethe/protocol/alias.schemas.ts'
import { parsePlatformsQuery } from '@lethe/protocol/platform.ts'
import type { App } from '../apps/app.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, refuse, SUCCESS } from '../kernel/reply.ts'
import { removeAliases } from './change.store.ts'
import type { DevicesDeps } from './deps.ts'
import { readAliasHolder } from './devices.store.ts'
import { parseOneAlias } from './parse-device.ts'

export function readAlias({ database }: DevicesDeps): Operation<App> {
  return operation({
    id: 'readAlias',
    summary: 'Find the user that holds an alias',
    description: 'A list, as the API documents it, of at most one: within an app an alias names one user.',
    schema: { params: AliasParams, query: AliasQuery, answers: { 200: AliasAnswer } },
    async handle({ caller, params, query }) {
      const alias = parseOneAlias(params.alias, caller.settings.limits)
      if (!alias.ok) return refuse('parameterInvalid', alias.reason)
      const platforms = parsePlatformsQuery(query.platform)
      if (!platforms.ok) return refuse('parameterInvalid', platforms.reason)
      const holder = await readAliasHolder(database.read, {
        appKey: caller.appKey,
        alias: alias.value,
        platforms: platforms.value,
      })
      return answer({ registration_ids: holder === undefined ? [] : [holder] })
    },
  })
}

export function deleteAlias({ database, clock }: DevicesDeps): Operation<App> {
  return operation({
    id: 'deleteAlias',
    summary: 'Delete an alias: take it from the user that holds it',
    schema: { params: AliasParams, query: AliasQuery, answers: { 200: DeleteAliasAnswer } },
    async handle({ caller, params, query }) {
      const alias = parseOneAlias(params.alias, caller.settings.limits)
      if (!alias.ok) return refuse('parameterInvalid', alias.reason)
      const platforms = parsePlatformsQuery(query.platform)
      if (!platforms.ok) return refuse('parameterInvalid', platforms.reason)
      await database.write(removeAliases, {
        appKey: caller.appKey,
        alias: alias.value,
        platforms: platforms.value,
        now: clock.now(),
      })
      return answer(SUCCESS)
    },
  })
}
