// Runs one of our TypeScript programs: `node tools/run.mjs <file.ts> [arguments]`. Plain JavaScript, so that a Node too
// old to strip types ends with a sentence that helps instead of a syntax error.
import path from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const nodeVersionMin = 24

if (Number.parseInt(process.versions.node, 10) < nodeVersionMin) {
  process.stderr.write(
    `This needs Node ${nodeVersionMin} or newer and got ${process.versions.node}: run \`npm ci\` without \`--omit=optional\`, which brings the right Node, and start it through npm (\`npm start\`, \`npm test\`, \`npm run …\`).\n`,
  )
  process.exit(1)
}

const file = process.argv[2]
if (file === undefined) {
  process.stderr.write('Name the program to run: node tools/run.mjs <file.ts> [arguments].\n')
  process.exit(1)
}

// The program sees its own name and arguments, as if Node had been given its file.
process.argv.splice(1, 2, path.resolve(file))
await import(pathToFileURL(path.resolve(file)).href)
