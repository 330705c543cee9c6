/** What the endpoints of the registry use. */

import type { Clock } from '../kernel/clock.ts'
import type { Random } from '../kernel/random.ts'
import type { Db } from '../schema.ts'

export interface DevicesDeps {
  readonly database: Db
  readonly clock: Clock
  readonly random: Random
}
