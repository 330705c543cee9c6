/** How a prepared statement is written for PostgreSQL: the batch travels as one array per column. */

import type { Dialect, InputColumns, StatementText } from '../statement.ts'

export const postgresDialect: Dialect = {
  text: (statement) => statement.write(textFor(statement.columns)),
  parameters: (statement, rows, scalars) => {
    const names = Object.keys(statement.columns)
    const arrays = names.map((name) => rows.map((row) => (row as Record<string, unknown>)[name] ?? null))
    return [...arrays, ...scalars]
  },
}

function textFor(columns: InputColumns): StatementText {
  const names = Object.keys(columns)
  const arrays = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`)
  return {
    input: `unnest(${arrays.join(', ')}) as input (${names.join(', ')})`,
    value: (n) => `$${n + names.length}`,
    lockRows: (alias) => `for no key update of ${alias}`,
    skipLocked: (alias) => `for no key update of ${alias} skip locked`,
  }
}
