/** Server API, tags: list them, give and take one, delete one, count its holders, read how much of the limits is used. */

import { parsePlatformsQuery } from '@lethe/protocol/platform.ts'
import {
  DeleteTagAnswer,
  DeleteTagQuery,
  SetTagAnswer,
  SetTagBody,
  TagOfDeviceAnswer,
  TagOfDeviceParams,
  TagParams,
  TagQuotaAnswer,
  TagsAnswer,
  TagsCountAnswer,
  TagsQuery,
} from '@lethe/protocol/tag.schemas.ts'
import { parseTagsQuery } from '@lethe/protocol/tag-and-alias.ts'
import type { App } from '../apps/app.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { RegistrationId, Tag } from '../kernel/personal.ts'
import { answer, refuse, SUCCESS } from '../kernel/reply.ts'
import { refuseOverLimit } from './answers.ts'
import { changeTagOnDevices, removeTagStep } from './change.store.ts'
import type { DevicesDeps } from './deps.ts'
import { readHasTag, readTagCounts, readTags, readUsage } from './devices.store.ts'
import { idTombstones } from './digests.ts'
import { parseId, parseOneTag } from './parse-device.ts'

export function listTags({ database }: DevicesDeps): Operation<App> {
  return operation({
    id: 'listTags',
    summary: 'List all tags of the app',
    schema: { answers: { 200: TagsAnswer } },
    handle: async ({ caller }) => answer({ tags: await readTags(database.read, caller.appKey) }),
  })
}

export function setTag({ database, clock }: DevicesDeps): Operation<App> {
  return operation({
    id: 'setTag',
    summary: 'Give a tag to some users and take it from others',
    description:
      'An id to add that was never of this app refuses the whole call. Deleted users are skipped; the header Lethe-Skipped ' +
      'says how many ids were.',
    schema: { params: TagParams, body: SetTagBody, answers: { 200: SetTagAnswer } },
    async handle({ caller, params, body }) {
      const { limits } = caller.settings
      const tag = parseOneTag(params.tag, limits)
      if (!tag.ok) return refuse('parameterInvalid', tag.reason)
      const add = (body.registration_ids.add ?? []) as RegistrationId[]
      const output = await database.write(changeTagOnDevices, {
        appKey: caller.appKey,
        tag: tag.value,
        add: [...new Set(add)].map((registrationId) => ({
          registrationId,
          tombstones: idTombstones(caller.erasureKeys, registrationId),
        })),
        remove: [...new Set(body.registration_ids.remove as RegistrationId[] | undefined)],
        limits,
        now: clock.now(),
      })
      if (output.kind === 'overLimit') return refuseOverLimit(output)
      if (output.kind === 'unknownId') return refuse('registrationIdUnknown')
      return answer(
        SUCCESS,
        output.skippedCount > 0 ? { 'lethe-skipped': String(output.skippedCount) } : undefined,
      )
    },
  })
}

export function deleteTag({ database, clock }: DevicesDeps): Operation<App> {
  return operation({
    id: 'deleteTag',
    summary: 'Delete a tag: take it from every user',
    schema: { params: TagParams, query: DeleteTagQuery, answers: { 200: DeleteTagAnswer } },
    async handle({ caller, params, query }) {
      const tag = parseOneTag(params.tag, caller.settings.limits)
      if (!tag.ok) return refuse('parameterInvalid', tag.reason)
      const platforms = parsePlatformsQuery(query.platform)
      if (!platforms.ok) return refuse('parameterInvalid', platforms.reason)
      const step = { appKey: caller.appKey, tag: tag.value, platforms: platforms.value, now: clock.now() }
      while ((await database.write(removeTagStep, step)) > 0);
      return answer(SUCCESS)
    },
  })
}

export function countTags({ database }: DevicesDeps): Operation<App> {
  return operation({
    id: 'countTags',
    summary: 'Count the users that hold each tag',
    schema: { query: TagsQuery, answers: { 200: TagsCountAnswer } },
    async handle({ caller, query }) {
      if (query.tags === undefined) return refuse('parameterMissing', 'tags is required in the query')
      const tags = parseTagsQuery(query.tags, caller.settings.limits.tagBytes)
      if (!tags.ok) return refuse('parameterInvalid', tags.reason)
      const platforms = parsePlatformsQuery(query.platform)
      if (!platforms.ok) return refuse('parameterInvalid', platforms.reason)
      const counts = await readTagCounts(database.read, {
        appKey: caller.appKey,
        tags: tags.value as Tag[],
        platforms: platforms.value,
      })
      return answer({ tagsCount: Object.fromEntries(counts) })
    },
  })
}

export function readTagOfDevice({ database }: DevicesDeps): Operation<App> {
  return operation({
    id: 'readTagOfDevice',
    summary: 'Tell whether a user holds a tag',
    schema: { params: TagOfDeviceParams, answers: { 200: TagOfDeviceAnswer } },
    async handle({ caller, params }) {
      const tag = parseOneTag(params.tag, caller.settings.limits)
      if (!tag.ok) return refuse('parameterInvalid', tag.reason)
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const key = { appKey: caller.appKey, registrationId: id.value }
      const result = await readHasTag(database.read, key, tag.value)
      return result === undefined ? refuse('registrationIdUnknown') : answer({ result })
    },
  })
}

export function readTagQuota({ database }: DevicesDeps): Operation<App> {
  return operation({
    id: 'readTagQuota',
    summary: 'Read how much of the limits on tags and aliases is used',
    schema: { query: TagsQuery, answers: { 200: TagQuotaAnswer } },
    async handle({ caller, query }) {
      const { limits } = caller.settings
      const platforms = parsePlatformsQuery(query.platform)
      if (!platforms.ok) return refuse('parameterInvalid', platforms.reason)
      const hasTags = query.tags !== undefined && query.tags.length > 0
      const tags = hasTags ? parseTagsQuery(query.tags, limits.tagBytes) : { ok: true as const, value: [] }
      if (!tags.ok) return refuse('parameterInvalid', tags.reason)
      const usage = await readUsage(database.read, caller.appKey)
      const counts = await readTagCounts(database.read, {
        appKey: caller.appKey,
        tags: tags.value as Tag[],
        platforms: platforms.value,
      })
      const details = [...counts].map(([tagName, useUidQuota]) => ({
        tagName,
        totalUidQuota: limits.devicesPerTag,
        useUidQuota,
      }))
      return answer({
        data: {
          totalTagQuota: limits.tagsPerApp,
          useTagQuota: usage.tagCount,
          totalAliasQuota: limits.aliasesPerApp,
          useAliasQuota: usage.aliasCount,
          ...(hasTags ? { tagUidQuotaDetail: details } : {}),
        },
      })
    },
  })
}
