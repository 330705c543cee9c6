import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { readExports } from './declarations.ts'

/** Writes the files into a folder of the test's own, and reads what `index.ts` exports. */
function exportsOf(t: TestContext, files: Record<string, string>) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-declarations-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  return readExports(path.join(folder, 'index.ts'), { '@shop/tea': path.join(folder, 'tea') })
}

test('a function is its signature, with the keys of a pattern and a mark at what has a default', (t) => {
  const text = `/** Opens the file. */

/**
 * Brews it.
 *
 * @throws Error if there is no water
 */
export async function brew<Leaf>(
  leaf: Leaf,
  { grams, degrees = 90 }: { grams: number; degrees?: number } = { grams: 3 },
  minutes: number = 4,
): Promise<void> {}
function hidden(): void {}
`
  assert.deepEqual(exportsOf(t, { 'index.ts': text }), [
    {
      name: 'brew',
      signature:
        'function brew<Leaf>(leaf: Leaf, { grams, degrees }?: { grams: number; degrees?: number }, minutes?: number): Promise<void>',
      comment: 'Brews it.\n\n@throws Error if there is no water',
      members: [],
    },
  ])
})

test('of a class the members that the outside can use are there, each with its own comment', (t) => {
  const text = `export class Pot extends Vessel {
  readonly name = 'pot'
  /** Millilitres. */
  static volume: number
  readonly #lid: string = ''
  private crack = 0

  constructor(volume: number) { super(volume) }

  /** Whether nothing is in it. */
  get isEmpty(): boolean { return true }

  pour(into: Cup): void {}
  #clean(): void {}
}
`
  const [pot] = exportsOf(t, { 'index.ts': text })
  assert.deepEqual([pot?.signature, pot?.comment], ['class Pot extends Vessel', ''])
  assert.deepEqual(pot?.members, [
    { signature: "readonly name = 'pot'", comment: '' },
    { signature: 'static volume: number', comment: 'Millilitres.' },
    { signature: 'constructor(volume: number)', comment: '' },
    { signature: 'get isEmpty(): boolean', comment: 'Whether nothing is in it.' },
    { signature: 'pour(into: Cup): void', comment: '' },
  ])
})

test('types with members are these, and others stand as they are written', (t) => {
  const text = `export interface Tea extends Plant {
  /** In grams. */
  readonly weight: number
  steep?(minutes: number): void
}
export type Cup = { readonly handles: 0 | 1 }
export type Colour =
  /** Of most. */
  | 'green'
  | 'black'
`
  assert.deepEqual(exportsOf(t, { 'index.ts': text }), [
    {
      name: 'Tea',
      signature: 'interface Tea extends Plant',
      comment: '',
      members: [
        { signature: 'readonly weight: number', comment: 'In grams.' },
        { signature: 'steep?(minutes: number): void', comment: '' },
      ],
    },
    {
      name: 'Cup',
      signature: 'type Cup',
      comment: '',
      members: [{ signature: 'readonly handles: 0 | 1', comment: '' }],
    },
    {
      name: 'Colour',
      signature: "type Colour =\n  /** Of most. */\n  | 'green'\n  | 'black'",
      comment: '',
      members: [],
    },
  ])
})

test('exports of other modules and packages are followed to where they are declared', (t) => {
  const files = {
    'index.ts': "export { type Leaf, pick } from './pick.ts'\nexport type { Tin } from '@shop/tea/tin.ts'\n",
    'pick.ts':
      "export type { Leaf } from './leaf.ts'\n/** By hand. */\nfunction pick(): void {}\nexport { pick }\n",
    'leaf.ts': '/** Two and a bud. */\nexport type Leaf = string\n',
    'tea/tin.ts': 'export type Tin = number\n',
  }
  const found = exportsOf(t, files).map(({ name, comment }) => [name, comment])
  assert.deepEqual(found, [
    ['Leaf', 'Two and a bud.'],
    ['pick', 'By hand.'],
    ['Tin', ''],
  ])
})

test('what cannot be found or described is no page with a gap', (t) => {
  const gone = { 'index.ts': "export { a } from './b.ts'", 'b.ts': 'export const c: number = 1' }
  assert.throws(() => exportsOf(t, gone), /exports no a/)
  assert.throws(() => exportsOf(t, { 'index.ts': "export * from './b.ts'" }), /one by one/)
  assert.throws(() => exportsOf(t, { 'index.ts': "export { a } from 'elsewhere'" }), /where is elsewhere/)
  assert.throws(() => exportsOf(t, { 'index.ts': 'export const { a } = b' }), /one name/)
})
