// `npm run contract`: EngageLab's official Python client, unmodified, against a real server. What cannot be had on this
// machine is said to be NOT RUN, which is no failure; a wrong answer is one.
import { constants } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { startServer } from '../server-process.ts'
import { pythonEnvironment, run } from './python-environment.ts'
import { furnish } from './world.ts'

const script = path.join(import.meta.dirname, 'python_sdk')
/** Both versions that there are: they send lists differently, and read answers differently. */
const versions = ['0.1.1', '0.1.0']

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]))

let failures = 0
for (const version of versions) if (!(await hasPassed(version))) failures += 1
process.exitCode = failures === 0 ? 0 : 1

async function hasPassed(version: string): Promise<boolean> {
  const environment = await pythonEnvironment({ name: 'engagelab-apppush', version, module: 'engagelab' })
  if (environment.kind === 'missing') {
    say(`official Python SDK: NOT RUN (${environment.reason})`)
    return true
  }
  say(`official Python SDK ${version}`)
  const server = await startServer()
  try {
    const world = JSON.stringify(await furnish(server.url))
    // -B: no compiled files beside the sources.
    const { code, output } = await run(environment.python, ['-B', '-X', 'utf8', script, world])
    say(output.trimEnd())
    if (code !== 0) say(`official Python SDK ${version}: FAILED`)
    return code === 0
  } finally {
    await server.stop()
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
