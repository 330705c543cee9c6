// `npm run build:sdk`: makes the files of the web SDK that the server hands out at /sdk/ and that the npm package holds.
// It prints their sizes, and fails where one is too large. `--quiet`: it prints nothing unless something is wrong.
// `--types`: also the declarations of the npm package, after `tsc -b`.
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { gzipSync } from 'node:zlib'
import type { BuildOptions } from 'esbuild'
import { writeTypes } from './sdk-types.ts'

const source = path.join(import.meta.dirname, '..', 'packages', 'web-sdk', 'src')
const dist = path.join(source, '..', 'dist')

type Builder = Pick<typeof import('esbuild'), 'build'>

interface Bundle {
  readonly file: string
  readonly entry: string
  readonly format: 'iife' | 'esm'
  /** Bytes with gzip at most: what the project promises its users. */
  readonly gzipBytesMax: number
}

const PAGE_BYTES_MAX = 10 * 1024
const WORKER_BYTES_MAX = 4 * 1024

const bundles: Bundle[] = [
  { file: 'lethe.js', entry: 'page/script.ts', format: 'iife', gzipBytesMax: PAGE_BYTES_MAX },
  { file: 'lethe.mjs', entry: 'page/index.ts', format: 'esm', gzipBytesMax: PAGE_BYTES_MAX },
  { file: 'mtpush.js', entry: 'page/mtpush.ts', format: 'iife', gzipBytesMax: PAGE_BYTES_MAX },
  { file: 'lethe-worker.js', entry: 'worker/index.ts', format: 'iife', gzipBytesMax: WORKER_BYTES_MAX },
]

/** Browsers of 2022 and newer: those that have Web Push in the form of today's standards. */
const common: BuildOptions = {
  bundle: true,
  minify: true,
  target: ['chrome109', 'firefox115', 'safari16.4'],
  legalComments: 'none',
  sourcemap: 'linked',
  logLevel: 'warning',
}

const isQuiet = process.argv.includes('--quiet')
// A server that runs without the development's packages brings built files, or does without.
const esbuild = await import('esbuild').catch(() => undefined)
let tooLarge = 0
if (esbuild) await makeAll(esbuild)
else
  process.stderr.write(
    'The web SDK was not built: esbuild is missing, which `npm ci` brings without `--omit=dev`.\n',
  )
if (process.argv.includes('--types')) writeTypes(path.join(dist, 'types'))
process.exitCode = esbuild && tooLarge === 0 ? 0 : 1

async function makeAll(builder: Builder): Promise<void> {
  await mkdir(dist, { recursive: true })
  for (const bundle of bundles) await make(builder, bundle)
}

async function make(builder: Builder, { file, entry, format, gzipBytesMax }: Bundle): Promise<void> {
  const outfile = path.join(dist, file)
  await builder.build({ ...common, format, entryPoints: [path.join(source, entry)], outfile })
  const bytes = readFileSync(outfile)
  const gzipBytes = gzipSync(bytes, { level: 9 }).length
  const isTooLarge = gzipBytes > gzipBytesMax
  if (isTooLarge) tooLarge += 1
  if (isQuiet && !isTooLarge) return
  const size = `${file.padEnd(16)} ${String(bytes.length).padStart(6)} bytes, ${String(gzipBytes).padStart(5)} with gzip`
  process.stdout.write(`${size} (at most ${gzipBytesMax})${isTooLarge ? ' TOO LARGE' : ''}\n`)
}
