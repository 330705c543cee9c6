// Calls and words that have no place in the product: the clock, randomness, files and the network outside the few files
// that may touch them; marks of unfinished work; tests that do not run.
import path from 'node:path'
import { type Argument, type CallExpression, type MemberExpression, Visitor } from 'oxc-parser'
import { insideServer, isTest, type Problem, packageOf, type Rule, type Source } from '../source.ts'

/** Below packages/server/src: the files that touch the world. Everything else receives it from them. */
const worldly = [
  'main.ts',
  'writer-thread.ts',
  'http/server.ts',
  'kernel/**',
  'storage/**',
  'channels/outbound/**',
  'channels/*/fake-*.ts',
]

/** Packages that run wherever there is JavaScript. */
const portable = ['protocol', 'client', 'web-sdk']

const bannedMembers: Record<string, string> = {
  'Date.now': 'Receive a Clock (kernel/) and ask it for the time.',
  'performance.now': 'Receive a Clock (kernel/) and ask it for the time.',
  'Math.random': 'Receive a Random (kernel/) and ask it.',
  'crypto.randomUUID': 'Receive a Random (kernel/) and ask it.',
  'crypto.randomBytes': 'Receive a Random (kernel/) and ask it.',
  'crypto.getRandomValues': 'Receive a Random (kernel/) and ask it.',
  'globalThis.setTimeout': 'Receive a Clock (kernel/) and wait with it.',
  'globalThis.setInterval': 'Receive a Clock (kernel/) and wait with it.',
}

const bannedCalls: Record<string, string> = {
  setTimeout: 'Receive a Clock (kernel/) and wait with it.',
  setInterval: 'Receive a Clock (kernel/) and wait with it.',
}

const bannedModules: Record<string, string> = {
  'node:fs': 'Only main.ts and the storage engines touch files: receive what you need.',
  'node:fs/promises': 'Only main.ts and the storage engines touch files: receive what you need.',
  'node:net': 'Only main.ts and http/server.ts touch sockets: receive what you need.',
  'node:process': 'Only main.ts touches the process: receive what you need.',
  'node:timers': 'Receive a Clock (kernel/) and wait with it.',
  'node:timers/promises': 'Receive a Clock (kernel/) and wait with it.',
}

const bannedNames: Record<string, string[]> = {
  'node:crypto': [
    'randomBytes',
    'randomUUID',
    'randomInt',
    'randomFillSync',
    'randomFill',
    'getRandomValues',
  ],
}

export const banned: Rule = ({ sources }) =>
  sources.flatMap((source) => [
    ...checkWorld(source),
    ...checkPortable(source),
    ...checkComments(source),
    ...checkUnrunTests(source),
  ])

function checkWorld(source: Source): Problem[] {
  const inServer = insideServer(source.path)
  const isProduct = inServer !== undefined || packageOf(source.path) === 'protocol'
  if (!isProduct || isTest(source.path)) return []
  if (inServer !== undefined && worldly.some((pattern) => path.matchesGlob(inServer, pattern))) return []
  return [...checkImports(source), ...checkCode(source)]
}

function checkImports(source: Source): Problem[] {
  const problems: Problem[] = []
  for (const { specifier, names, line } of source.imports) {
    const message = bannedModules[specifier]
    if (message !== undefined)
      problems.push({ file: source.path, line, message: `'${specifier}' is not for here. ${message}` })
    for (const name of names.filter((one) => bannedNames[specifier]?.includes(one))) {
      const mend = 'Receive a Random (kernel/) and ask it.'
      problems.push({ file: source.path, line, message: `${name} is not for here. ${mend}` })
    }
  }
  return problems
}

function checkCode(source: Source): Problem[] {
  const problems: Problem[] = []
  const add = (offset: number, what: string, mend: string) => {
    problems.push({
      file: source.path,
      line: source.lineOf(offset),
      message: `${what} is not for here. ${mend}`,
    })
  }
  new Visitor({
    MemberExpression(node) {
      const name = dottedName(node)
      const mend = bannedMembers[name]
      if (mend !== undefined) add(node.start, name, mend)
      if (node.object.type === 'Identifier' && node.object.name === 'process') {
        add(node.start, name, 'Only main.ts touches the process: receive what you need.')
      }
    },
    CallExpression({ callee, start }) {
      const name = callee.type === 'Identifier' ? callee.name : ''
      const mend = bannedCalls[name]
      if (mend !== undefined) add(start, name, mend)
    },
    NewExpression({ callee, arguments: given, start }) {
      if (callee.type !== 'Identifier' || callee.name !== 'Date' || given.length > 0) return
      add(start, 'new Date()', 'Receive a Clock (kernel/) and ask it for the time.')
    },
  }).visit(source.program)
  return problems
}

function checkPortable(source: Source): Problem[] {
  const name = packageOf(source.path)
  if (name === undefined || !portable.includes(name) || isTest(source.path) || !source.path.includes('/src/'))
    return []
  return source.imports
    .filter(({ specifier }) => specifier.startsWith('node:'))
    .map(({ specifier, line }) => ({
      file: source.path,
      line,
      message: `${name} runs without Node: find another way than '${specifier}'.`,
    }))
}

function checkComments(source: Source): Problem[] {
  const problems: Problem[] = []
  for (const { value, start } of source.comments) {
    const add = (message: string) => problems.push({ file: source.path, line: source.lineOf(start), message })
    const mark = /\b(TODO|FIXME|XXX)\b/.exec(value)?.[1]
    if (mark !== undefined)
      add(`${mark}: do it, or write down what is missing where users of the code will read it.`)
    const silencer = /@ts-(ignore|nocheck)\b/.exec(value)?.[0]
    if (silencer !== undefined) {
      add(`${silencer} hides every error: mend the type, or use @ts-expect-error with the reason behind it.`)
    }
  }
  return problems
}

/** `test.only`, `describe.skip`, `{ skip: true }`, `t.skip()`: a suite that runs in part looks like one that passed. */
function checkUnrunTests(source: Source): Problem[] {
  if (!source.imports.some((one) => one.specifier === 'node:test')) return []
  const problems: Problem[] = []
  const add = (offset: number, what: string) => {
    const message = `${what} leaves tests out: run them all, or remove the test.`
    problems.push({ file: source.path, line: source.lineOf(offset), message })
  }
  new Visitor({
    CallExpression(node) {
      const name = node.callee.type === 'MemberExpression' ? dottedName(node.callee) : ''
      if (/^(test|it|describe|suite|t|context)\.(only|skip|todo)$/.test(name)) add(node.start, name)
      if (isTestCall(node)) for (const option of node.arguments.flatMap(unrunOptions)) add(node.start, option)
    },
  }).visit(source.program)
  return problems
}

function isTestCall({ callee }: CallExpression): boolean {
  return callee.type === 'Identifier' && ['test', 'it', 'describe', 'suite'].includes(callee.name)
}

function unrunOptions(argument: Argument): string[] {
  if (argument.type !== 'ObjectExpression') return []
  return argument.properties.flatMap((property) => {
    if (property.type !== 'Property' || property.key.type !== 'Identifier') return []
    const isSet = property.value.type === 'Literal' && property.value.value !== false
    return isSet && ['only', 'skip', 'todo'].includes(property.key.name) ? [`{ ${property.key.name} }`] : []
  })
}

function dottedName({ object, property, computed }: MemberExpression): string {
  if (computed || object.type !== 'Identifier' || property.type !== 'Identifier') return ''
  return `${object.name}.${property.name}`
}
