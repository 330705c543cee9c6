/** Answers that several endpoints of the registry share. */

import { type Reply, refuse } from '../kernel/reply.ts'
import type { OverLimit } from './working-set.ts'

/** Says which limit a change would pass, and its value. */
export function refuseOverLimit({ limit, value }: OverLimit): Reply {
  return refuse('parameterInvalid', `${LIMITS[limit]}: at most ${value}`)
}

const LIMITS: Record<OverLimit['limit'], string> = {
  tagsPerDevice: 'too many tags on one registration id',
  tagsPerApp: 'too many different tags in this app',
  devicesPerTag: 'too many registration ids with this tag',
  aliasesPerApp: 'too many aliases in this app',
}
