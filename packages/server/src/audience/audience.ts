/**
 * Whom a push is for, once its words are understood. An audience holds only users who are live and reachable; a
 * condition narrows it, and none can widen it.
 */

import type { Alias, RegistrationId, Tag } from '../kernel/personal.ts'

export type Audience =
  | { readonly kind: 'everyone' }
  /** Users who fit all conditions: at least one, and of each kind at most one. */
  | { readonly kind: 'intersection'; readonly conditions: readonly Condition[] }

/** The lists are never empty and name nothing twice. */
export type Condition =
  | { readonly kind: 'anyTag'; readonly tags: readonly Tag[] }
  | { readonly kind: 'allTags'; readonly tags: readonly Tag[] }
  | { readonly kind: 'noTag'; readonly tags: readonly Tag[] }
  | { readonly kind: 'anyAlias'; readonly aliases: readonly Alias[] }
  | { readonly kind: 'anyId'; readonly registrationIds: readonly RegistrationId[] }

export type ConditionKind = Condition['kind']

export function conditionsOf(audience: Audience): readonly Condition[] {
  return audience.kind === 'everyone' ? [] : audience.conditions
}

/** What the condition names, whatever its kind. */
export function namesIn(condition: Condition): readonly (Tag | Alias | RegistrationId)[] {
  switch (condition.kind) {
    case 'anyTag':
    case 'allTags':
    case 'noTag':
      return condition.tags
    case 'anyAlias':
      return condition.aliases
    case 'anyId':
      return condition.registrationIds
  }
}

/** Every tag that a condition names, each once. */
export function tagsIn(audience: Audience): Tag[] {
  return [
    ...new Set(conditionsOf(audience).flatMap((condition) => ('tags' in condition ? condition.tags : []))),
  ]
}
