#!/usr/bin/env node
// The lethe command. Plain JavaScript, so that a Node too old to strip types ends with a sentence that helps instead of a
// syntax error; everything else is in src/main.ts.
import process from 'node:process'

const nodeVersionMin = 24

if (Number.parseInt(process.versions.node, 10) < nodeVersionMin) {
  process.stderr.write(
    `Lethe needs Node ${nodeVersionMin} or newer and got ${process.versions.node}: start it with \`npm start\` or \`npx lethe\`, which use the Node that \`npm ci\` brought, or install a newer Node.\n`,
  )
  process.exit(1)
}

const { main } = await import('../src/main.ts')
process.exit(await main(process.argv.slice(2)))
