// Files and functions stay small enough to be read at once. A file that has to be longer says why in a comment line of
// its own, `// size: <reason>`; that excuses the lengths, never the parameters.
import { type ArrowFunctionExpression, type Function as FunctionNode, Visitor } from 'oxc-parser'
import type { Problem, Rule, Source } from '../source.ts'

const fileLinesMax = 500
const functionLinesMax = 70
const parametersMax = 3

export const size: Rule = ({ sources }) => sources.flatMap(checkSource)

function checkSource(source: Source): Problem[] {
  const isExcused = source.comments.some(({ type, value }) => type === 'Line' && /^ size: \S/.test(value))
  const problems: Problem[] = []
  const add = (line: number, message: string) => problems.push({ file: source.path, line, message })
  const mend = 'divide it by subject, or say why not in a comment line `// size: <reason>`.'

  const lines = source.text.trimEnd().split('\n').length
  if (!isExcused && lines > fileLinesMax)
    add(fileLinesMax + 1, `This file has ${lines} lines of ${fileLinesMax}: ${mend}`)

  const suites = new Set<unknown>()
  const checkFunction = (node: FunctionNode | ArrowFunctionExpression) => {
    const line = source.lineOf(node.start)
    const length = source.lineOf(node.end) - line + 1
    if (!isExcused && length > functionLinesMax && !suites.has(node)) {
      add(line, `This function has ${length} lines of ${functionLinesMax}: ${mend}`)
    }
    const parameters = node.params.length
    if (node.body !== null && parameters > parametersMax) {
      add(
        line,
        `This function takes ${parameters} parameters of ${parametersMax}: take one object (\`input\`) instead.`,
      )
    }
  }
  new Visitor({
    // Visited before the functions it is given: a suite is a list of tests, each measured by itself.
    CallExpression({ callee, arguments: given }) {
      const isSuite = callee.type === 'Identifier' && ['describe', 'suite'].includes(callee.name)
      if (isSuite) for (const argument of given) suites.add(argument)
    },
    FunctionDeclaration: checkFunction,
    FunctionExpression: checkFunction,
    ArrowFunctionExpression: checkFunction,
  }).visit(source.program)
  return problems
}
