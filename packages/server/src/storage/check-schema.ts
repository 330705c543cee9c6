/**
 * The boot check: the live database must be exactly what is declared. A table or column that the declaration does not
 * know is one that nobody would erase, so it stops the start.
 */

import type { CatalogueTable } from './database.ts'
import { MIGRATION_TABLES } from './migrations/migrate.ts'
import type { Table } from './table.ts'

/** One sentence for each difference; empty when the database is what is declared. */
export function schemaDifferences(
  declared: Readonly<Record<string, Table>>,
  catalogue: readonly CatalogueTable[],
): string[] {
  const live = new Map(catalogue.map((table) => [table.name, table]))
  const stray = catalogue
    .filter((table) => !(table.name in declared) && !MIGRATION_TABLES.includes(table.name))
    .map((table) => `the table ${table.name} is in the database but is not declared`)
  const others = Object.values(declared).flatMap((table) => tableDifferences(table, live.get(table.name)))
  return [...stray, ...others]
}

/** @throws Error that names every difference. */
export function checkSchema(
  declared: Readonly<Record<string, Table>>,
  catalogue: readonly CatalogueTable[],
): void {
  const differences = schemaDifferences(declared, catalogue)
  if (differences.length === 0) return
  throw new Error(
    `The database is not the one that this Lethe knows how to erase: ${differences.join('; ')}. ` +
      'Remove what is foreign, or declare it with an erasure rule in schema.ts.',
  )
}

function tableDifferences(table: Table, live: CatalogueTable | undefined): string[] {
  if (!live) return [`the table ${table.name} is missing`]
  const columns = new Map(live.columns.map((column) => [column.name, column]))
  const stray = live.columns
    .filter((column) => !(column.name in table.columns))
    .map((column) => `the column ${table.name}.${column.name} is in the database but is not declared`)
  const others = Object.entries(table.columns).flatMap(([name, declared]) => {
    const column = columns.get(name)
    if (!column) return [`the column ${table.name}.${name} is missing`]
    return column.isNullable === declared.isNullable
      ? []
      : [`the column ${table.name}.${name} differs in "not null"`]
  })
  return [...stray, ...others]
}
