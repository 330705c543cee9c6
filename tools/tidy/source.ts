// A source file as the rules see it: text, syntax tree, comments, and whom it imports. Judging is left to the rules.
import path from 'node:path'
import { type Comment, type EcmaScriptModule, type Program, parseSync } from 'oxc-parser'

export type Import = {
  /** As written. */
  specifier: string
  /** Path from the repository's root, for files of ours. */
  target: string | undefined
  /** The imported names; none for `import '…'`, `import(…)` and `new URL('…', import.meta.url)`. */
  names: string[]
  isTypeOnly: boolean
  line: number
}

export type Source = {
  /** From the repository's root, with forward slashes. */
  path: string
  text: string
  program: Program
  comments: Comment[]
  imports: Import[]
  lineOf(offset: number): number
}

export type Manifest = {
  /** The package's folder from the repository's root. */
  folder: string
  name: string
  /** Files that the outside starts or imports: every path in `bin`, `main` and `exports`, patterns included. */
  entries: string[]
  /** `exports`, flattened: './*.ts' -> './src/*.ts'. */
  exports: Map<string, string>
}

export type Project = { sources: Source[]; manifests: Manifest[] }

export type Problem = { file: string; line: number; message: string }

export type Rule = (project: Project) => Problem[]

/** Parses every file given: path from the root -> text. Files named package.json become manifests. */
export function parseProject(files: Map<string, string>): Project {
  const manifests: Manifest[] = []
  for (const [file, text] of files)
    if (path.posix.basename(file) === 'package.json') manifests.push(parseManifest(file, text))
  const sources: Source[] = []
  for (const [file, text] of files) if (isSource(file)) sources.push(parseSource(file, text, manifests))
  return { sources, manifests }
}

/** Tests and their helpers: they may import and call what the product may not. */
export function isTest(file: string): boolean {
  return (
    /\.(test|fuzz|contract|crash|browser|bench)\.tsx?$/.test(file) || /^packages\/[^/]+\/test\//.test(file)
  )
}

/** The path below packages/server/src, for a file that is there. */
export function insideServer(file: string): string | undefined {
  const folder = 'packages/server/src/'
  return file.startsWith(folder) ? file.slice(folder.length) : undefined
}

/** The name of the package whose folder holds the file. */
export function packageOf(file: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(file)?.[1]
}

function isSource(file: string): boolean {
  return /\.(ts|tsx|mts|mjs)$/.test(file)
}

function parseSource(file: string, text: string, manifests: Manifest[]): Source {
  const { program, module, comments, errors } = parseSync(file, text)
  const [error] = errors
  if (error !== undefined) throw new Error(`${file} cannot be parsed: ${error.message}`)
  const lineOf = lineFinder(text)
  const written = [...declaredImports(module), ...dynamicImports(module, text), ...fileUrls(text)]
  const imports = written.map(({ offset, ...one }) => ({
    ...one,
    target: resolve(file, one.specifier, manifests),
    line: lineOf(offset),
  }))
  return { path: file, text, program, comments, imports, lineOf }
}

type WrittenImport = Pick<Import, 'specifier' | 'names' | 'isTypeOnly'> & { offset: number }

/** `import … from '…'` and `export … from '…'`. */
function declaredImports({ staticImports, staticExports }: EcmaScriptModule): WrittenImport[] {
  const imports = staticImports.map(({ moduleRequest, entries, start }) => ({
    specifier: moduleRequest.value,
    offset: start,
    names: entries.map((entry) => entry.importName.name ?? entry.localName.value),
    isTypeOnly: entries.length > 0 && entries.every((entry) => entry.isType),
  }))
  const exports = staticExports.flatMap(({ entries, start }) => {
    const from = entries[0]?.moduleRequest
    const isTypeOnly = entries.every((entry) => entry.isType)
    const names = entries.flatMap((entry) => entry.importName.name ?? [])
    return from ? [{ specifier: from.value, offset: start, names, isTypeOnly }] : []
  })
  return [...imports, ...exports]
}

/** `import('…')`, where the path is written out. */
function dynamicImports(module: EcmaScriptModule, text: string): WrittenImport[] {
  return module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const specifier = /^['"](.*)['"]$/.exec(text.slice(start, end))?.[1]
    return specifier === undefined ? [] : [{ specifier, offset: start, names: [], isTypeOnly: false }]
  })
}

/** `new URL('…', import.meta.url)`: how a thread or a program of ours is named. */
function fileUrls(text: string): WrittenImport[] {
  return [...text.matchAll(/new URL\(\s*['"]([^'"]+)['"],\s*import\.meta\.url\s*,?\s*\)/g)].map(
    ({ 1: specifier, index }) => ({
      specifier: specifier ?? '',
      offset: index,
      names: [],
      isTypeOnly: false,
    }),
  )
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1
}

function resolve(from: string, specifier: string, manifests: Manifest[]): string | undefined {
  if (specifier.startsWith('.')) return path.posix.join(path.posix.dirname(from), specifier)
  for (const { name, folder, exports } of manifests) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) continue
    const wanted = `.${specifier.slice(name.length)}`
    return path.posix.join(folder, exported(exports, wanted) ?? wanted)
  }
  return undefined
}

function exported(exports: Map<string, string>, wanted: string): string | undefined {
  for (const [pattern, target] of exports) {
    if (pattern === wanted) return target
    const [before, after] = pattern.split('*')
    if (before === undefined || after === undefined) continue
    if (wanted.startsWith(before) && wanted.endsWith(after)) {
      return target.replace('*', wanted.slice(before.length, wanted.length - after.length))
    }
  }
  return undefined
}

function parseManifest(file: string, text: string): Manifest {
  const folder = path.posix.dirname(file)
  const json = JSON.parse(text) as { name?: string; bin?: unknown; main?: string; exports?: unknown }
  const exports = new Map<string, string>()
  if (typeof json.exports === 'string') exports.set('.', json.exports)
  else {
    for (const [name, value] of Object.entries((json.exports ?? {}) as Record<string, unknown>)) {
      const [first] = strings(value)
      if (first !== undefined) exports.set(name, first)
    }
  }
  const entries = [...strings(json.bin), ...strings(json.main), ...strings(json.exports)]
  return {
    folder,
    name: json.name ?? '',
    exports,
    entries: entries.map((entry) => path.posix.join(folder, entry)),
  }
}

/** Every string in a value of JSON, however deep. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(strings)
}
