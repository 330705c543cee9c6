/**
 * The first two locks are the compiler's: a table without an erasure rule, or with one that does not fit, does not compile,
 * and neither does a personal value in a log line or in a metric. Each fixture is compiled as it is and with one fault.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'

const root = path.join(import.meta.dirname, '../../../..')
const src = path.join(root, 'packages/server/src')

/** The file `schema.ts` itself, with its imports written so that it compiles elsewhere. */
function schema(change: (text: string) => string = (text) => text): string {
  const text = readFileSync(path.join(src, 'schema.ts'), 'utf8').replaceAll("from './", `from '${src}/`)
  return change(text)
}

/** Replaces a part that must be there, so that a fixture cannot lose its fault unnoticed. */
function replaced(part: string, by: string): (text: string) => string {
  return (text) => {
    assert.ok(text.includes(part), `schema.ts has no ${part}`)
    return text.replace(part, by)
  }
}

const log = (line: string) => `
import { silentLog as log } from '${src}/kernel/log.ts'
import type { Alias, RegistrationId, Tag } from '${src}/kernel/personal.ts'
declare const device: { id: RegistrationId; alias: Alias | null; tags: Tag[]; digest: string; count: number }
log.info({ digest: device.digest, count: device.count, list: ['a'], nested: { error: new Error('x').name } }, 'event')
${line}
export { device, log }
`

const metric = (line: string) => `
import type { ErasureMetrics } from '${src}/erasure/erasure-metrics.ts'
import type { RegistrationId } from '${src}/kernel/personal.ts'
declare const metrics: ErasureMetrics
declare const id: RegistrationId
metrics.failed.inc({ step: 'remove' })
${line}
export { id, metrics }
`

/** `at`: what stands in the only line that may have an error; undefined where there must be none. */
const fixtures: Record<string, { text: string; at?: string }> = {
  'schema-as-it-is': { text: schema() },
  'table-without-rule': {
    text: schema(replaced("  device_tag: { kind: 'deleteRows' },\n", '')),
    at: 'export const erasureRules',
  },
  'new-table-without-rule': {
    text: schema(replaced('  tag: tagTable,', '  tag: tagTable,\n  note: tagTable,')),
    at: 'export const erasureRules',
  },
  'rows-of-nobody': {
    text: schema(
      replaced(
        "app_usage: { kind: 'nothingPersonal', reason: 'totals of an app' }",
        "app_usage: { kind: 'deleteRows' }",
      ),
    ),
    at: "app_usage: { kind: 'deleteRows' }",
  },
  'last-of-all-twice': {
    text: schema(replaced("tag: { kind: 'deleteWithLastHolder' }", "tag: { kind: 'lastOfAll' }")),
    at: "tag: { kind: 'lastOfAll' }",
  },
  'column-that-is-not-there': {
    text: schema(replaced("columns: ['registration_id'] }", "columns: ['registration'] }")),
    at: "columns: ['registration'] }",
  },
  'log-as-it-should-be': { text: log('') },
  'log-of-id': { text: log("log.error({ id: device.id }, 'event')"), at: 'log.error' },
  'log-of-alias-or-null': { text: log("log.error({ alias: device.alias }, 'event')"), at: 'log.error' },
  'log-of-tags': { text: log("log.error({ tags: device.tags }, 'event')"), at: 'log.error' },
  'log-of-device': { text: log("log.error({ device }, 'event')"), at: 'log.error' },
  'metric-as-it-should-be': { text: metric('') },
  'metric-of-id': { text: metric('metrics.failed.inc({ step: id })'), at: 'step: id' },
  'metric-of-origin': { text: metric('metrics.accepted.inc({ origin: id })'), at: 'origin: id' },
}

let folder = ''
let errors: string[] = []

// Below node_modules, where no other check looks, and where types are found as in the packages.
before(async () => {
  const cache = path.join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  folder = mkdtempSync(path.join(cache, 'lethe-compiler-'))
  for (const [name, { text }] of Object.entries(fixtures))
    writeFileSync(path.join(folder, `${name}.ts`), text)
  const base = JSON.parse(readFileSync(path.join(root, 'tsconfig.base.json'), 'utf8'))
  const compilerOptions = {
    ...base.compilerOptions,
    ...{ composite: false, declaration: false, emitDeclarationOnly: false, noEmit: true, types: ['node'] },
  }
  writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}')
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  errors = await compile()
})
after(() => rmSync(folder, { recursive: true, force: true }))

function compile(): Promise<string[]> {
  const compiler = path.join(root, 'node_modules/typescript/bin/tsc')
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [compiler, '-p', folder, '--pretty', 'false'],
      { cwd: folder },
      (_error, stdout) => resolve(stdout.split('\n').filter((line) => line.includes('error TS'))),
    )
  })
}

/** Lines with errors, as `file: text of the line`. */
function errorsIn(name: string): string[] {
  const lines = fixtures[name]?.text.split('\n') ?? []
  return errors.flatMap((error) => {
    const [, file, line] = /([^/\\]+)\.ts\((\d+),/.exec(error) ?? []
    return file === name ? [lines[Number(line) - 1] ?? ''] : []
  })
}

test('nothing but the fixtures has errors', () => {
  const names = Object.keys(fixtures)
  assert.deepEqual(
    errors.filter((error) => !names.some((name) => error.includes(`${name}.ts(`))),
    [],
  )
})

for (const [name, { at }] of Object.entries(fixtures)) {
  test(`${name} ${at === undefined ? 'compiles' : 'does not compile'}`, () => {
    const found = errorsIn(name)
    assert.equal(
      found.length,
      at === undefined ? 0 : 1,
      errors.filter((error) => error.includes(name)).join('\n'),
    )
    if (at !== undefined) assert.ok(found[0]?.includes(at), found.join('\n'))
  })
}
