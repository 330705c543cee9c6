/** The audience of a push to many as it is stored: conditions on tags alone, since those name no user. */

import { type Audience, conditionsOf } from '../audience/audience.ts'
import type { Content } from './push.tables.ts'

/** Whether the audience names users. Then they are looked up when the push is accepted, and wait as rows of their own. */
export function namesUsers(audience: Audience): boolean {
  return conditionsOf(audience).some(({ kind }) => kind === 'anyId' || kind === 'anyAlias')
}

export function storeAudience(audience: Audience): Content {
  return JSON.stringify(conditionsOf(audience)) as Content
}

export function restoreAudience(stored: Content): Audience {
  const conditions = JSON.parse(stored) as Extract<Audience, { kind: 'intersection' }>['conditions']
  return conditions.length === 0 ? { kind: 'everyone' } : { kind: 'intersection', conditions }
}
