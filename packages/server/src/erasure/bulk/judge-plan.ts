/** Judges what a plan of deletions is asked for. What is doubtful is refused: a plan that means too many is worse than none. */

import type { AudienceBody } from '@lethe/protocol/audience.schemas.ts'
import type { PlanDeletionBody } from '@lethe/protocol/deletion.schemas.ts'
import { fault, type Judged, passed, type Refusal } from '@lethe/protocol/fault.ts'
import type { App } from '../../apps/app.ts'
import type { Audience } from '../../audience/audience.ts'
import { findUnknownTags } from '../../audience/check-audience.ts'
import { parseAudience } from '../../audience/parse-audience.ts'
import type { Db } from '../../schema.ts'

export type AskedPlan =
  | { readonly source: 'audience'; readonly audience: Audience; readonly fingerprint: string | undefined }
  | { readonly source: 'registrationIds' | 'aliases' }

export async function judgePlan(
  deps: { readonly database: Pick<Db, 'read' | 'engine'> },
  app: App,
  { to, list_of: listOf, fingerprint }: PlanDeletionBody,
): Promise<Judged<AskedPlan>> {
  if ((to === undefined) === (listOf === undefined)) {
    return fault('parameterInvalid', 'give exactly one of to and list_of')
  }
  if (to === undefined) {
    if (fingerprint !== undefined) return fault('parameterInvalid', 'fingerprint: a list has none')
    return passed({ source: listOf === 'aliases' ? 'aliases' : 'registrationIds' })
  }
  const audience = parseAudience(to, app.settings.limits)
  if (!audience.ok) return audience
  const unknown = await findUnknownTags(deps, { appKey: app.appKey, audience: audience.value })
  return (
    refusalOfTags(to, new Set(unknown)) ??
    passed({ source: 'audience', audience: audience.value, fingerprint })
  )
}

/** In `tag_not` a misspelt tag would spare nobody. */
function refusalOfTags(to: AudienceBody, unknown: ReadonlySet<string>): Refusal | undefined {
  if (to === 'all') return undefined
  for (const key of ['tag', 'tag_and', 'tag_not'] as const) {
    const index = to[key]?.findIndex((tag) => unknown.has(tag)) ?? -1
    if (index >= 0)
      return fault('parameterInvalid', `to.${key}[${index}]: no user holds this tag; is it misspelt?`)
  }
  return undefined
}
