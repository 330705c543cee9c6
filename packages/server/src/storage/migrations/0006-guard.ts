/** The deletion guard: a row for each app from which somebody was deleted, or whose guard was set. */

import type { MigrationStatements } from './migrate.ts'

export const guard: MigrationStatements = (engine) => {
  const clustered = engine === 'sqlite' ? 'strict, without rowid' : ''
  const big = engine === 'sqlite' ? 'integer' : 'bigint'
  return [
    `create table guard (
      app_key text not null primary key references app,
      is_off ${big} not null,
      share_percent ${big},
      minimum ${big},
      users ${big} not null,
      counted_at ${big},
      opening text,
      open_until ${big},
      tripped_at ${big},
      slots text not null
    ) ${clustered}`,
  ]
}
