// Writes the pages of docs/reference/ from the code, or with `--check` says which of them are not current.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { clientPage } from './docs/client-page.ts'
import { dataPage } from './docs/data-page.ts'
import { endpointsPage } from './docs/endpoints-page.ts'
import { errorsPage } from './docs/errors-page.ts'
import { readOpenApi } from './docs/open-api.ts'
import { settingsPage } from './docs/settings-page.ts'

const folder = path.join(import.meta.dirname, '..', 'docs', 'reference')

async function pages(): Promise<Record<string, string>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'lethe-docs-'))
  try {
    const openApi = await readOpenApi(directory)
    return {
      'client-api.md': clientPage(),
      'endpoints.md': endpointsPage(openApi),
      'errors.md': errorsPage(),
      'openapi.json': `${JSON.stringify(openApi, null, 2)}\n`,
      'personal-data.md': dataPage(),
      'settings.md': settingsPage(),
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

const isCheck = process.argv.includes('--check')
const made = Object.entries(await pages())
const stale = made.filter(([name, text]) => read(path.join(folder, name)) !== text).map(([name]) => name)
if (isCheck) {
  for (const name of stale) console.error(`docs/reference/${name} is not current: run \`npm run docs\`.`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of made) writeFileSync(path.join(folder, name), text)
  console.log(stale.length > 0 ? `written: ${stale.join(', ')}` : 'everything was current')
}
