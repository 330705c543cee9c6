// Every file below packages/*/src is reached from something that runs: a package's entry, the server's two threads, a
// test or a tool.
import path from 'node:path'
import { isTest, type Project, type Rule, type Source } from '../source.ts'

/** Started by name, not imported: the server, its writer thread, a package that is one program, and what browsers load. */
const started = [
  'packages/*/src/main.ts',
  'packages/*/src/main.tsx',
  'packages/server/src/writer-thread.ts',
  'packages/web-sdk/src/page/{index,script,mtpush}.ts',
  'packages/web-sdk/src/worker/index.ts',
]

export const deadFiles: Rule = (project) => {
  const reached = reachedFrom(
    project,
    project.sources.filter((source) => isEntry(project, source)),
  )
  return project.sources
    .filter((source) => isBelowSrc(source.path) && !reached.has(source.path))
    .map((source) => ({
      file: source.path,
      line: 1,
      message: 'Nothing that runs reaches this file: import it where it is needed, or remove it.',
    }))
}

function isBelowSrc(file: string): boolean {
  return /^packages\/[^/]+\/src\//.test(file)
}

function isEntry({ manifests }: Project, { path: file }: Source): boolean {
  // A pattern (`./src/*.ts`) opens files to others; only somebody's import then makes them alive.
  const isNamed = manifests.some(({ entries }) => entries.includes(file))
  return (
    !isBelowSrc(file) || isTest(file) || isNamed || started.some((pattern) => path.matchesGlob(file, pattern))
  )
}

function reachedFrom({ sources }: Project, entries: Source[]): Set<string> {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const reached = new Set(entries.map((entry) => entry.path))
  const toVisit = [...entries]
  for (let source = toVisit.pop(); source !== undefined; source = toVisit.pop()) {
    for (const { target } of source.imports) {
      const next = target === undefined ? undefined : byPath.get(target)
      if (next === undefined || reached.has(next.path)) continue
      reached.add(next.path)
      toVisit.push(next)
    }
  }
  return reached
}
