// `npm run tidy`: prints what the compiler and the linter cannot see, as `file:line: what to do`, and fails if there is any.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { tidy } from './tidy.ts'

const patterns = ['packages/**/*.{ts,tsx,mts,mjs}', 'packages/*/package.json', 'tools/**/*.{ts,tsx,mts,mjs}']

const root = path.join(import.meta.dirname, '..', '..')
const found = globSync(patterns, { cwd: root, exclude: ['**/node_modules', '**/dist'] })
const files = new Map(
  found.sort().map((file) => [file.replaceAll(path.sep, '/'), readFileSync(path.join(root, file), 'utf8')]),
)

const problems = tidy(files)
for (const { file, line, message } of problems) process.stdout.write(`${file}:${line}: ${message}\n`)
process.stdout.write(`${files.size} files, ${problems.length} to mend.\n`)
process.exitCode = problems.length === 0 ? 0 : 1
