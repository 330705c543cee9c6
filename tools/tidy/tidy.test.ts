import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tidy } from './tidy.ts'

const inServer = 'packages/server/src'

/** What tidy says about the files, as `file:line: message`, dead files apart: few of these little files are reached. */
function said(files: Record<string, string>): string[] {
  return everythingSaid(files).filter((line) => !line.includes('Nothing that runs reaches'))
}

function everythingSaid(files: Record<string, string>): string[] {
  const manifests = ['protocol', 'server', 'client', 'web-sdk', 'cli'].map((name): [string, string] => [
    `packages/${name}/package.json`,
    JSON.stringify({ name: `@lethe/${name}`, exports: { './*.ts': './src/*.ts' } }),
  ])
  const problems = tidy(new Map([...manifests, ...Object.entries(files)]))
  return problems.map(({ file, line, message }) => `${file}:${line}: ${message}`)
}

function assertRefused(file: string, text: string, expected: RegExp): void {
  const lines = said({ [file]: text })
  assert.equal(lines.length, 1, `one problem was expected in ${text}: ${lines.join('\n')}`)
  assert.match(lines[0] ?? '', expected)
}

function assertAccepted(file: string, text: string): void {
  assert.deepEqual(said({ [file]: text }), [])
}

describe('imports', () => {
  test('a room imports what its line of the table names, and itself', () => {
    assertAccepted(
      `${inServer}/devices/hide-device.ts`,
      `import '../apps/app.ts'\nimport '../kernel/assert.ts'\nimport './find-device.ts'\nimport '@lethe/protocol/limits.ts'`,
    )
  })

  test('a room does not import one that its line leaves out, whatever the kind of import', () => {
    const file = `${inServer}/apps/app.ts`
    const expected =
      /apps\/app\.ts:2: apps may not import devices\/x\.ts: it may import kernel, storage, audit /
    assertRefused(file, `\nimport { x } from '../devices/x.ts'`, expected)
    assertRefused(file, `\nimport type { X } from '../devices/x.ts'`, expected)
    assertRefused(file, `\nexport { x } from '../devices/x.ts'`, expected)
    assertRefused(file, `\nexport const x = await import('../devices/x.ts')`, expected)
  })

  test('only the named files of a room are open where the table names files', () => {
    assertAccepted(`${inServer}/audience/audience-sql.ts`, `import '../devices/devices.tables.ts'`)
    assertRefused(
      `${inServer}/audience/audience-sql.ts`,
      `import '../devices/devices.store.ts'`,
      /may not import/,
    )
    assertAccepted(`${inServer}/push/deliver-batch.ts`, `import '../channels/channel.ts'`)
    assertRefused(
      `${inServer}/push/deliver-batch.ts`,
      `import '../channels/fcm/payload.ts'`,
      /may not import/,
    )
  })

  test('http imports routes and the two ways to authenticate, not the rooms behind them', () => {
    assertAccepted(
      `${inServer}/http/routes.ts`,
      `import '../push/push.routes.ts'\nimport '../apps/authenticate-app.ts'\nimport '../devices/devices.admin.routes.ts'`,
    )
    assertRefused(`${inServer}/http/routes.ts`, `import '../push/accept-push.ts'`, /http may not import push/)
  })

  test('bulk erasure may look at audiences, erasure itself may not', () => {
    assertAccepted(`${inServer}/erasure/bulk/plan.ts`, `import '../../audience/count-audience.ts'`)
    assertRefused(`${inServer}/erasure/guard.ts`, `import '../audience/count-audience.ts'`, /erasure may not/)
  })

  test('every room may import the types of the schema, and nothing more of it', () => {
    assertAccepted(`${inServer}/apps/apps.store.ts`, `import type { Tables } from '../schema.ts'`)
    assertRefused(`${inServer}/apps/apps.store.ts`, `import { tables } from '../schema.ts'`, /import type/)
    assertAccepted(`${inServer}/apps/app.ts`, `import type { Db } from '../schema.ts'`)
    assertRefused(`${inServer}/apps/app.ts`, `import { tables } from '../schema.ts'`, /import type/)
  })

  test('main.ts and writer-thread.ts know only what they start', () => {
    assertAccepted(`${inServer}/main.ts`, `import './app.ts'\nimport './config.ts'\nimport 'pino'`)
    assertRefused(`${inServer}/main.ts`, `import './devices/find-device.ts'`, /main\.ts may not import/)
    assertAccepted(`${inServer}/writer-thread.ts`, `import './units.ts'\nimport './storage/sqlite/writer.ts'`)
    assertRefused(`${inServer}/writer-thread.ts`, `import './app.ts'`, /writer-thread\.ts may not import/)
  })

  test('a room that the table does not know has no place', () => {
    assertRefused(`${inServer}/cache/cache.ts`, `import '../kernel/assert.ts'`, /belongs to no room/)
  })

  test('one place knows the HTTP framework, and storage the databases', () => {
    assertAccepted(`${inServer}/http/server.ts`, `import 'fastify'\nimport '@fastify/cors'`)
    assertRefused(`${inServer}/http/reply.ts`, `import 'fastify'`, /Only http\/server\.ts knows/)
    assertRefused(`${inServer}/http/reply.ts`, `import '@fastify/cors'`, /Only http\/server\.ts knows/)
    assertRefused(`${inServer}/apps/apps.store.ts`, `import pg from 'pg'`, /Only storage/)
  })

  test('packages import one another by the table, by name or by path', () => {
    assertAccepted(
      'packages/cli/src/serve.ts',
      `import '@lethe/server/main.ts'\nimport '@lethe/protocol/limits.ts'`,
    )
    assertRefused('packages/cli/src/serve.ts', `import '@lethe/server/app.ts'`, /cli may not import/)
    assertRefused('packages/protocol/src/limits.ts', `import '@lethe/client/x.ts'`, /may import nothing/)
    assertRefused('packages/client/src/x.ts', `import '../../server/src/app.ts'`, /client may not import/)
    assertRefused(`${inServer}/app.ts`, `import '../../../tools/processes.ts'`, /outside packages/)
  })

  test('page and worker never import one another', () => {
    assertAccepted('packages/web-sdk/src/page/a.ts', `import '../shared/b.ts'`)
    assertRefused('packages/web-sdk/src/page/a.ts', `import '../worker/b.ts'`, /another place/)
    assertRefused('packages/web-sdk/src/worker/a.ts', `import '../page/b.ts'`, /another place/)
  })

  test('tests import whatever they test', () => {
    const text = `import { test } from 'node:test'\nimport '../push/accept-push.ts'\nimport '../../../../tools/processes.ts'\ntest`
    assert.deepEqual(said({ [`${inServer}/apps/app.test.ts`]: text, [`${inServer}/apps/app.ts`]: '' }), [])
  })

  test('the server has no barrels, other packages may', () => {
    assertRefused(`${inServer}/apps/index.ts`, `export * from './app.ts'`, /barrel/)
    assertAccepted('packages/client/src/index.ts', `export * from './client.ts'`)
  })
})

