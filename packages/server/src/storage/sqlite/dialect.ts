/** How a prepared statement is written for SQLite: the batch travels as one JSON text. */

import type { Dialect, InputColumns, StatementText } from '../statement.ts'

export const sqliteDialect: Dialect = {
  text: (statement) => statement.write(textFor(statement.columns)),
  parameters: (statement, rows, scalars) => {
    const names = Object.keys(statement.columns)
    const batch = rows.map((row) => names.map((name) => (row as Record<string, unknown>)[name]))
    return names.length === 0 ? [...scalars] : [JSON.stringify(batch), ...scalars]
  },
}

function textFor(columns: InputColumns): StatementText {
  const fields = Object.keys(columns).map((name, index) => `value ->> ${index} as ${name}`)
  return {
    input: `(select ${fields.join(', ')} from json_each(?1)) as input`,
    value: (n) => `?${n + (fields.length === 0 ? 0 : 1)}`,
    lockRows: () => '',
    skipLocked: () => '',
  }
}
