// Files and folders are named for the one thing they are there for, and a test's name says what it tests.
import path from 'node:path'
import { isTest, type Problem, type Rule, type Source } from '../source.ts'

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*\.(ts|tsx|mts|mjs)$/
const emptyWords = ['utils', 'util', 'helpers', 'helper', 'common', 'services', 'managers', 'misc']
const almostTest = /(\.spec|\.tests|_test|-test)\.tsx?$/
const serverSuites = ['contract', 'engines', 'erasure', 'simulation', 'e2e', 'push', 'channels']

export const names: Rule = (project) => {
  const paths = new Set(project.sources.map((source) => source.path))
  return project.sources.flatMap((source) =>
    [refusalOfName(source), refusalOfTest(source, paths)]
      .filter((message) => message !== undefined)
      .map((message): Problem => ({ file: source.path, line: 1, message })),
  )
}

function refusalOfName({ path: file }: Source): string | undefined {
  const name = path.posix.basename(file)
  if (!kebabCase.test(name)) return `Name this file in kebab-case: ${name} is not.`
  const empty = [...path.posix.dirname(file).split('/'), name.split('.')[0] ?? ''].find((one) =>
    emptyWords.includes(one),
  )
  if (empty !== undefined) return `'${empty}' says nothing: name it for the one thing that it holds.`
  return undefined
}

function refusalOfTest(source: Source, paths: Set<string>): string | undefined {
  const file = source.path
  const hasTests = source.imports.some((one) => one.specifier === 'node:test' && !one.isTypeOnly)
  if (!isTest(file)) {
    if (almostTest.test(path.posix.basename(file)))
      return 'A test is named x.test.ts, beside the x.ts that it tests.'
    return hasTests
      ? 'This file holds tests: name it x.test.ts, or x.fuzz.ts for a seeded search.'
      : undefined
  }
  if (!/\.test\.tsx?$/.test(file)) return undefined
  if (!hasTests)
    return 'This is named as a test and imports nothing from node:test: add tests, or name it for what it is.'
  return refusalOfPlace(file, paths)
}

function refusalOfPlace(file: string, paths: Set<string>): string | undefined {
  const suite = /^packages\/server\/test\/([^/]+)/.exec(file)?.[1]
  if (suite !== undefined) {
    return serverSuites.includes(suite)
      ? undefined
      : `Put this suite into one of packages/server/test/{${serverSuites}}.`
  }
  if (/^packages\/[^/]+\/test\//.test(file)) return undefined
  // x.browser.test.ts and x.anything.test.ts stand beside x.ts.
  const folder = path.posix.dirname(file)
  const parts = path.posix.basename(file).split('.').slice(0, -2)
  const tested = parts.map((_, index) => `${folder}/${parts.slice(0, index + 1).join('.')}`)
  if (tested.some((stem) => ['.ts', '.tsx', '.mts', '.mjs'].some((ending) => paths.has(stem + ending))))
    return undefined
  return `There is no ${parts.join('.')}.ts beside this test: name it after the file that it tests, or move a suite over several rooms into packages/<package>/test/.`
}
