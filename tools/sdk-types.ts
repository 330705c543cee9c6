// The declarations that the npm package of the web SDK ships: those of the page's entry and of everything that it names, in one
// folder and without the packages that exist only here. `tsc -b` must have run.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const compiled = path.join(root, '.tsout')
const entry = path.join(compiled, 'web-page/src/page/index.d.ts')
/** Where the compiler has put the declarations of a package. */
const packages: Readonly<Record<string, string>> = {
  '@lethe/client/': 'client/src/',
  '@lethe/protocol/': 'protocol/src/',
}
const specifiers = /(?<=from ')[^']+(?=')/g

/** Answers how many files were written. */
export function writeTypes(folder: string): number {
  const texts = new Map<string, string>()
  const toVisit = [entry]
  for (let file = toVisit.pop(); file !== undefined; file = toVisit.pop()) {
    const name = path.basename(file)
    if (texts.has(name)) continue
    const text = readFileSync(file, 'utf8')
    for (const [specifier] of text.matchAll(specifiers)) toVisit.push(fileOf(specifier, file))
    texts.set(
      name,
      text.replaceAll(specifiers, (specifier) => `./${path.basename(specifier, '.ts')}.js`),
    )
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of texts) writeFileSync(path.join(folder, name), text)
  return texts.size
}

function fileOf(specifier: string, from: string): string {
  const declared = specifier.replace(/\.ts$/, '.d.ts')
  if (specifier.startsWith('.')) return path.join(path.dirname(from), declared)
  const found = Object.entries(packages).find(([name]) => specifier.startsWith(name))
  if (!found) throw new Error(`the SDK would need ${specifier}, and it may need nothing`)
  return path.join(compiled, found[1], declared.slice(found[0].length))
}
