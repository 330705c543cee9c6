// What a module exports, as its reader needs it: signatures without bodies, and the comments that stand before them. Says
// nothing about types that it does not name; how a page looks is left to the pages.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import {
  type Class,
  type Comment,
  type ExportNamedDeclaration,
  type Function as FunctionNode,
  type MethodDefinition,
  type ParamPattern,
  type Program,
  type PropertyDefinition,
  parseSync,
  type TSSignature,
} from 'oxc-parser'

export interface Declaration {
  readonly name: string
  /** On one line for functions, and as it is written for types that have no members. */
  readonly signature: string
  readonly comment: string
  readonly members: readonly Member[]
}

export interface Member {
  readonly signature: string
  readonly comment: string
}

/** Where `@lethe/client/x.ts` and its like are. */
export type Packages = Readonly<Record<string, string>>

interface Source {
  readonly file: string
  readonly text: string
  readonly program: Program
  readonly comments: readonly Comment[]
}

type Span = { readonly start: number; readonly end: number }
type Declared = NonNullable<ExportNamedDeclaration['declaration']>

/**
 * Every export of the module `entry`, in its order; those of other modules are followed to where they are declared.
 *
 * @throws Error if one is not found, or is of a kind that this does not know: nothing is left out in silence.
 */
export function readExports(entry: string, packages: Packages = {}): Declaration[] {
  const source = readSource(entry)
  return source.program.body.flatMap((statement) => {
    if (statement.type === 'ExportAllDeclaration' || statement.type === 'ExportDefaultDeclaration')
      throw new Error(`${entry}: exports are named one by one`)
    if (statement.type !== 'ExportNamedDeclaration') return []
    if (statement.declaration) return [describe(source, statement, statement.declaration)]
    return statement.specifiers.map(({ local }) => {
      const name = textOf(source, local)
      return statement.source
        ? exportOf(resolved(entry, statement.source.value, packages), name, packages)
        : declaredIn(source, name)
    })
  })
}

function exportOf(file: string, name: string, packages: Packages): Declaration {
  const found = readExports(file, packages).find((one) => one.name === name)
  if (!found) throw new Error(`${file} exports no ${name}`)
  return found
}

/** `const x = …; export { x }` */
function declaredIn(source: Source, name: string): Declaration {
  for (const statement of source.program.body) {
    const described = isDeclared(statement) ? describe(source, statement, statement) : undefined
    if (described?.name === name) return described
  }
  throw new Error(`${source.file} declares no ${name}`)
}

const kinds = [
  'ClassDeclaration',
  'FunctionDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'VariableDeclaration',
]

function isDeclared(node: Program['body'][number]): node is Declared & Program['body'][number] {
  return kinds.includes(node.type)
}

function readSource(file: string): Source {
  const text = readFileSync(file, 'utf8')
  const { program, comments, errors } = parseSync(file, text)
  const [error] = errors
  if (error) throw new Error(`${file} cannot be parsed: ${error.message}`)
  return { file, text, program, comments }
}

function resolved(from: string, specifier: string, packages: Packages): string {
  if (specifier.startsWith('.')) return path.join(path.dirname(from), specifier)
  const name = Object.keys(packages).find((one) => specifier.startsWith(`${one}/`))
  const folder = name === undefined ? undefined : packages[name]
  if (name === undefined || folder === undefined) throw new Error(`${from}: where is ${specifier}?`)
  return path.join(folder, specifier.slice(name.length + 1))
}

/** `statement` is what the comment stands before: with `export`, if that is there. */
function describe(source: Source, statement: Span, declared: Declared): Declaration {
  const comment = commentBefore(source, statement.start)
  const said = { comment, ...shapeOf(source, declared) }
  return { name: nameOf(source, declared), ...said }
}

function nameOf(source: Source, declared: Declared): string {
  if (declared.type === 'VariableDeclaration') {
    const [only, second] = declared.declarations
    if (only?.id.type !== 'Identifier' || second) throw new Error(`${source.file}: one name to a declaration`)
    return only.id.name
  }
  if ('id' in declared && declared.id?.type === 'Identifier') return declared.id.name
  throw new Error(`${source.file}: a ${declared.type} is not described`)
}

