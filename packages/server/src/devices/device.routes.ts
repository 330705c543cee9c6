/** Server API, devices: read and set tags and alias, online status, registration by vendor token. */

import {
  DeviceAnswer,
  DeviceParams,
  DeviceStatusAnswer,
  DeviceStatusBody,
  RegisterTokensAnswer,
  RegisterTokensBody,
  SetDeviceAnswer,
  SetDeviceBody,
} from '@lethe/protocol/device.schemas.ts'
import { errors } from '@lethe/protocol/errors.ts'
import { versionTag } from '@lethe/protocol/if-match.ts'
import { onlineWindowMs } from '@lethe/protocol/limits.ts'
import type { App } from '../apps/app.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { answer, refuse, SUCCESS } from '../kernel/reply.ts'
import { refuseOverLimit } from './answers.ts'
import { changeDevices } from './change.store.ts'
import type { DevicesDeps } from './deps.ts'
import { readLastSeen, readTagsAndAlias } from './devices.store.ts'
import { parseAliasChange, parseId, parseTagChange } from './parse-device.ts'
import { registerTokens, type TokenResult } from './register-tokens.ts'

export type { DevicesDeps }

export function readDevice({ database }: DevicesDeps): Operation<App> {
  return operation({
    id: 'readDevice',
    summary: 'Read the tags and the alias of a user',
    description:
      'The header ETag is the version of the user: it changes with its tags, its alias and the facts of its device, and with nothing ' +
      'else. DELETE takes it as If-Match.',
    schema: { params: DeviceParams, answers: { 200: DeviceAnswer } },
    async handle({ caller, params }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const found = await readTagsAndAlias(database.read, { appKey: caller.appKey, registrationId: id.value })
      if (!found) return refuse('registrationIdUnknown')
      return answer({ tags: found.tags, alias: found.alias ?? '' }, { etag: versionTag(found.version) })
    },
  })
}

export function setDevice({ database, clock }: DevicesDeps): Operation<App> {
  return operation({
    id: 'setDevice',
    summary: 'Add and remove tags of a user, set its alias',
    description:
      'Tags change by what is given, and the empty string instead of an object removes all. An alias that another user holds ' +
      'moves to this one; the empty string removes it.',
    schema: { params: DeviceParams, body: SetDeviceBody, answers: { 200: SetDeviceAnswer } },
    async handle({ caller, params, body }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const { limits } = caller.settings
      const tags = parseTagChange(body.tags, limits)
      if (!tags.ok) return refuse('parameterInvalid', tags.reason)
      const alias = parseAliasChange(body.alias, limits)
      if (!alias.ok) return refuse('parameterInvalid', alias.reason)
      const output = await database.write(changeDevices, {
        appKey: caller.appKey,
        registrationId: id.value,
        ...(tags.value ? { tags: tags.value } : {}),
        ...(alias.value === undefined ? {} : { alias: alias.value }),
        limits,
        now: clock.now(),
      })
      if (output.kind === 'overLimit') return refuseOverLimit(output)
      return output.kind === 'changed' ? answer(SUCCESS) : refuse('registrationIdUnknown')
    },
  })
}

export function readDeviceStatus({ database, clock }: DevicesDeps): Operation<App> {
  return operation({
    id: 'readDeviceStatus',
    summary: 'Tell which users are online',
    description: 'Online: seen within ten minutes. Ids that are unknown or deleted are left out.',
    schema: { body: DeviceStatusBody, answers: { 200: DeviceStatusAnswer } },
    async handle({ caller, body }) {
      const ids = [...new Set(body.registration_ids)] as RegistrationId[]
      const seen = await readLastSeen(database.read, caller.appKey, ids)
      const bySeen = new Map(seen.map((row) => [row.registration_id, row.last_seen_at]))
      const onlineSince = clock.now() - onlineWindowMs
      return answer(
        ids.flatMap((regid) => {
          const lastSeenAt = bySeen.get(regid)
          if (lastSeenAt === undefined) return []
          const online = lastSeenAt >= onlineSince
          return [online ? { regid, online } : { regid, online, last_online_time: wireTime(lastSeenAt) }]
        }),
      )
    },
  })
}

export function registerDeviceTokens(deps: DevicesDeps): Operation<App> {
  return operation({
    id: 'registerTokens',
    summary: 'Register users by their vendor tokens',
    description:
      'A token that a live user holds gives that user. A token of a deleted user is refused: only the user can bring it back, ' +
      'by a registration of their own.',
    schema: { body: RegisterTokensBody, answers: { 200: RegisterTokensAnswer } },
    async handle({ caller, body }) {
      const isIos = body.platform === 'ios'
      if (isIos && body.apns_production === undefined) {
        return refuse('parameterMissing', 'apns_production is required for ios')
      }
      if (!isIos && body.apns_production !== undefined) {
        return refuse('parameterInvalid', 'apns_production is for ios only')
      }
      const results = await registerTokens(deps, caller, {
        platform: body.platform,
        tokens: body.tokens,
        isProduction: body.apns_production ?? true,
      })
      return answer({ results: results.map(wireResult) })
    },
  })
}

function wireResult(result: TokenResult) {
  const { token } = result
  switch (result.kind) {
    case 'registered':
      return { token, registration_id: result.registrationId, is_new: true, code: 0 }
    case 'held':
      return { token, registration_id: result.registrationId, is_new: false, code: 0 }
    case 'erased': {
      const message = 'the user of this token was deleted; only a registration by the user brings it back'
      return { token, is_new: false, code: errors.registrationIdUnknown.code, message }
    }
    case 'malformed':
      return { token, is_new: false, code: errors.parameterInvalid.code, message: result.reason }
  }
}

/** The documented form, `yyyy-MM-dd HH:mm:ss`; in UTC. */
function wireTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}
