/**
 * Checks what came in against an operation's schema, and says what is wrong in a sentence that names the field and the rule,
 * never the value. `null` means "not given" everywhere and is taken out first.
 */

import type { ErrorName } from '@lethe/protocol/errors.ts'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

export interface Fault {
  readonly error: ErrorName
  readonly message: string
}

/** A schema made ready: undefined when the value fits. */
export type Check = (value: unknown) => Fault | undefined

/** `where` names the place in messages when the fault is not inside a field: `body` or `query`. */
export function compileCheck(schema: TSchema, where: string): Check {
  const validator = Compile(schema)
  return (value) =>
    validator.Check(value) ? undefined : describe(validator.Errors(value) as Problem[], where)
}

/**
 * Takes nulls out of objects, however deep, and refuses what no field may hold: strings that no database stores (U+0000, half
 * of a surrogate pair), keys that would change a prototype, and nesting beyond any schema. Changes `value` in place.
 */
export function cleanInput(value: unknown, path = '', depth = 0): Fault | undefined {
  if (typeof value === 'string') {
    return isStorable(value)
      ? undefined
      : invalid(path, 'a text may not hold U+0000 or half of a surrogate pair')
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= DEPTH_MAX) return invalid(path, `nested deeper than ${DEPTH_MAX} levels`)
  if (Array.isArray(value)) return firstFault(value.entries(), (key) => `${path}[${key}]`, depth)
  const members = value as Record<string, unknown>
  for (const key of Object.keys(members)) {
    if (key === '__proto__' || !isStorable(key)) return unknown(path, key)
    if (members[key] === null) delete members[key]
  }
  return firstFault(Object.entries(members), (key) => joined(path, `${key}`), depth)
}

/** Whether both databases can store the text as it is. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** Bodies nest three levels; the rest is room for what later schemas need. */
const DEPTH_MAX = 16
/** A key of the caller's is quoted in a message up to this length. */
const QUOTED_CHARACTERS_MAX = 40

interface Problem {
  readonly keyword: string
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message: string
}

function firstFault(
  entries: Iterable<[string | number, unknown]>,
  pathOf: (key: string | number) => string,
  depth: number,
): Fault | undefined {
  for (const [key, inner] of entries) {
    if (typeof inner !== 'string' && typeof inner !== 'object') continue
    if (typeof inner === 'string' && isStorable(inner)) continue
    const fault = cleanInput(inner, pathOf(key), depth + 1)
    if (fault) return fault
  }
  return undefined
}

/** Of several problems (a union reports those of every branch) the one deepest inside the value says most. */
function describe(problems: readonly Problem[], where: string): Fault {
  const ranked = problems
    .filter((problem) => problem.keyword !== 'boolean')
    .sort((one, other) => weight(other) - weight(one))
  const [problem] = ranked
  if (!problem) return invalid(where, 'not valid')
  const path = pathOf(problem.instancePath) || where
  switch (problem.keyword) {
    case 'required':
      return missing(problem, where)
    case 'additionalProperties':
      return unknown(pathOf(problem.instancePath), first(problem.params['additionalProperties']))
    case 'type':
      return { error: 'parameterType', message: `${path}: must be ${typesAt(problem, problems)}` }
    case 'maxLength':
    case 'maxItems':
      return { error: 'parameterInvalid', message: `${path}: ${problem.message}` }
    default:
      return invalid(path, problem.message)
  }
}

function weight(problem: Problem): number {
  const depth = problem.instancePath.split('/').length
  const rank = ['anyOf', 'const', 'type', 'required', 'additionalProperties'].indexOf(problem.keyword)
  return depth * 10 + (rank < 0 ? 2.5 : rank)
}

/** A union of types names them all: `object or string`. */
function typesAt(problem: Problem, problems: readonly Problem[]): string {
  const types = problems
    .filter((one) => one.keyword === 'type' && one.instancePath === problem.instancePath)
    .map((one) => String(one.params['type']))
  return [...new Set(types)].join(' or ')
}

function missing(problem: Problem, where: string): Fault {
  const inside = pathOf(problem.instancePath)
  const name = first(problem.params['requiredProperties'])
  const message = `${joined(inside, name)} is required${inside === '' ? ` in the ${where}` : ''}`
  return { error: 'parameterMissing', message }
}

function unknown(path: string, key: string): Fault {
  const shown = key.length > QUOTED_CHARACTERS_MAX ? `${key.slice(0, QUOTED_CHARACTERS_MAX)}…` : key
  const quoted = JSON.stringify(shown)
  return { error: 'parameterUnknown', message: `unknown parameter ${quoted}${path && ` in ${path}`}` }
}

function invalid(path: string, rule: string): Fault {
  return { error: 'parameterInvalid', message: path === '' ? rule : `${path}: ${rule}` }
}

function first(names: unknown): string {
  return Array.isArray(names) ? String(names[0]) : 'a parameter'
}

/** `/tags/add/0` as people write it: `tags.add[0]`. Keys in it are those of a schema, so they need no quoting. */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : joined(path, part)), '')
}

function joined(path: string, key: string): string {
  const shown = key.length > QUOTED_CHARACTERS_MAX ? `${key.slice(0, QUOTED_CHARACTERS_MAX)}…` : key
  return path === '' ? shown : `${path}.${shown}`
}