function shapeOf(source: Source, declared: Declared): Pick<Declaration, 'signature' | 'members'> {
  switch (declared.type) {
    case 'TSInterfaceDeclaration':
      return { signature: head(source, declared), members: membersOf(source, declared.body.body) }
    case 'TSTypeAliasDeclaration': {
      const { typeAnnotation: type } = declared
      return type.type === 'TSTypeLiteral'
        ? {
            signature: oneLine(source, { ...declared, end: type.start }).replace(/ =$/, ''),
            members: membersOf(source, type.members),
          }
        : { signature: textOf(source, declared), members: [] }
    }
    case 'ClassDeclaration':
      return { signature: head(source, declared), members: classMembers(source, declared as Class) }
    case 'FunctionDeclaration':
      return {
        signature: `function ${calledAs(source, declared as FunctionNode, nameOf(source, declared))}`,
        members: [],
      }
    case 'VariableDeclaration':
      return { signature: oneLine(source, declared), members: [] }
    default:
      throw new Error(`${source.file}: a ${declared.type} is not described`)
  }
}

/** `interface A extends B`, without what is between the braces. */
function head(source: Source, declared: Span & { readonly body: Span }): string {
  return oneLine(source, { start: declared.start, end: declared.body.start })
}

function membersOf(source: Source, members: readonly TSSignature[]): Member[] {
  return members.map((member) => ({
    signature: oneLine(source, member).replace(/[;,]$/, ''),
    comment: commentBefore(source, member.start),
  }))
}

/** Those that the outside can use. */
function classMembers(source: Source, { body }: Class): Member[] {
  return body.body.flatMap((member) => {
    if (member.type !== 'MethodDefinition' && member.type !== 'PropertyDefinition') return []
    const { key, accessibility } = member
    if (key.type === 'PrivateIdentifier' || accessibility === 'private' || accessibility === 'protected')
      return []
    const signature = 'kind' in member ? methodOf(source, member) : propertyOf(source, member)
    return [
      {
        signature: `${member.static ? 'static ' : ''}${signature}`,
        comment: commentBefore(source, member.start),
      },
    ]
  })
}

function methodOf(source: Source, { kind, key, value }: MethodDefinition): string {
  const name = textOf(source, key)
  return calledAs(source, value, kind === 'get' || kind === 'set' ? `${kind} ${name}` : name)
}

/** What has no type has a value that says it. */
function propertyOf(source: Source, { key, readonly, typeAnnotation, value }: PropertyDefinition): string {
  const type = typeAnnotation ? oneLine(source, typeAnnotation) : value ? ` = ${oneLine(source, value)}` : ''
  return `${readonly ? 'readonly ' : ''}${textOf(source, key)}${type}`
}

function calledAs(source: Source, called: FunctionNode, name: string): string {
  const generics = called.typeParameters ? oneLine(source, called.typeParameters) : ''
  const parameters = called.params.map((parameter) => parameterOf(source, parameter)).join(', ')
  const answer = called.returnType ? oneLine(source, called.returnType) : ''
  return `${name}${generics}(${parameters})${answer}`
}

/** As the caller sees it: of a default it matters that there is one, of a pattern the keys. */
function parameterOf(source: Source, parameter: ParamPattern): string {
  switch (parameter.type) {
    case 'AssignmentPattern':
      return parameterOf(source, parameter.left as ParamPattern).replace(/:|$/, '?$&')
    case 'ObjectPattern': {
      const keys = parameter.properties.map((one) =>
        one.type === 'Property' ? textOf(source, one.key) : textOf(source, one),
      )
      const type = parameter.typeAnnotation ? oneLine(source, parameter.typeAnnotation) : ''
      return `{ ${keys.join(', ')} }${type}`
    }
    default:
      return oneLine(source, parameter)
  }
}

function textOf({ text }: Source, { start, end }: Span): string {
  return text.slice(start, end)
}

/** Comments inside go: they are read where their members are. */
function oneLine(source: Source, span: Span): string {
  return textOf(source, span)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/, ?([)\]}>])/g, '$1')
    .trim()
}

/** Of a comment that opens a file it is not known what it is for: only what touches the declaration counts. */
function commentBefore({ text, comments }: Source, start: number): string {
  const before = comments.findLast(({ type, end }) => type === 'Block' && end <= start)
  if (!before?.value.startsWith('*') || !/^[ \t]*\n[ \t]*$/.test(text.slice(before.end, start))) return ''
  return before.value
    .slice(1)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
}
