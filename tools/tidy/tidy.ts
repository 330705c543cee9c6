// All rules over a whole repository.
import { banned } from './rules/banned.ts'
import { deadFiles } from './rules/dead-files.ts'
import { imports } from './rules/imports.ts'
import { names } from './rules/names.ts'
import { size } from './rules/size.ts'
import { sql } from './rules/sql.ts'
import { type Problem, parseProject, type Rule } from './source.ts'

const rules: Rule[] = [imports, banned, sql, size, deadFiles, names]

/** Path from the repository's root -> text of every source file and package.json. Answers problems by file and line. */
export function tidy(files: Map<string, string>): Problem[] {
  const project = parseProject(files)
  return rules
    .flatMap((rule) => rule(project))
    .sort((one, other) => compare(one.file, other.file) || one.line - other.line)
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