describe('the world', () => {
  const action = `${inServer}/erasure/accept-erasure.ts`
  const worldly: [string, RegExp][] = [
    [`export const x = Date.now()`, /Date\.now is not for here\. Receive a Clock/],
    [`export const x = new Date()`, /new Date\(\) is not for here/],
    [`export const x = performance.now()`, /performance\.now/],
    [`export const x = Math.random()`, /Math\.random is not for here\. Receive a Random/],
    [`export const x = crypto.randomUUID()`, /crypto\.randomUUID/],
    [`import { randomBytes } from 'node:crypto'\nrandomBytes(1)`, /randomBytes/],
    [`import { randomUUID as id } from 'node:crypto'\nid()`, /randomUUID/],
    [`setTimeout(() => {}, 1)`, /setTimeout/],
    [`globalThis.setInterval(() => {}, 1)`, /setInterval/],
    [`export const x = process.env`, /process\.env/],
    [`import { readFileSync } from 'node:fs'\nreadFileSync('x')`, /'node:fs'/],
    [`import net from 'node:net'\nnet.connect(1)`, /'node:net'/],
  ]

  for (const [text, expected] of worldly) {
    test(`${text.split('\n')[0]} is refused in an action and allowed where the world comes in`, () => {
      assertRefused(action, text, expected)
      for (const file of [
        'main.ts',
        'writer-thread.ts',
        'http/server.ts',
        'kernel/clock.ts',
        'storage/sqlite/x.ts',
      ]) {
        assertAccepted(`${inServer}/${file}`, text)
      }
      assertAccepted('tools/anything.ts', text)
      assertAccepted('packages/cli/src/anything.ts', text)
    })
  }

  test('what was received may be called as the world calls it, and a given instant is no clock', () => {
    assertAccepted(
      action,
      `export const x = (clock: Clock, at: number) => [clock.now(), clock.setTimeout(at), new Date(at)]
import { createHmac } from 'node:crypto'\ncreateHmac`,
    )
  })

  test('packages that run without Node import nothing of it', () => {
    assertRefused(
      'packages/client/src/x.ts',
      `import { createHash } from 'node:crypto'\ncreateHash`,
      /without Node/,
    )
    assertAccepted('packages/cli/src/x.ts', `import { createHash } from 'node:crypto'\ncreateHash`)
  })
})

