/** How a prepared statement is written for SQLite: the batch travels as one JSON text. */

import type { Dialect, InputColumns, StatementText } from '../statement.ts'

export const sqliteDialect: Dialect = {
  text: (statement) => statement.write(textFor(statement.columns)),
  parameters: (statement, rows, scalars) => {
    const names = Object.keys(statement.columns)
    const batch = rows.map((row) => names.map((name) => (row as Record<string, unknown>)[name]))
    const values = scalars.map((value, index) => [`v${index + 1}`, value])
    return [{ input: JSON.stringify(batch), ...Object.fromEntries(values) }]
  },
}

function textFor(columns: InputColumns): StatementText {
  const fields = Object.keys(columns).map((name, index) => `value ->> ${index} as ${name}`)
  return {
    input: `(select ${fields.join(', ')} from json_each(:input)) as input`,
    value: (n) => `:v${n}`,
    lockRows: () => '',
    skipLocked: () => '',
  }
}
