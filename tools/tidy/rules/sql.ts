// SQL lives in stores and in storage/, and tables are made and changed in migrations only: whoever looks for what is
// kept about a user has few places to look.
import path from 'node:path'
import { Visitor } from 'oxc-parser'
import { insideServer, isTest, type Problem, packageOf, type Rule, type Source } from '../source.ts'

/** Below packages/server/src. The second sets a column to the type that it has, which clears its statistics. */
const tableMakers = ['storage/migrations/**', 'storage/postgres/clear-statistics.ts']
/** Below packages/server/src. The audience compiler makes the conditions that stores put into their statements. */
const sqlWriters = ['**/*.store.ts', 'storage/**', 'audience/audience-sql.ts']

const tableText = /\b(create|alter|drop)\s+(temp\s+|temporary\s+|unlogged\s+)?table\b/i
const tableBuilders = ['createTable', 'alterTable', 'dropTable']
const sqlText =
  /^\s*(select\s[\s\S]*\sfrom\s|select\s+\d|insert\s+into\s|update\s+\S+\s+(as\s+\S+\s+)?set\s|delete\s+from\s|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s)/i
const sqlBuilders = ['selectFrom', 'insertInto', 'updateTable', 'deleteFrom', 'replaceInto', 'mergeInto']

export const sql: Rule = ({ sources }) =>
  sources
    .filter((source) => packageOf(source.path) !== undefined && !isTest(source.path))
    .flatMap(checkSource)

function checkSource(source: Source): Problem[] {
  const inServer = insideServer(source.path) ?? ''
  const mayMakeTables = tableMakers.some((pattern) => path.matchesGlob(inServer, pattern))
  const mayWriteSql = sqlWriters.some((pattern) => path.matchesGlob(inServer, pattern))
  const problems = new Map<number, Problem>()
  const add = (offset: number, message: string) => {
    const line = source.lineOf(offset)
    problems.set(line, { file: source.path, line, message })
  }
  const checkText = (offset: number, text: string) => {
    if (!mayMakeTables && tableText.test(text)) {
      add(offset, 'Tables are made and changed in storage/migrations/ only: write a migration.')
    } else if (!mayWriteSql && sqlText.test(text)) {
      add(offset, "SQL belongs into the room's *.store.ts: move the statement there and call it.")
    }
  }
  new Visitor({
    Literal(node) {
      if (typeof node.value === 'string') checkText(node.start, node.value)
    },
    TemplateLiteral(node) {
      // A word stands for each inserted value, so that `update ${table} set` still reads as SQL.
      checkText(node.start, node.quasis.map((quasi) => quasi.value.cooked ?? '').join('inserted'))
    },
    CallExpression({ callee, start }) {
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return
      const { name } = callee.property
      if (!mayMakeTables && tableBuilders.includes(name)) {
        add(start, 'Tables are made and changed in storage/migrations/ only: write a migration.')
      } else if (!mayWriteSql && sqlBuilders.includes(name)) {
        add(start, "SQL belongs into the room's *.store.ts: move the statement there and call it.")
      }
    },
  }).visit(source.program)
  return [...problems.values()]
}
