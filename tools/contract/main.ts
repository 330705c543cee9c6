// `npm run contract`: EngageLab's official Python client, unmodified, against a real server. What cannot be had on this
// machine is said to be NOT RUN, which is no failure; a wrong answer is one.
import { constants } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { appKey, masterSecret, startServer } from '../server-process.ts'
import { pythonEnvironment, run } from './python-environment.ts'

const script = path.join(import.meta.dirname, 'python_sdk.py')
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
    const ids: string[] = []
    for (const platform of ['web', 'android', 'ios']) ids.push(await register(server.url, platform))
    const { code, output } = await run(environment.python, [
      '-X',
      'utf8',
      script,
      server.url,
      appKey,
      masterSecret,
      ...ids,
    ])
    say(output.trimEnd())
    if (code !== 0) say(`official Python SDK ${version}: FAILED`)
    return code === 0
  } finally {
    await server.stop()
  }
}

/** A user's own client makes the user: no server can choose an id. */
async function register(url: string, platform: string): Promise<string> {
  const response = await fetch(`${url}/client/v1/apps/${appKey}/registrations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ platform }),
  })
  const { registration_id } = (await response.json()) as { registration_id?: string }
  if (registration_id === undefined) throw new Error(`A registration was answered with ${response.status}.`)
  return registration_id
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