describe('unfinished work', () => {
  test('marks and silencers in comments are refused, the same words in code are not', () => {
    for (const word of ['TODO', 'FIXME', 'XXX']) {
      assertRefused(`${inServer}/app.ts`, `\n// ${word}: later`, new RegExp(`app\\.ts:2: ${word}`))
      assertAccepted(`${inServer}/app.ts`, `export const word = '${word}'`)
    }
    assertRefused('tools/x.ts', '/* @ts-ignore */', /@ts-ignore hides/)
    assertRefused('tools/x.ts', '// @ts-nocheck', /@ts-nocheck hides/)
    assertAccepted('tools/x.ts', '// @ts-expect-error: the library declares it wrongly')
  })

  test('tests that would not run are refused', () => {
    const file = { 'tools/x.ts': '' }
    const left = (text: string) =>
      said({ ...file, 'tools/x.test.ts': `import { test } from 'node:test'\n${text}` })
    for (const text of [
      `test.only('x')`,
      `test.skip('x')`,
      `test('x', { skip: true })`,
      `test('x', { only: true })`,
    ]) {
      assert.match(left(text).join('\n'), /^tools\/x\.test\.ts:2: .* leaves tests out/)
    }
    assert.deepEqual(left(`test('x', { timeout: 5 }, () => cursor.skip(1))`), [])
  })
})

