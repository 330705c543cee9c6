/** The version of a user: raised whenever tags, alias or facts change, so that a deletion can say which one it means. */

import type { MigrationStatements } from './migrate.ts'

export const version: MigrationStatements = (engine) => [
  `alter table device add column version ${engine === 'sqlite' ? 'integer' : 'bigint'} not null default 1`,
]
