/** Operator API: look at an audience before something is done with it. */

import { AdminAppParams } from '@lethe/protocol/admin.schemas.ts'
import { AudienceCheckAnswer, AudienceCheckBody } from '@lethe/protocol/audience-check.schemas.ts'
import type { AppDirectory } from '../apps/find-app.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, refuse } from '../kernel/reply.ts'
import { type AudienceCheck, type CheckDeps, checkAudience } from './check-audience.ts'
import { parseAudience } from './parse-audience.ts'

export interface AdminAudienceDeps extends CheckDeps {
  readonly apps: AppDirectory
}

export function checkAudienceOfApp(deps: AdminAudienceDeps): Operation {
  return operation({
    id: 'checkAudience',
    summary: 'Look at an audience before something is done with it',
    description:
      'Takes the audience of a push and tells how many live users fit, who can be reached and how, and shows some of them. ' +
      'Nothing is sent, changed or kept. Users who cannot be reached count too: a deletion would take them.',
    schema: { params: AdminAppParams, body: AudienceCheckBody, answers: { 200: AudienceCheckAnswer } },
    handle: async ({ params, body }) => {
      const app = await deps.apps.find(params.app_key)
      if (!app) return refuse('appUnknown')
      const audience = parseAudience(body.to, app.settings.limits)
      if (!audience.ok) return refuse(audience.error, audience.message)
      const [{ key }] = app.erasureKeys
      const check = await checkAudience(deps, { appKey: app.appKey, audience: audience.value, key })
      return answer(checkAnswer(check))
    },
  })
}

function checkAnswer(check: AudienceCheck): AudienceCheckAnswer {
  const { users, liveUsers, byPlatform, reachable, fingerprint, unknownTags, sample } = check
  return {
    users,
    live_users: liveUsers,
    // Users may have come or gone between the two counts.
    share: liveUsers === 0 ? 0 : Math.min(1, users / liveUsers),
    by_platform: byPlatform,
    reachable: {
      users: reachable.users,
      by_platform: reachable.byPlatform,
      by_channel: reachable.byChannel,
    },
    fingerprint,
    unknown_tags: [...unknownTags],
    sample: sample.map(({ registrationId, platform, isReachable, alias, tags }) => ({
      registration_id: registrationId,
      platform,
      reachable: isReachable,
      alias: alias ?? '',
      tags: [...tags],
    })),
  }
}