describe('SQL', () => {
  const statements = [
    'select a from b',
    'insert into a values (1)',
    'update a set b = 1',
    'delete from a',
    'with x as (select 1) select 2',
    '\n  SELECT a\n  FROM b',
  ]

  for (const statement of statements) {
    test(`${JSON.stringify(statement)} stands in stores and storage only`, () => {
      for (const text of [
        `export const x = ${JSON.stringify(statement)}`,
        `export const x = \`${statement}\``,
      ]) {
        assertRefused(`${inServer}/devices/hide-device.ts`, text, /SQL belongs into the room's \*\.store\.ts/)
        assertAccepted(`${inServer}/devices/devices.store.ts`, text)
        assertAccepted(`${inServer}/storage/sqlite/connection.ts`, text)
      }
    })
  }

  test('an inserted table name hides nothing, and a builder is SQL too', () => {
    const file = `${inServer}/devices/hide-device.ts`
    assertRefused(file, `export const x = (t: string) => \`update \${t} set a = 1\``, /SQL belongs/)
    assertRefused(file, `export const x = (db: Db) => db.deleteFrom('device')`, /SQL belongs/)
    assertAccepted(
      `${inServer}/devices/devices.store.ts`,
      `export const x = (db: Db) => db.deleteFrom('device')`,
    )
  })

  test('prose is not SQL', () => {
    assertAccepted(
      `${inServer}/devices/hide-device.ts`,
      `export const x = ['select a tag', 'update the device', 'delete the user from the list', 'with care']`,
    )
  })

  test('tables are made in migrations only', () => {
    const texts = [
      `export const x = 'create table a (b int)'`,
      `export const x = \`alter table a add b int\``,
    ]
    for (const text of [...texts, `export const x = (db: Db) => db.schema.createTable('a')`]) {
      assertAccepted(`${inServer}/storage/migrations/0001-start.ts`, text)
      assertRefused(`${inServer}/storage/database.ts`, text, /storage\/migrations/)
      assertRefused(`${inServer}/devices/devices.store.ts`, text, /storage\/migrations/)
    }
  })
})

describe('size', () => {
  const functionOf = (lines: number) => `export function long() {\n${'  work()\n'.repeat(lines - 2)}}\n`

  test('a function may have 70 lines', () => {
    assertAccepted('tools/x.ts', functionOf(70))
    assertRefused('tools/x.ts', `\n${functionOf(71)}`, /x\.ts:2: This function has 71 lines of 70/)
  })

  test('a file may have 500 lines', () => {
    assertAccepted('tools/x.ts', 'work()\n'.repeat(500))
    assertRefused('tools/x.ts', 'work()\n'.repeat(501), /x\.ts:501: This file has 501 lines of 500/)
  })

  test('a reason excuses the lengths, a bare mark does not', () => {
    assertAccepted('tools/x.ts', `// size: one table, easier read whole\n${functionOf(71)}`)
    assertRefused('tools/x.ts', `// size:\n${functionOf(71)}`, /71 lines/)
  })

  test('a suite is measured test by test', () => {
    const suite = (inner: string) =>
      `import { describe, test } from 'node:test'\ndescribe('x', () => {\n${inner}})`
    const files = (inner: string) => said({ 'tools/x.ts': '', 'tools/x.test.ts': suite(inner) })
    assert.deepEqual(files(`test('y', () => {})\n`.repeat(100)), [])
    assert.match(files(`test('y', () => {\n${'work()\n'.repeat(70)}})\n`).join(), /72 lines of 70/)
  })

  test('a function takes three parameters', () => {
    assertAccepted('tools/x.ts', 'export const x = (a: A, b: B, c: C) => [a, b, c]')
    const four = 'a: A, b: B, c: C, d: D'
    assertRefused('tools/x.ts', `export const x = (${four}) => [a, b, c, d]`, /takes 4 parameters of 3/)
    assertRefused(
      'tools/x.ts',
      `export class X {\n  constructor(${four}) { work(a, b, c, d) }\n}`,
      /x\.ts:2: .*4 parameters/,
    )
  })
})

describe('dead files', () => {
  const dead = (files: Record<string, string>) =>
    everythingSaid(files).filter((line) => line.includes('Nothing that runs'))

  test('a file that the server, its writer thread or a test reaches is alive, over any number of steps', () => {
    assert.deepEqual(
      dead({
        [`${inServer}/main.ts`]: `import './app.ts'\nnew URL('./storage/named.ts', import.meta.url)`,
        [`${inServer}/app.ts`]: `export const x = import('./kernel/far.ts')`,
        [`${inServer}/kernel/far.ts`]: `import type { X } from '@lethe/protocol/limits.ts'\nexport type Y = X`,
        [`${inServer}/storage/named.ts`]: '',
        [`${inServer}/writer-thread.ts`]: '',
        'packages/protocol/src/limits.ts': '',
        'packages/protocol/src/tested.ts': '',
        'packages/protocol/src/tested.test.ts': `import { test } from 'node:test'\nimport './tested.ts'\ntest`,
      }),
      [],
    )
  })

  test('a file that only a dead file reaches is dead with it', () => {
    assert.deepEqual(
      dead({
        [`${inServer}/main.ts`]: '',
        [`${inServer}/kernel/a.ts`]: `import './b.ts'`,
        [`${inServer}/kernel/b.ts`]: '',
      }).map((line) => line.split(':')[0]),
      [`${inServer}/kernel/a.ts`, `${inServer}/kernel/b.ts`],
    )
  })

  test("what a package's manifest names is alive", () => {
    const files = {
      'packages/console/package.json': JSON.stringify({
        name: '@lethe/console',
        exports: { '.': './src/open.ts' },
      }),
      'packages/console/src/open.ts': `import './inner.ts'`,
      'packages/console/src/inner.ts': '',
      'packages/console/src/left.ts': '',
    }
    assert.deepEqual(
      dead(files).map((line) => line.split(':')[0]),
      ['packages/console/src/left.ts'],
    )
  })
})

describe('names', () => {
  const test1 = `import { test } from 'node:test'\ntest`

  test('files are named in kebab-case, and for something', () => {
    assertAccepted('tools/read-file.ts', '')
    assertAccepted(`${inServer}/storage/migrations/0001-start.ts`, '')
    assertRefused('tools/readFile.ts', '', /kebab-case/)
    assertRefused('tools/read_file.ts', '', /kebab-case/)
    assertRefused(`${inServer}/kernel/utils.ts`, '', /'utils' says nothing/)
    assertRefused('packages/client/src/helpers/x.ts', '', /'helpers' says nothing/)
  })

  test('a test stands beside what it tests, and other files hold no tests', () => {
    const beside = (name: string) =>
      said({ 'tools/x.ts': '', 'tools/x.store.ts': '', [`tools/${name}`]: test1 })
    for (const name of ['x.test.ts', 'x.store.test.ts', 'x.browser.test.ts', 'x.fuzz.ts']) {
      assert.deepEqual(beside(name), [])
    }
    assert.match(beside('y.test.ts').join(), /no y\.ts beside this test/)
    assert.match(beside('y.ts').join(), /holds tests: name it x\.test\.ts/)
    assert.match(beside('x.spec.ts').join(), /named x\.test\.ts/)
    assertRefused('tools/x.test.ts', '', /imports nothing from node:test/)
  })

  test("the server's suites stand in the folders that the style names", () => {
    assertAccepted('packages/server/test/erasure/canary.test.ts', test1)
    assertAccepted('packages/server/test/erasure/people.ts', `import type { TestContext } from 'node:test'`)
    assertRefused('packages/server/test/canary.test.ts', test1, /Put this suite into one of/)
    assertAccepted('packages/cli/test/story.test.ts', test1)
  })
})
