// Imports run along the edges of the import table, and nowhere else.
import path from 'node:path'
import { knownOnlyTo, packages, rooms, strangers, typesOnly } from '../import-table.ts'
import {
  type Import,
  insideServer,
  isTest,
  type Problem,
  packageOf,
  type Rule,
  type Source,
} from '../source.ts'

const table = 'tools/tidy/import-table.ts'

export const imports: Rule = ({ sources }) =>
  sources.filter((source) => packageOf(source.path) !== undefined).flatMap(checkSource)

function checkSource(source: Source): Problem[] {
  const problem = (line: number, message: string): Problem => ({ file: source.path, line, message })
  const inServer = insideServer(source.path)
  if (inServer !== undefined && path.posix.basename(inServer) === 'index.ts') {
    return [
      problem(
        1,
        'The server has no barrels: remove this file and import from the file that declares the thing.',
      ),
    ]
  }
  if (isTest(source.path)) return []
  const messages = (one: Import) =>
    [
      refusalBetweenPackages(source, one),
      refusalBetweenStrangers(source, one),
      refusalInServer(source, one),
    ].filter((message) => message !== undefined)
  return source.imports.flatMap((one) => messages(one).map((message) => problem(one.line, message)))
}

function refusalBetweenPackages(source: Source, { target, specifier }: Import): string | undefined {
  const from = packageOf(source.path)
  if (target === undefined || from === undefined) return undefined
  const to = packageOf(target)
  if (from === to) return undefined
  if (to === undefined)
    return `A package may not import '${specifier}', which is outside packages/: move what it needs into a package.`
  const allowed = packages[from]
  if (allowed === undefined)
    return `The package ${from} has no line in ${table}: add it, after the design names it.`
  const file = target.slice('packages/'.length)
  if (allowed.some((entry) => entry === to || entry === file)) return undefined
  return `${from} may not import '${specifier}': of our packages it may import ${list(allowed)} (${table}).`
}

function refusalBetweenStrangers(source: Source, { target, specifier }: Import): string | undefined {
  for (const [one, other] of strangers) {
    const crosses = (from: string, to: string) =>
      source.path.startsWith(`${from}/`) && target?.startsWith(`${to}/`)
    if (crosses(one, other) || crosses(other, one)) {
      return `'${specifier}' runs in another place than this file: move what both need out of ${one}/ and ${other}/.`
    }
  }
  return undefined
}

function refusalInServer(source: Source, { target, specifier, isTypeOnly }: Import): string | undefined {
  const from = insideServer(source.path)
  if (from === undefined) return undefined
  if (target === undefined) return refusalOfOutside(from, specifier)
  const to = insideServer(target)
  if (to === undefined) return undefined
  const room = roomOf(from)
  const allowed = room === undefined ? undefined : rooms[room]
  if (room === undefined || allowed === undefined) {
    return `${from} belongs to no room of ${table}: move it into one, or add its room after the design names it.`
  }
  if (to.startsWith(`${room}/`) || allowed.some((entry) => fits(to, entry))) return undefined
  const alsoTypes = typesOnly
    .filter(({ files }) => path.matchesGlob(from, files))
    .flatMap((one) => one.mayImport)
  if (alsoTypes.some((entry) => fits(to, entry))) {
    return isTypeOnly ? undefined : `Only types may be imported from ${to} here: write \`import type\`.`
  }
  return `${room} may not import ${to}: it may import ${list(allowed)} (${table}). Receive it through deps, or move the code to where it belongs.`
}

function refusalOfOutside(from: string, specifier: string): string | undefined {
  for (const { name, files } of knownOnlyTo) {
    const isNamed =
      specifier === name || path.matchesGlob(specifier, name) || specifier.startsWith(`${name}/`)
    if (isNamed && !path.matchesGlob(from, files)) {
      return `Only ${files} knows '${name}' (${table}): receive what you need from there.`
    }
  }
  return undefined
}

/** The longest entry of the table that is the file itself or a folder above it. */
function roomOf(file: string): string | undefined {
  const names = Object.keys(rooms).filter((name) => file === name || file.startsWith(`${name}/`))
  return names.sort((one, other) => other.length - one.length)[0]
}

function fits(file: string, entry: string): boolean {
  return file === entry || file.startsWith(`${entry}/`) || path.matchesGlob(file, entry)
}

function list(entries: string[]): string {
  return entries.length === 0 ? 'nothing' : entries.join(', ')
}
