/**
 * An index that answers who can be reached without a look at the device rows, which are many times as wide. It holds
 * exactly the users that an audience may hold; hiding a user or taking its token away takes it out.
 */

import type { MigrationStatements } from './migrate.ts'

export const audience: MigrationStatements = (engine) => [
  // SQLite reads an index alone only if it holds every column that is asked about, those of its own condition included.
  engine === 'sqlite'
    ? `create index device_reachable on device (app_key, registration_id, platform, token_digest)
        where state = 'live' and token_digest is not null`
    : `create index device_reachable on device (app_key, registration_id) include (platform)
        where state = 'live' and token_digest is not null`,
]
