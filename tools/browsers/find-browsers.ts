// Where the browsers of this machine are, and what to do when one is missing. Nothing is installed here.
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import process from 'node:process'

export type BrowserName = 'firefox' | 'chromium'

export const browserNames: readonly BrowserName[] = ['firefox', 'chromium']

/** Names the one browser in which a process tells its stories; where it is not set, both tell them. */
export const browserVariable = 'LETHE_TEST_BROWSER'

/** Programs by browser, the first that is found is taken, and Debian's package that brings it. */
const programs: Readonly<Record<BrowserName, { names: readonly string[]; debianPackage: string }>> = {
  firefox: { names: ['firefox-esr', 'firefox'], debianPackage: 'firefox-esr' },
  chromium: { names: ['chromium', 'chromium-browser', 'google-chrome'], debianPackage: 'chromium' },
}

/** The program of a browser; undefined when there is none. */
export function findBrowser(name: BrowserName): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  return programs[name].names
    .flatMap((program) => folders.map((folder) => path.join(folder, program)))
    .find(isProgram)
}

/** @throws Error with the command that installs what is missing. */
export function requireBrowser(name: BrowserName): string {
  const found = findBrowser(name)
  if (found === undefined) throw new Error(sentenceOfMissing([name]))
  return found
}

/** Undefined: both are there. */
export function complaintOfMissing(): string | undefined {
  const missing = browserNames.filter((name) => findBrowser(name) === undefined)
  return missing.length === 0 ? undefined : sentenceOfMissing(missing)
}

function sentenceOfMissing(missing: readonly BrowserName[]): string {
  const packages = missing.map((name) => programs[name].debianPackage).join(' ')
  return `Missing: ${missing.join(', ')}. On Debian: apt-get install --no-install-recommends ${packages}`
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
