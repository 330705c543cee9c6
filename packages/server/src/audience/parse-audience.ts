/** Turns `to`, which has passed its schema, into an audience, or says what is wrong with it. */

import type { AudienceBody } from '@lethe/protocol/audience.schemas.ts'
import { fault, type Judged, passed, type Refusal } from '@lethe/protocol/fault.ts'
import type { AppLimits } from '@lethe/protocol/limits.ts'
import type { Parsed } from '@lethe/protocol/parsed.ts'
import { parseAlias, parseTag } from '@lethe/protocol/tag-and-alias.ts'
import type { Alias, RegistrationId, Tag } from '../kernel/personal.ts'
import { type Audience, type Condition, namesIn } from './audience.ts'

type Keys = Exclude<AudienceBody, 'all'>

/**
 * Keys intersect, an empty list counts as absent, a name that is given twice counts once. Refuses an audience without
 * a key, names that break their rule, and what is not supported yet. The schema has refused unknown keys before.
 */
export function parseAudience(to: AudienceBody, limits: AppLimits): Judged<Audience> {
  if (to === 'all') return passed({ kind: 'everyone' })
  const refusal = refusalOfKeys(to) ?? refusalOfNames(to, limits)
  if (refusal) return refusal
  const conditions = conditionsIn(to)
  if (conditions.length === 0)
    return fault(
      'parameterInvalid',
      'to: all, or at least one of tag, tag_and, tag_not, alias and registration_id that is not empty',
    )
  return passed({ kind: 'intersection', conditions })
}

function refusalOfKeys({ seg, live_activity_id: liveActivityId }: Keys): Refusal | undefined {
  if (seg !== undefined) return fault('parameterInvalid', 'to.seg: not supported yet')
  if (liveActivityId !== undefined) return fault('parameterInvalid', 'to.live_activity_id: not supported yet')
  return undefined
}

function refusalOfNames(to: Keys, { tagBytes, aliasBytes }: AppLimits): Refusal | undefined {
  for (const key of ['tag', 'tag_and', 'tag_not'] as const) {
    const refusal = firstRefusal(key, to[key], (tag) => parseTag(tag, tagBytes))
    if (refusal) return refusal
  }
  return firstRefusal('alias', to.alias, (alias) => parseAlias(alias, aliasBytes))
}

function firstRefusal(
  key: string,
  names: readonly string[] | undefined,
  parse: (name: string) => Parsed<string>,
): Refusal | undefined {
  for (const [index, name] of (names ?? []).entries()) {
    const parsed = parse(name)
    if (!parsed.ok) return fault('parameterInvalid', `to.${key}[${index}]: ${parsed.reason}`)
  }
  return undefined
}

function conditionsIn(to: Keys): Condition[] {
  const tags = (list: readonly string[] | undefined) => unique(list) as Tag[]
  const all: Condition[] = [
    { kind: 'anyId', registrationIds: unique(to.registration_id) as RegistrationId[] },
    { kind: 'anyAlias', aliases: unique(to.alias) as Alias[] },
    { kind: 'allTags', tags: tags(to.tag_and) },
    { kind: 'anyTag', tags: tags(to.tag) },
    { kind: 'noTag', tags: tags(to.tag_not) },
  ]
  return all.filter((condition) => namesIn(condition).length > 0)
}

function unique(names: readonly string[] | undefined): string[] {
  return [...new Set(names)]
}
